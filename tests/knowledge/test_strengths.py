"""Eqs. 6 to 9 against a slow, literal transcription; references where the answer is known."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.statistics import mean, quotient
from whypretrain.knowledge.strengths import (
    RATIO_READINGS,
    Models,
    RatioReading,
    comparisons,
    jaccard,
    permute,
    permuted_jaccard,
    ratio_terms,
    reached_strength,
    split_knowledge,
)
from whypretrain.settings.knowledge import Statistics

Array = NDArray[np.float64]

# Zeros and equal strengths are the cases that matter; wide floats would underflow a·b.
strengths = st.sampled_from([0.0, 0.0, 1.0, -1.0, 2.5, -2.5]) | st.floats(-9, 9).filter(
    lambda x: x == 0 or abs(x) > 1e-6
)
triples = st.integers(1, 6).flatmap(
    lambda n: arrays(np.float64, (3, 2, n), elements=strengths)  # models, samples, sets
)


def average(numerator: Array, denominator: Array, reading: RatioReading) -> float:
    """The ratio as tables and statistics make it of the samples' terms."""
    if reading == "weighted":
        return float(quotient(numerator, denominator))
    return float(mean(numerator / np.where(denominator > 0, denominator, np.nan)))


def literal(a: float, b: float, c: float) -> dict[str, float]:
    """Eqs. 6, 7 and 8 for one set, as the paper writes them."""
    gamma_finetune = a * b
    preserve = (1 if gamma_finetune > 0 else 0) * min(abs(a), abs(b))
    gamma_random = a * c
    numerator = (1 if gamma_random > 0 else 0) * min(abs(c), preserve)
    return {
        "preserve": preserve,
        "discard": abs(a) - preserve,
        "new": abs(b) - preserve,
        "numerator": numerator,
    }


@given(triples)
def test_split_equals_the_equations(models: Array) -> None:
    probe, finetune, scratch = models
    knowledge = split_knowledge(probe, finetune)
    reached = reached_strength(probe, knowledge.preserve, scratch)
    for index in np.ndindex(probe.shape):
        expected = literal(*(float(model[index]) for model in models))
        assert knowledge.preserve[index] == expected["preserve"]
        assert knowledge.discard[index] == expected["discard"]
        assert knowledge.new[index] == expected["new"]
        assert reached[index] == expected["numerator"]


@given(triples)
def test_parts_add_up_to_the_models(models: Array) -> None:
    probe, finetune, scratch = models
    knowledge = split_knowledge(probe, finetune)
    np.testing.assert_allclose(knowledge.preserve + knowledge.discard, np.abs(probe))
    np.testing.assert_allclose(knowledge.preserve + knowledge.new, np.abs(finetune))
    assert all((part >= 0).all() for part in knowledge)
    assert (split_knowledge(finetune, scratch)[0] == split_knowledge(scratch, finetune)[0]).all()


def test_tiny_strengths_of_one_sign_are_shared_although_their_product_underflows() -> None:
    tiny = np.array([1e-200])
    assert split_knowledge(tiny, tiny).preserve.tolist() == [1e-200]
    assert reached_strength(tiny, tiny, tiny).tolist() == [1e-200]


def literal_ratio(preserve: Array, reached: Array, reading: RatioReading) -> float:
    """METHOD's four readings of the average of eq. 8, by loops."""
    if reading == "weighted":
        total = sum(float(x) for x in preserve.ravel())
        return sum(float(x) for x in reached.ravel()) / total if total else math.nan
    per_sample = []
    for p_row, r_row in zip(preserve.tolist(), reached.tolist(), strict=True):
        values = []
        for p, r in zip(p_row, r_row, strict=True):
            if reading == "zero":
                values.append(r / p if p > 0 else 0.0)
            elif (reading == "positive" and p > 0) or (
                reading == "salient" and p > 0.05 * max(p_row)
            ):
                values.append(r / p)
        if values:
            per_sample.append(sum(values) / len(values))
    return sum(per_sample) / len(per_sample) if per_sample else math.nan


@pytest.mark.parametrize("reading", RATIO_READINGS)
@given(models=triples)
def test_ratio_equals_its_reading(reading: RatioReading, models: Array) -> None:
    preserve = split_knowledge(models[0], models[1]).preserve
    reached = reached_strength(models[0], preserve, models[2])
    numerator, denominator = ratio_terms(preserve, reached, reading=reading)
    ratio = average(numerator, denominator, reading)
    assert ratio == pytest.approx(literal_ratio(preserve, reached, reading), nan_ok=True)
    assert math.isnan(ratio) or 0 <= ratio <= 1 + 1e-12


@pytest.mark.parametrize("reading", RATIO_READINGS)
def test_scratch_like_finetune_reaches_everything(reading: RatioReading) -> None:
    generator = np.random.default_rng(0)
    probe, finetune = generator.normal(size=(2, 4, 50))
    preserve = split_knowledge(probe, finetune).preserve
    reached = reached_strength(probe, preserve, finetune)
    ratio = average(*ratio_terms(preserve, reached, reading=reading), reading)
    assert ratio == pytest.approx((preserve > 0).mean(axis=1).mean() if reading == "zero" else 1)


@given(arrays(np.float64, (2, 3, 5), elements=strengths))
def test_jaccard_equals_the_equation(models: Array) -> None:
    early, final = models
    found = jaccard(early, final)
    for row in range(3):
        extended = [
            [max(x, 0) for x in values] + [-min(x, 0) for x in values]
            for values in (early[row].tolist(), final[row].tolist())
        ]
        common = sum(min(pair) for pair in zip(*extended, strict=True))
        union = sum(max(pair) for pair in zip(*extended, strict=True))
        assert found[row] == pytest.approx(common / union if union else 1.0)
        assert jaccard(final, final)[row] == 1


def test_chance_levels_of_unrelated_gaussian_models() -> None:
    """METHOD §5: unrelated models give discard/preserve 2.4, ratio 0.40 and Jaccard 0.17."""
    probe, finetune, scratch = np.random.default_rng(0).normal(size=(3, 50, 4096))
    knowledge = split_knowledge(probe, finetune)
    assert knowledge.discard.mean() / knowledge.preserve.mean() == pytest.approx(2.4, abs=0.05)
    reached = reached_strength(probe, knowledge.preserve, scratch)
    terms = ratio_terms(knowledge.preserve, reached, reading="positive")
    assert average(*terms, "positive") == pytest.approx(0.40, abs=0.01)
    assert jaccard(finetune, scratch).mean() == pytest.approx(0.17, abs=0.01)


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
