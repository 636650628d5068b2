"""Eqs. 6 to 9 against a slow, literal transcription, and where the answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from whypretrain.knowledge.statistics import quotient
from whypretrain.knowledge.strengths import (
    RATIO_READINGS,
    RatioReading,
    held_knowledge,
    jaccard,
    ratio_terms,
    reached_strength,
    split_knowledge,
)

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
        return float(quotient(numerator.mean(), denominator.mean()))
    held = denominator > 0
    return float(np.mean(numerator[held] / denominator[held])) if held.any() else math.nan


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
    held = held_knowledge(probe, finetune)
    reached = reached_strength(held, scratch)
    for index in np.ndindex(probe.shape):
        expected = literal(*(float(model[index]) for model in models))
        assert knowledge.preserve[index] == expected["preserve"]
        assert knowledge.discard[index] == expected["discard"]
        assert knowledge.new[index] == expected["new"]
        assert abs(held[index]) == expected["preserve"]
        assert held[index] * probe[index] >= 0  # with the probe's sign
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
    assert reached_strength(held_knowledge(tiny, tiny), tiny).tolist() == [1e-200]


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
    held = held_knowledge(models[0], models[1])
    preserve, reached = np.abs(held), reached_strength(held, models[2])
    numerator, denominator = ratio_terms(preserve, reached, reading=reading)
    ratio = average(numerator, denominator, reading)
    assert ratio == pytest.approx(literal_ratio(preserve, reached, reading), nan_ok=True)
    assert math.isnan(ratio) or 0 <= ratio <= 1 + 1e-12


@pytest.mark.parametrize("reading", RATIO_READINGS)
def test_scratch_like_finetune_reaches_everything(reading: RatioReading) -> None:
    generator = np.random.default_rng(0)
    probe, finetune = generator.normal(size=(2, 4, 50))
    held = held_knowledge(probe, finetune)
    preserve, reached = np.abs(held), reached_strength(held, finetune)
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
    reached = reached_strength(held_knowledge(probe, finetune), scratch)
    terms = ratio_terms(knowledge.preserve, reached, reading="positive")
    assert average(*terms, "positive") == pytest.approx(0.40, abs=0.01)
    assert jaccard(finetune, scratch).mean() == pytest.approx(0.17, abs=0.01)
