"""Samples by who is right on them, against sums written out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.knowledge import plain
from whypretrain.knowledge.hard import groups, hard_table
from whypretrain.knowledge.strengths import VARIANTS

# Columns: each of the eight ways in which three networks can be right or wrong.
RIGHT = np.array(np.meshgrid(*[[False, True]] * 3, indexing="ij")).reshape(3, 8)
CORRECT = dict(zip(VARIANTS, RIGHT, strict=True))
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 0])


def drawn() -> dict[str, NDArray[np.float64]]:
    generator = np.random.default_rng(0)
    return {variant: generator.normal(size=(8, 16)) for variant in VARIANTS}


def test_groups_are_what_they_say() -> None:
    found = groups(CORRECT)
    for sample, (probe, finetune, scratch) in enumerate(RIGHT.T.tolist()):
        names = {name for name, chosen in found.items() if chosen[sample]}
        expected = {"every"}
        expected |= {"all_right"} if probe and finetune and scratch else set()
        expected |= {"hard"} if finetune and not scratch else set()
        expected |= {"only_finetune"} if finetune and not scratch and not probe else set()
        expected |= {"lost"} if scratch and not finetune else set()
        expected |= {"none_right"} if not (probe or finetune or scratch) else set()
        assert names == expected


def by_permuting(probe: NDArray[np.float64], finetune: NDArray[np.float64]) -> float:
    """What is preserved without the empty set, mean over all arrangements within orders."""
    total = 0.0
    for order in range(1, 5):
        own = plain.sets_of(order, 16)
        total += sum(plain.f(x, y) for x in probe[own] for y in finetune[own]) / len(own)
    return total


def test_numbers_are_sums_over_the_sets_of_the_samples() -> None:
    models = drawn()
    table = hard_table(models, CORRECT, LABELS).set_index("group")
    assert list(table.index) == list(groups(CORRECT))
    for group, chosen in groups(CORRECT).items():
        total = held = also = 0.0
        for sample in np.flatnonzero(chosen):
            for a, b, c in zip(*(models[v][sample, 1:].tolist() for v in VARIANTS), strict=True):
                preserved = min(abs(a), abs(b)) if a * b > 0 else 0.0
                total += abs(a)
                held += preserved
                also += min(abs(c), preserved) if a * c > 0 else 0.0
        row = table.loc[group]
        assert row["n"] == chosen.sum()
        assert row["n_classes"] == len(set(LABELS[chosen].tolist()))
        assert row["preserved_share"] == pytest.approx(held / total)
        by_chance = [
            by_permuting(*(models[v][s] for v in VARIANTS[:2])) for s in chosen.nonzero()[0]
        ]
        assert row["chance"] == pytest.approx(sum(by_chance) / total)
        assert row["reached_share"] == pytest.approx(also / held)
        for variant in VARIANTS:
            v = [models[variant][sample].sum() for sample in np.flatnonzero(chosen)]
            assert row[f"v_{variant}"] == pytest.approx(np.mean(v))


def test_groups_without_a_sample_have_no_row() -> None:
    right = {variant: np.ones(8, dtype=bool) for variant in VARIANTS}
    table = hard_table(drawn(), right, LABELS)
    assert table["group"].tolist() == ["every", "all_right"]
    assert (table["n"] == 8).all()


def test_where_nothing_is_preserved_there_is_nothing_to_reach() -> None:
    models = drawn()
    models["finetune"] = -models["probe"]
    table = hard_table(models, CORRECT, LABELS)
    assert (table["preserved_share"] == 0).all()
    assert table["reached_share"].isna().all()
