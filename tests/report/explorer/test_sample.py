"""What the page says of a sample, against cases by hand, and outlines against their pixels."""

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image

from whypretrain.data.samples import Sample
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import reconstruction_error
from whypretrain.knowledge.strengths import split_knowledge
from whypretrain.report.explorer.experiment import evenly
from whypretrain.report.explorer.sample import (
    listed,
    outline,
    outlines,
    picture,
    sample_view,
    short,
    shorts,
)

EVERY = np.array([False, True, True, True])
QUIET = np.zeros(3)
Loop = list[tuple[int, int]]


def record(values: list[list[float]], predictions: list[int]) -> Record:
    """One sample under a snapshot each."""
    interactions = np.array(values)[:, None]
    outputs = np.zeros_like(interactions)
    outputs[..., -1] = interactions.sum(axis=2)
    n_snapshots = len(values)
    return Record(
        samples=["s"],
        classes=["a", "b"],
        labels=np.array([1]),
        fractions=np.linspace(0, 1, n_snapshots),
        epochs=np.linspace(0, 1, n_snapshots),
        outputs=outputs,
        interactions=interactions,
        logits=np.eye(2, dtype=np.float32)[predictions][:, None],
        noise_floor=np.zeros((n_snapshots, 3)),
        digests=np.full((n_snapshots, 1), ""),
        players=np.array([[[0, 1]]], dtype=np.int16),
    )


# probe a = (-, 3, 2, -4); finetune b at the start (-, 0, 0, 0) and at the end (-, 2, -1, -6):
# preserve 2, 0, 4; discard 1, 2, 0; new 0, 1, 2.
PRETRAIN = np.array([9.0, 3.0, 2.0, -4.0])
FINETUNE = np.array([[9.0, 0.0, 0.0, 0.0], [9.0, 2.0, -1.0, -6.0]])


def test_lists_are_by_the_final_model_and_show_strengths_along_training() -> None:
    split = split_knowledge(PRETRAIN[None], FINETUNE)
    found = listed(split, counted=EVERY, noise_floor=QUIET, n_listed=2)
    assert found["preserve"] == {
        "items": [{"set": 3, "strength": [0.0, 4.0]}, {"set": 1, "strength": [0.0, 2.0]}],
        "n": [0, 2],
        "share": [None, 1.0],
    }
    assert [item["set"] for item in found["discard"]["items"]] == [2, 1]
    assert found["discard"]["items"][0]["strength"] == [2.0, 2.0]
    assert [item["set"] for item in found["new"]["items"]] == [3, 2]
    assert (found["discard"]["n"], found["discard"]["share"]) == ([3, 2], [0.5556, 1.0])


def test_only_so_many_are_listed_and_their_share_is_told() -> None:
    split = split_knowledge(PRETRAIN[None], FINETUNE)
    found = listed(split, counted=EVERY, noise_floor=QUIET, n_listed=1)["preserve"]
    assert (len(found["items"]), found["n"], found["share"]) == (1, [0, 2], [None, 0.6667])


def test_what_no_metric_counts_and_noise_is_not_listed() -> None:
    split = split_knowledge(PRETRAIN[None], FINETUNE)
    first = np.array([False, True, True, False])
    found = listed(split, counted=first, noise_floor=np.array([0.0, 1.5, 0.0]), n_listed=5)
    assert [item["set"] for item in found["preserve"]["items"]] == [1]
    assert [item["set"] for item in found["discard"]["items"]] == [2]
    assert found["new"] == {"items": [], "n": [0, 0], "share": [None, None]}


def test_or_interactions_are_listed_with_a_sign() -> None:
    split = split_knowledge(
        np.array([[9.0, 1.0, 2.0, 3.0, 4.0]]), np.array([[9.0, 1.0, 0, 2.0, 5.0]])
    )
    counted = np.array([False, True, True, True, True])
    found = listed(split, counted=counted, noise_floor=QUIET, n_listed=3)
    assert [item["set"] for item in found["preserve"]["items"]] == [-3, 3, 1]
    assert [item["set"] for item in found["discard"]["items"]] == [2, 3]
    assert found["new"]["items"] == [{"set": -3, "strength": [1.0]}]


def test_equal_strengths_come_in_the_order_of_their_sets() -> None:
    split = split_knowledge(np.ones((1, 4)), np.ones((1, 4)))
    found = listed(split, counted=EVERY, noise_floor=QUIET, n_listed=3)["preserve"]
    assert [item["set"] for item in found["items"]] == [1, 2, 3]


