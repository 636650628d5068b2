"""What the page says of a sample, against cases computed by hand."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from whypretrain.data.samples import Sample
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import reconstruction_error
from whypretrain.knowledge.strengths import split_knowledge
from whypretrain.report.explorer.experiment import evenly
from whypretrain.report.explorer.sample import listed, picture, sample_view, short, shorts

EVERY = np.array([False, True, True, True])
QUIET = np.zeros(3)


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
        "n": 2,
        "share": 1.0,
    }
    assert [item["set"] for item in found["discard"]["items"]] == [2, 1]
    assert found["discard"]["items"][0]["strength"] == [2.0, 2.0]
    assert [item["set"] for item in found["new"]["items"]] == [3, 2]


def test_only_so_many_are_listed_and_their_share_is_told() -> None:
    split = split_knowledge(PRETRAIN[None], FINETUNE)
    found = listed(split, counted=EVERY, noise_floor=QUIET, n_listed=1)["preserve"]
    assert (len(found["items"]), found["n"], found["share"]) == (1, 2, 0.6667)


def test_what_no_metric_counts_and_noise_is_not_listed() -> None:
    split = split_knowledge(PRETRAIN[None], FINETUNE)
    first = np.array([False, True, True, False])
    found = listed(split, counted=first, noise_floor=np.array([0.0, 1.5, 0.0]), n_listed=5)
    assert [item["set"] for item in found["preserve"]["items"]] == [1]
    assert [item["set"] for item in found["discard"]["items"]] == [2]
    assert found["new"] == {"items": [], "n": 0, "share": None}


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
        "v": [9.0, 4.0],
        "n_salient": [0, 2],
        "error": shorts(errors),
    }
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
