"""Interactions removed from v(N), in parts and one by one, against loops over sets."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from whypretrain.interactions.mobius import members
from whypretrain.knowledge import removal
from whypretrain.knowledge.removal import (
    counterfactual_table,
    n_removable,
    proportional_effect,
    redundancy_table,
    removed_effect,
)
from whypretrain.knowledge.strengths import split_knowledge

Array = NDArray[np.float64]
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


def test_chance_removes_as_much_of_each_kind() -> None:
    # Two players: ∅, {0}, {1}, AND {0, 1}, OR {0, 1}.
    own = np.array([[9.0, 1.0, -3.0, 4.0, -8.0]])
    part = np.array([[0.0, 1.0, 1.0, 3.0, 2.0]])
    np.testing.assert_allclose(removed_effect(own, part), [[0.0], [1.0]])
    # Of order 1 half the strength of 4 and a sum of -2; of AND 3/4 of 4, of OR 1/4 of -8.
    np.testing.assert_allclose(proportional_effect(own, part), [[-1.0], [1.0]])
    alone = np.array([[0.0, 0.0, 0.0, 0.0, 2.0]])
    np.testing.assert_allclose(proportional_effect(own, alone), [[0.0], [-2.0]])


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
def test_of_all_sets_alike_all_or_nothing_is_all_or_nothing(models: Array) -> None:
    own = models[0]
    expected = removed_effect(own, np.abs(own))
    np.testing.assert_allclose(proportional_effect(own, np.abs(own)), expected, atol=1e-12)
    assert (proportional_effect(own, np.zeros_like(own)) == 0).all()


@given(pairs)
def test_of_all_sets_alike_means_the_same_share_of_each(models: Array) -> None:
    own, part = models[0], split_knowledge(*models).preserve
    found = proportional_effect(own, part)
    for sample in range(2):
        for order in range(1, len(found) + 1):
            sets = [t for t in range(own.shape[1]) if len(members(t)) == order]
            strength = sum(abs(own[sample, t]) for t in sets)
            share = sum(part[sample, t] for t in sets) / strength if strength else 0
            expected = sum(share * own[sample, t] for t in sets)
            assert found[order - 1, sample] == pytest.approx(expected, abs=1e-9)


def test_it_is_the_mean_over_units_of_strength_drawn_at_random() -> None:
    """Of strengths 1, 2 and 4 in units of 1/10 three tenths are drawn, without replacement."""
    own = np.zeros((1, 8))
    own[0, [1, 2, 4]] = 1.0, -2.0, 4.0
    part = np.zeros_like(own)
    part[0, 4] = 2.1
    signs = np.repeat([1.0, -1.0, 1.0], [10, 20, 40])
    generator = np.random.default_rng(0)
    draws = [generator.permutation(signs)[:21].sum() / 10 for _ in range(20000)]
    assert proportional_effect(own, part)[0, 0] == pytest.approx(np.mean(draws), abs=0.01)


def test_the_table_says_what_was_and_what_would_be() -> None:
    probe, finetune, scratch = np.random.default_rng(0).normal(size=(3, 3, 16))
    table = counterfactual_table(["x", "y", "z"], probe, finetune, scratch)
    assert len(table) == 6 * 2 * 5 * 3
    assert list(table["order"].unique()) == ["all", "1", "2", "3", "4"]
    keys = ["variant", "removed", "order", "reference", "sample"]
    rows = table.set_index(keys).sort_index()
    parts = {
        ("probe", "preserve"): (probe, split_knowledge(probe, finetune).preserve),
        ("probe", "discard"): (probe, split_knowledge(probe, finetune).discard),
        ("finetune", "preserve"): (finetune, split_knowledge(probe, finetune).preserve),
        ("finetune", "new"): (finetune, split_knowledge(probe, finetune).new),
        ("finetune", "finetune_only"): (finetune, split_knowledge(scratch, finetune).new),
        ("scratch", "scratch_only"): (scratch, split_knowledge(finetune, scratch).new),
    }
    assert set(zip(table["variant"], table["removed"], strict=True)) == set(parts)
    of_y = table.query("order == 'all' and reference == 'measured' and sample == 'y'")
    for row in of_y.to_dict("records"):
        own, part = parts[row["variant"], row["removed"]]
        assert row["v_before"] == pytest.approx(own[1].sum())
        expected = own[1].sum() - (np.sign(own) * part)[1, 1:].sum()
        assert row["v_after"] == pytest.approx(expected)
        assert row["strength"] == pytest.approx(part[1, 1:].sum())
        assert row["positive_after"] == float(expected > 0)
    # Orders add up, under chance too, and chance removes as much.
    change = rows["v_after"] - rows["v_before"]
    for reference in ("measured", "chance"):
        of_z = change.loc["scratch", "scratch_only", :, reference, "z"]
        assert of_z["all"] == pytest.approx(of_z.drop("all").sum())
    strength = rows["strength"].unstack("reference")
    assert (strength["measured"] == strength["chance"]).all()
    last = rows["v_after"].unstack("reference").xs("4", level="order")  # a single set: no choice
    np.testing.assert_allclose(last["measured"], last["chance"])


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removal, "N_SEQUENCES", 5)
        table = redundancy_table(["x", "y"], interactions)
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
    interactions = np.array([[-2.0, 1.0, 3.0, 0.0], [-2.0, 3.0, 1.0, 0.0]])
    table = redundancy_table(["x", "y"], interactions)
    # 3 is the first, second or last of three.
    assert table["n_random"].to_numpy() == pytest.approx((0 + 1 + 2) / 3, abs=0.06)
    # A sample's number does not depend on the others, nor on their order.
    swapped = redundancy_table(["y", "x"], interactions[::-1])
    assert table["n_random"].tolist() == swapped["n_random"].tolist()[::-1]
    alone = redundancy_table(["x"], interactions[:1])
    assert alone["n_random"].item() == table["n_random"][0]
