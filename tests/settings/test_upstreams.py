"""The suite `upstreams`: which images each of its networks sees, by the data themselves."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from whypretrain.data.sources import load_source
from whypretrain.data.table import Row, Splits
from whypretrain.settings.__main__ import load
from whypretrain.settings.data import Digits

ROOT = Path(__file__).parents[2]
CONFIG = load(ROOT / "config.yaml")
SUITE = CONFIG.suites["upstreams"]
DOWNSTREAM = "digits_5to9_20"


@pytest.fixture(scope="module")
def splits() -> dict[str, Splits]:
    """All digits of the configuration."""
    return {
        name: load_source(dataset)
        for name, dataset in CONFIG.datasets.items()
        if isinstance(dataset, Digits)
    }


def ids(rows: Iterable[Row]) -> set[str]:
    return {row.id for row in rows}


def upstream(experiment: str) -> str:
    name = CONFIG.models[CONFIG.experiments[experiment].model].weights.dataset
    assert name is not None
    return name


def test_all_experiments_of_the_suite_have_one_downstream_task() -> None:
    assert {CONFIG.experiments[name].dataset for name in SUITE} == {DOWNSTREAM}
    for architecture in ("vit", "resnet"):
        chosen = [CONFIG.experiments[n] for n in SUITE if n.startswith(architecture)]
        assert len(chosen) == 6
        assert len({(e.finetune.recipe, e.scratch.recipe, *e.seeds) for e in chosen}) == 1
        shared = {CONFIG.architecture(e.model).to_json() for e in chosen}
        assert len(shared) == 1


@pytest.mark.parametrize("experiment", SUITE)
def test_no_network_was_pretrained_on_an_image_that_is_tested_on(
    experiment: str, splits: dict[str, Splits]
) -> None:
    assert not ids(splits[upstream(experiment)].train) & ids(splits[DOWNSTREAM].test)


@pytest.mark.parametrize("experiment", [name for name in SUITE if not name.endswith("-warm")])
def test_upstream_images_are_as_many_and_none_of_those_downstream(
    experiment: str, splits: dict[str, Splits]
) -> None:
    seen = splits[upstream(experiment)].train
    assert len(seen) == 400
    assert not ids(seen) & ids(splits[DOWNSTREAM].train)


def test_a_warm_start_is_trained_on_half_of_the_downstream_images(
    splits: dict[str, Splits],
) -> None:
    part, whole = splits[upstream("vit-warm")], splits[DOWNSTREAM]
    assert len(part.train) == 50
    assert set(part.train) < set(whole.train)
    assert part.test == whole.test


def test_the_downstream_training_images_are_those_of_the_embedded_suite(
    splits: dict[str, Splits],
) -> None:
    assert splits[DOWNSTREAM].train == splits["digits_5to9"].train
    assert ids(splits[DOWNSTREAM].test) < ids(splits["digits_5to9"].test)


def test_the_domains_differ_in_nothing_but_the_pixels(splits: dict[str, Splits]) -> None:
    plain = splits["digits_0to4_80"]
    for name in ("digits_0to4_80_inverted", "digits_0to4_80_shuffled"):
        for before, after in zip(plain.train, splits[name].train, strict=True):
            assert (before.id, before.label) == (after.id, after.label)
            assert before.content != after.content
