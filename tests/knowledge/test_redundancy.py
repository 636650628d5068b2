"""Interactions removed one by one, against a loop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from whypretrain.knowledge.redundancy import n_removable, redundancy_table
from whypretrain.settings.knowledge import Statistics

Array = NDArray[np.float64]
# Integers, so that sums in any sequence are exact; among them ties, zeros and v = 0.
models = st.integers(1, 4).flatmap(
    lambda n: arrays(np.float64, (2, 1 << n), elements=st.integers(-4, 4).map(float))
)


def literal(empty: float, removed: list[float]) -> int:
    """Remove one after the other until v > 0 is no longer what it was."""
    v = empty + sum(removed)
    was = v > 0
    for count, value in enumerate(removed):
        v -= value
        if (v > 0) != was:
            return count
    return len(removed)


@given(models)
def test_removal_is_that_of_a_loop(interactions: Array) -> None:
    options = Statistics(n_permutations=2)
    table = redundancy_table(["x", "y"], "scratch", interactions, options)
    for number, row in table.iterrows():
        empty, *own = interactions[int(str(number))].tolist()
        assert (row["v"], row["v_empty"], row["n_sets"]) == (empty + sum(own), empty, len(own))
        weakest_first = sorted(own, key=abs)
        assert row["n_prunable"] == literal(empty, weakest_first)
        assert row["prunable_share"] == row["n_prunable"] / len(own)
        pruned = sum(abs(value) for value in weakest_first[: row["n_prunable"]])
        total = sum(abs(value) for value in own)
        assert row["prunable_strength_share"] == pytest.approx(pruned / total if total else 1)
        harmless = literal(empty, weakest_first[::-1])
        if harmless == len(own):
            assert math.isnan(row["n_critical"])
        else:
            assert row["n_critical"] == harmless + 1
        assert 0 <= row["n_random"] <= len(own)


@given(models)
def test_in_a_given_sequence(interactions: Array) -> None:
    found = n_removable(interactions[:, 0], interactions[:, 1:])
    assert found.tolist() == [literal(row[0], row[1:]) for row in interactions.tolist()]


def test_random_sequences_are_averaged() -> None:
    """Of 1 and 3 above -2: without 3 the answer changes at once, without 1 it stays."""
    interactions = np.array([[-2.0, 1.0, 3.0, 0.0]] * 2)
    options = Statistics(n_permutations=3000)
    table = redundancy_table(["x", "y"], "scratch", interactions, options)
    # 3 is the first, second or last of three.
    assert table["n_random"].to_numpy() == pytest.approx((0 + 1 + 2) / 3, abs=0.05)
    assert table["n_random"].nunique() == 2  # samples have draws of their own
    assert table.equals(redundancy_table(["x", "y"], "scratch", interactions, options))
