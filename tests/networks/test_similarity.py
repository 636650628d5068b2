"""Linear CKA by Gram matrices and permutations, what it does not depend on, and the stage."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from tests.conftest import small
from tests.stages.test_stages import run
from whypretrain.data.inputs import inputs_of
from whypretrain.data.table import Split
from whypretrain.knowledge.reading import TABLES, read_table
from whypretrain.networks.build import build, penultimate, save_weights
from whypretrain.networks.similarity import MOST_ITEMS, evenly, linear_cka, similarity_table
from whypretrain.settings.similarity import SimilaritySettings
from whypretrain.stages import similarity

Array = NDArray[np.float64]


def features(*shape: int, seed: int = 0) -> Array:
    """Random features, far from centred."""
    return np.random.default_rng(seed).normal(size=shape) + 5


def by_gram(first: Array, second: Array) -> float:
    """Kornblith et al., eq. 3 to 5: HSIC of the Gram matrices, over the root of those of each."""
    n = len(first)
    centring = np.eye(n) - 1 / n

    def hsic(one: Array, other: Array) -> float:
        return float(np.trace(one @ one.T @ centring @ other @ other.T @ centring)) / (n - 1) ** 2

    return hsic(first, second) / np.sqrt(hsic(first, first) * hsic(second, second))


@pytest.mark.parametrize("widths", [(3, 5), (40, 30)])  # fewer features than items, and more
def test_it_is_the_one_of_gram_matrices(widths: tuple[int, int]) -> None:
    first = features(20, widths[0])
    second = features(20, widths[1], seed=1)
    second[:, :3] += first[:, :3]
    assert linear_cka(first, second)[0] == pytest.approx(by_gram(first, second))
    assert linear_cka(second, first) == pytest.approx(linear_cka(first, second))


def test_a_rotation_a_scale_and_a_shift_change_nothing() -> None:
    first, second = features(20, 6), features(20, 4, seed=1)
    turn = np.linalg.qr(features(6, 6, seed=2))[0]
    turned = -3 * first @ turn + features(6, seed=3)
    assert linear_cka(first, turned)[0] == pytest.approx(1)
    assert linear_cka(turned, second) == pytest.approx(linear_cka(first, second))
    stretched = first * np.arange(1, 7)
    assert linear_cka(first, stretched)[0] < 0.99  # any linear map would be too much


def test_chance_is_the_mean_over_all_permutations() -> None:
    first, second = features(6, 3), features(6, 9, seed=1)
    drawn = [linear_cka(first, second[list(order)])[0] for order in permutations(range(6))]
    assert linear_cka(first, second)[1] == pytest.approx(np.mean(drawn))
    assert np.mean(drawn) > 0.3  # so few items say little


def test_features_that_do_not_vary_are_like_none() -> None:
    assert linear_cka(np.ones((5, 3)), features(5, 3)) == (0, 0)


def test_the_table_has_one_row_a_pair() -> None:
    given = {"probe": features(9, 2), "finetune": features(9, 3, seed=1), "scratch": features(9, 4)}
    table = similarity_table(given)
    pairs = list(zip(table["first"], table["second"], strict=True))
    assert pairs == [("probe", "finetune"), ("probe", "scratch"), ("finetune", "scratch")]
    for row in table.to_dict("records"):
        expected = linear_cka(given[row["first"]], given[row["second"]])
        assert (row["cka"], row["chance"]) == expected
    assert (table["n_items"] == 9).all()


def test_at_most_so_many_items_evenly_by_id(digits: tuple[Split, Split]) -> None:
    split = digits[1]
    assert len(split.ids) < MOST_ITEMS
    order = sorted(split.ids)
    assert evenly(split).ids == order
    some = evenly(split, 7)
    assert some.ids == [order[i * len(order) // 7] for i in range(7)]
    for name, image, label in zip(some.ids, some.images, some.labels, strict=True):
        at = split.ids.index(name)
        assert (image, label) == (split.images[at], split.labels[at])
    assert (some.texts, some.task, some.classes) == ([], split.task, split.classes)
    shuffled = split._replace(
        ids=split.ids[::-1],
        images=split.images[::-1],
        labels=split.labels[::-1],
        annotations=split.annotations[::-1],
    )
    assert evenly(shuffled, 7) == some


def test_the_stage_compares_the_networks_of_the_weights_it_is_given(
    digits_folder: Path,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    architecture, split = small("whypretrain_resnet"), evenly(digits[1])
    inputs = inputs_of(split, architecture, device=torch.device("cpu"))
    found = {}
    for seed, name in enumerate(("probe", "scratch-seed1")):
        torch.manual_seed(seed)
        model = build(architecture, len(split.classes)).eval()
        save_weights(tmp_path / f"{name}.safetensors", model.state_dict(), {})
        images = inputs.batch(torch.arange(len(inputs)), None)
        found[name] = penultimate(model, images).detach().double().numpy()
    settings = SimilaritySettings(
        experiment="e", architecture=architecture, variants=["probe", "scratch-seed1"]
    )
    table = tmp_path / "similarity.csv"
    arguments = ["--settings", settings.to_json(), "--test", digits_folder / "test.parquet"]
    weights = [tmp_path / f"{name}.safetensors" for name in found]
    run(monkeypatch, similarity, *arguments, "--weights", *weights, "--table", table)
    written = read_table(table, TABLES["similarity"])
    expected = similarity_table(found)
    expected.insert(0, "experiment", "e")
    pd.testing.assert_frame_equal(written, expected, rtol=1e-4)
    with pytest.raises(ValueError, match="1 files for the variants probe, scratch-seed1"):
        run(monkeypatch, similarity, *arguments, "--weights", weights[0], "--table", table)
