"""Interactions removed from v(N), in parts and one by one, against loops over sets."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from whypretrain.interactions.mobius import members
from whypretrain.knowledge.removal import (
    counterfactual_table,
    n_removable,
    random_effects,
    redundancy_table,
    removed_effect,
)
from whypretrain.knowledge.strengths import split_knowledge
from whypretrain.settings.knowledge import Statistics

Array = NDArray[np.float64]
OPTIONS = Statistics(n_permutations=3)
pairs = st.integers(1, 4).flatmap(
    lambda n: arrays(
        np.float64,
        (2, 2, 1 << n),  # models, samples, coalitions
        elements=st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-9, 9, allow_subnormal=False),
    )
)


# Integers, so that sums in any sequence are exact; among them ties, zeros and v = 0.
models = st.integers(1, 4).flatmap(
    lambda n: arrays(np.float64, (2, 1 << n), elements=st.integers(-4, 4).map(float))
)


@given(pairs)
def test_effect_is_the_signed_part_of_every_order(models: Array) -> None:
    own = models[0]
    part = split_knowledge(*models).preserve
    effect = removed_effect(own, part)
    for sample in range(2):
        expected = [0.0] * len(effect)
        for number in range(1, own.shape[1]):
            value, strength = float(own[sample, number]), float(part[sample, number])
            expected[len(members(number)) - 1] += math.copysign(strength, value)
        assert effect[:, sample] == pytest.approx(expected)


@given(pairs)
def test_without_both_parts_only_the_empty_set_is_left(models: Array) -> None:
    probe, finetune = models
    knowledge = split_knowledge(probe, finetune)
    for own, other in ((probe, knowledge.discard), (finetune, knowledge.new)):
        effects = removed_effect(own, knowledge.preserve) + removed_effect(own, other)
        np.testing.assert_allclose(own.sum(axis=1) - effects.sum(axis=0), own[:, 0], atol=1e-12)


@given(pairs)
def test_at_random_all_or_nothing_is_all_or_nothing(models: Array) -> None:
    own = models[0]
    whole, nothing = random_effects(own, [np.abs(own), np.zeros_like(own)], OPTIONS)
    expected = removed_effect(own, np.abs(own))
    for draw in range(OPTIONS.n_permutations):
        np.testing.assert_allclose(whole[:, draw], expected, atol=1e-12)
    assert (nothing == 0).all()


def test_at_random_sets_go_whole_until_the_strength_is_gone() -> None:
    """Of strengths 1, 2 and 4 of one order 3 is removed: every sequence of the sets occurs."""
    own = np.zeros((1, 8))
    own[0, [1, 2, 4]] = 1.0, -2.0, 4.0
    part = np.zeros_like(own)
    part[0, 4] = 3.0
    options = Statistics(n_permutations=3000)
    found = random_effects(own, [part], options)[0, 0, :, 0]
    # (1, -2): -1. (1, 4): 1 + 2. (-2, 1): -1. (-2, 4): -2 + 1. (4, …): 3, twice.
    expected = {-1.0: 3 / 6, 3.0: 3 / 6}
    assert set(found) == set(expected)
    for value, share in expected.items():
        assert np.mean(found == value) == pytest.approx(share, abs=0.04)
    assert (random_effects(own, [part], options)[0, 1:] == 0).all()


def test_draws_differ_between_samples_and_repeat_for_a_seed() -> None:
    own = np.repeat(np.random.default_rng(0).normal(size=(1, 64)), 5, axis=0)
    part = np.abs(own) / 3
    found = random_effects(own, [part], OPTIONS)
    assert len(np.unique(found[0, 2, 0])) > 1
    assert len(np.unique(found[0, 2, :, 0])) > 1
    np.testing.assert_array_equal(found, random_effects(own, [part], OPTIONS))
    other = Statistics(n_permutations=3, seed=1)
    assert not np.array_equal(found, random_effects(own, [part], other))


def test_the_table_says_what_was_and_what_would_be() -> None:
    probe, finetune = np.random.default_rng(0).normal(size=(2, 3, 16))
    table = counterfactual_table(["x", "y", "z"], probe, finetune, OPTIONS)
    assert len(table) == 4 * 2 * 5 * 3
    assert list(table["order"].unique()) == ["all", "1", "2", "3", "4"]
    keys = ["variant", "removed", "order", "reference", "sample"]
    rows = table.set_index(keys).sort_index()
    knowledge = split_knowledge(probe, finetune)
    chosen = "removed == 'new' and order == 'all' and reference == 'measured' and sample == 'y'"
    row = table.query(chosen).iloc[0]
    assert row["v_before"] == pytest.approx(finetune[1].sum())
    expected = finetune[1].sum() - (np.sign(finetune) * knowledge.new)[1, 1:].sum()
    assert row["v_after"] == pytest.approx(expected)
    assert row["strength"] == pytest.approx(knowledge.new[1, 1:].sum())
    assert row["positive_after"] == float(expected > 0)
    # Orders add up, under chance too, and chance removes as much.
    change = rows["v_after"] - rows["v_before"]
    for reference in ("measured", "chance"):
        of_z = change.loc["probe", "discard", :, reference, "z"]
        assert of_z["all"] == pytest.approx(of_z.drop("all").sum())
    strength = rows["strength"].unstack("reference")
    assert (strength["measured"] == strength["chance"]).all()
    shares = table["positive_after"] * OPTIONS.n_permutations
    np.testing.assert_allclose(shares, shares.round(), atol=1e-12)


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
