"""References of every number: what they must be where the answer is known."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.references import (
    Models,
    comparisons,
    permute,
    permuted_jaccard,
)
from whypretrain.knowledge.strengths import jaccard, reached_strength, split_knowledge
from whypretrain.settings.knowledge import Statistics

Array = NDArray[np.float64]


@given(
    arrays(np.float64, (3, 16), elements=st.integers(-9, 9).map(float)),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=30)
def test_permuting_keeps_the_strengths_of_every_order(interactions: Array, seed: int) -> None:
    drawn = permute(interactions, np.random.default_rng(seed))
    for order in range(5):
        chosen = orders(4) == order
        np.testing.assert_array_equal(
            np.sort(drawn[:, chosen], axis=1), np.sort(interactions[:, chosen], axis=1)
        )


def test_samples_are_permuted_apart() -> None:
    same = np.tile(np.arange(64.0), (2, 1))
    drawn = permute(same, np.random.default_rng(0))
    assert not np.array_equal(drawn[0], drawn[1])


def test_chance_is_the_mean_over_all_permutations() -> None:
    """Against every one of the 3! permutations of the sets of order 1 and those of order 2."""
    generator = np.random.default_rng(0)
    probe, finetune, scratch = generator.normal(size=(3, 1, 8))
    expected_preserve, expected_reached = [], []
    held = split_knowledge(probe, finetune).preserve
    single, pairs = np.flatnonzero(orders(3) == 1), np.flatnonzero(orders(3) == 2)
    for first in permutations(single):
        for second in permutations(pairs):
            index = np.arange(8)
            index[single], index[pairs] = first, second
            preserve = split_knowledge(probe, finetune[:, index]).preserve
            expected_preserve.append(preserve)
            expected_reached.append(reached_strength(probe, held, scratch[:, index]))
    found = dict(comparisons(Models(probe, finetune, scratch), Statistics(n_permutations=4000)))
    chance = found["chance"]
    np.testing.assert_allclose(chance.preserve, np.mean(expected_preserve, axis=0), atol=0.05)
    np.testing.assert_allclose(chance.reached, np.mean(expected_reached, axis=0), atol=0.05)
    np.testing.assert_array_equal(chance.held, held)
    np.testing.assert_allclose(chance.preserve + chance.discard, np.abs(probe))


def test_swapped_swaps_and_second_run_compares_two_fine_tuned_models() -> None:
    probe, finetune, scratch, replicate = np.random.default_rng(1).normal(size=(4, 2, 16))
    few = Statistics(n_permutations=1)
    found = dict(comparisons(Models(probe, finetune, scratch, replicate), few))
    swapped = dict(comparisons(Models(probe, scratch, finetune), few))["measured"]
    for name, strength in found["swapped"]._asdict().items():
        np.testing.assert_array_equal(strength, swapped._asdict()[name])
    own = split_knowledge(replicate, finetune)
    np.testing.assert_array_equal(found["second_run"].preserve, own.preserve)
    held = split_knowledge(probe, finetune).preserve
    np.testing.assert_array_equal(found["second_run"].held, held)
    np.testing.assert_array_equal(
        found["second_run"].reached, reached_strength(probe, held, replicate)
    )
    assert "second_run" not in dict(comparisons(Models(probe, finetune, scratch), few))


def test_an_equal_replicate_preserves_all_and_reaches_all() -> None:
    probe, finetune, scratch = np.random.default_rng(2).normal(size=(3, 2, 16))
    models = Models(probe, finetune, scratch, finetune)
    ceiling = dict(comparisons(models, Statistics(n_permutations=1)))["second_run"]
    assert ceiling.discard.max() == ceiling.new.max() == 0
    np.testing.assert_array_equal(ceiling.reached, ceiling.held)


def test_permuted_jaccard_is_that_of_unrelated_models() -> None:
    final = np.random.default_rng(3).normal(size=(4, 1 << 10))
    counted = orders(10) > 0
    found = permuted_jaccard(final, final, counted, Statistics(n_permutations=5))
    unrelated = np.random.default_rng(4).normal(size=final.shape)
    expected = jaccard(unrelated[:, counted], final[:, counted]).mean()
    assert found.mean() == pytest.approx(expected, abs=0.01)