def test_a_view_holds_models_and_values_of_every_listed_set() -> None:
    records = {
        "probe": record([[9.0, 3.0, 2.0, -4.0]], [0]),
        "finetune": record([[9.0, 0.0, 0.0, 0.0], [9.0, 2.0, -1.0, -6.0]], [0, 1]),
        "scratch": record([[0.0, i, i, i] for i in (0.0, 1.0)], [1, 1]),
    }
    masks = {"probe": [[0, 1, 1, 1]], "finetune": [[0] * 4, [0, 1, 0, 1]], "scratch": [[0] * 4] * 2}
    salient = {key: np.array(mask, dtype=bool)[:, None] for key, mask in masks.items()}
    options: Any = {"at": 0, "counted": EVERY, "noise_floor": QUIET, "n_listed": 8}
    players = np.array([[0, 1]], np.int16)
    sample = Sample("s", 1, np.zeros((1, 1, 2), np.uint8), np.zeros(1), players, [], [])
    view = sample_view(sample, records, salient, **options)
    errors = reconstruction_error(FINETUNE, salient["finetune"][:, 0])
    assert errors[1] > 0
    assert view["models"]["finetune"] == {
        "prediction": [0, 1],
        "right": [False, True],
        "empty": [0.0, 0.0],
        "v": [9.0, 4.0],
        "n_salient": [0, 2],
        "error": shorts(errors),
    }
    assert view["strongest"] == {"probe": [3, 1, 2], "finetune": [3, 1, 2], "scratch": [1, 2, 3]}
    assert set(view["values"]) == {"1", "2", "3"}
    assert view["values"]["3"] == {
        "probe": [-4.0],
        "finetune": [0.0, -6.0],
        "scratch": [0.0, 1.0],
    }
    assert (view["width"], view["height"]) == (2, 1)
    assert [player["path"] for player in view["players"]] == ["M0 0h1v1h-1z", "M1 0h1v1h-1z"]
    words = Sample("s", 1, np.zeros(2), np.zeros(2), np.array([0, 1], np.int16), ["a", "b"], [0, 1])
    view = sample_view(words, records, salient, **options)
    assert "image" not in view
    assert (view["words"], view["word_players"]) == (["a", "b"], [0, 1])


@pytest.mark.parametrize(
    ("channels", "side", "kind", "shown"),
    [(1, 28, "PNG", 28), (3, 64, "PNG", 64), (3, 224, "JPEG", 224), (1, 500, "JPEG", 384)],
)
def test_small_images_are_stored_as_they_are_and_large_ones_smaller(
    channels: int, side: int, kind: str, shown: int
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (channels, side, side)).astype(np.uint8)
    head, _, text = picture(image).partition(",")
    assert head == f"data:image/{kind.lower()};base64"
    stored = Image.open(io.BytesIO(base64.b64decode(text)))
    assert (stored.format, stored.size) == (kind, (shown, shown))
    if kind == "PNG":
        pixels = np.asarray(stored)
        assert (pixels == (image[0] if channels == 1 else image.transpose(1, 2, 0))).all()


@pytest.mark.parametrize("most", range(1, 12))
def test_samples_are_spread_evenly(most: int) -> None:
    chosen = evenly(10, most)
    assert len(chosen) == min(most, 10)
    assert len(set(chosen)) == len(chosen)
    assert chosen[0] == 0
    assert chosen[-1] == 9 or most == 1


def test_numbers_are_short() -> None:
    assert short(1234567.0) == 1235000.0
    assert short(1e-9 / 3) == 3.333e-10
    assert short(np.inf) is None


def loops_of(path: str) -> list[Loop]:
    """Corners of each loop of a path that is written with M, h, v and z."""
    found = []
    for part in path.split("z")[:-1]:
        start, steps = re.fullmatch(r"M(\d+ \d+)(.*)", part).groups()  # type: ignore[union-attr]
        x, y = map(int, start.split())
        loop = [(x, y)]
        for kind, length in re.findall(r"([hv])(-?\d+)", steps):
            x, y = (x + int(length), y) if kind == "h" else (x, y + int(length))
            loop.append((x, y))
        found.append(loop)
    return found


def filled(path: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels inside a path by the rule evenodd: upright edges to the left of each are counted."""
    crossings = np.zeros(shape, dtype=int)
    for loop in loops_of(path):
        for (x0, y0), (x1, y1) in zip(loop, [*loop[1:], loop[0]], strict=True):
            assert x0 == x1 or y0 == y1
            for row in range(min(y0, y1), max(y0, y1)):
                crossings[row, x0:] += 1
    return crossings % 2 == 1


def test_a_ring_has_two_loops() -> None:
    region = np.ones((3, 3), dtype=bool)
    region[1, 1] = False
    assert outline(region) == "M0 0h3v3h-3zM1 1v1h1v-1z"


def test_no_pixel_has_no_outline() -> None:
    assert outline(np.zeros((2, 2), dtype=bool)) == ""


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=7)))
def test_the_outline_encloses_the_region_and_nothing_else(region: NDArray[np.bool_]) -> None:
    path = outline(region)
    assert (filled(path, region.shape) == region).all()
    for loop in loops_of(path):  # no corner that is none
        turns = [*loop, loop[0], loop[1]]
        for (x0, y0), (x1, y1), (x2, y2) in zip(turns, turns[1:], turns[2:], strict=False):
            assert not x0 == x1 == x2
            assert not y0 == y1 == y2


@given(st.integers(1, 6), st.integers(1, 6))
def test_a_number_stands_in_its_player(height: int, width: int) -> None:
    players = np.full((height + 2, width + 2), -1)
    players[1:-1, 1:-1] = 0
    (place,) = outlines(players, 1)
    assert players[int(place["y"]), int(place["x"])] == 0
    assert place["room"] == (min(height, width) + 1) // 2
