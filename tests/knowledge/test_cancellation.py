"""The share that does not cancel by loops, and its chance level over every pattern of signs."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.integrate import quad

from whypretrain.knowledge.cancellation import (
    N_SIGNED,
    expected_sum,
    expected_uncancelled,
    uncancelled,
)

Array = NDArray[np.float64]
# Zeros, ties, and strengths whose squares under- and overflow.
strengths = st.sampled_from([0.0, 1.0, 1.0, 1e-200, 1e200]) | st.floats(1e-3, 9)


def lists(most: int) -> st.SearchStrategy[Array]:
    return st.integers(1, most).flatmap(lambda n: arrays(np.float64, n, elements=strengths))


def enumerated(values: Array) -> float:
    """The mean over all signs of the absolute sum, by adding one number after the other."""
    sums = [
        abs(math.fsum(s * float(v) for s, v in zip(signs, values, strict=True)))
        for signs in product((1, -1), repeat=len(values))
    ]
    return math.fsum(sums) / len(sums)


def integrated(values: Array) -> float:
    """(2/π) ∫ (1 − Π cos(t a_k)) / t² dt over t > 0, by characteristic functions."""
    scaled = values / np.linalg.norm(values)

    def integrand(t: float) -> float:
        return (1 - float(np.prod(np.cos(t * scaled)))) / t**2 if t else 0.5

    end = 400.0
    body = sum(quad(integrand, a, a + 10, limit=200)[0] for a in np.arange(0, end, 10))
    # Beyond the end the product is next to 0.
    return float((body + 1 / end) * 2 / np.pi * np.linalg.norm(values))


@given(lists(9))
@settings(max_examples=60)
def test_the_expected_sum_is_that_over_all_signs(values: Array) -> None:
    assert expected_sum(values) == pytest.approx(enumerated(values), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_exact_for_as_many_sets_as_are_gone_through(seed: int) -> None:
    values = np.random.default_rng(seed).exponential(size=N_SIGNED)
    assert expected_sum(values) == pytest.approx(enumerated(values), rel=1e-12)
    padded = np.append(values, np.zeros(500))
    assert expected_sum(padded) == pytest.approx(enumerated(values), rel=1e-12)


@pytest.mark.parametrize("count", [13, 14, 15, 16, 20, 50, 252, 1000])
def test_many_equal_strengths_are_a_binomial_walk(count: int) -> None:
    """E |S_m| = m C(m − 1, ⌊(m − 1)/2⌋) / 2^(m − 1): where Gaussians are the least alike."""
    exact = count * math.comb(count - 1, (count - 1) // 2) / 2 ** (count - 1)
    error = expected_sum(np.ones(count)) / exact - 1
    assert abs(error) < 1 / (3 * count)


@pytest.mark.parametrize("count", [13, 25, 60, 250])
@pytest.mark.parametrize("tail", ["exponential", "pareto", "uniform"])
def test_many_strengths_are_what_characteristic_functions_give(count: int, tail: str) -> None:
    generator = np.random.default_rng(count)
    values = {
        "exponential": generator.exponential(size=count),
        "pareto": generator.pareto(1.5, size=count),
        "uniform": generator.uniform(0.5, 1, size=count),
    }[tail]
    expected = integrated(values)
    found = float(expected_sum(values))
    others = np.sort(values)[:-N_SIGNED]
    assert abs(found - expected) <= (others**3).sum() / (others**2).sum()
    assert found == pytest.approx(expected, rel=0.01 if count < 20 else 1e-3)


@given(lists(40))
def test_it_lies_between_khintchines_bounds(values: Array) -> None:
    """‖a‖₂ / √2 <= E |Σ ε a| <= ‖a‖₂ (Szarek, 1976), and no less than the strongest."""
    scale = float(values.max()) or 1.0
    length = scale * float(np.linalg.norm(values / scale))
    found = float(expected_sum(values))
    assert length / math.sqrt(2) * (1 - 1e-9) <= found <= length * (1 + 1e-9)
    assert found >= values.max() * (1 - 1e-9)


@given(lists(20), st.floats(1e-3, 1e3), st.randoms(use_true_random=False))
def test_unit_and_sequence_do_not_matter(values: Array, unit: float, random: object) -> None:
    moved = values.copy()
    random.shuffle(moved)  # type: ignore[attr-defined]
    assert expected_sum(moved) == pytest.approx(float(expected_sum(values)), rel=1e-12)
    scaled = float(expected_sum(values * unit))
    assert scaled == pytest.approx(float(expected_sum(values)) * unit, rel=1e-9)


def test_nothing_sums_up_to_nothing() -> None:
    assert expected_sum(np.zeros(30)) == 0


@given(arrays(np.float64, (3, 8), elements=st.floats(-9, 9, allow_subnormal=False)))
def test_what_does_not_cancel_is_the_sum_over_the_strengths(models: Array) -> None:
    chosen = np.arange(8) % 3 != 0
    for own, found in zip(models, uncancelled(models, chosen), strict=True):
        kept = [float(x) for x, is_chosen in zip(own, chosen, strict=True) if is_chosen]
        whole = sum(map(abs, kept))
        if whole == 0:
            assert math.isnan(found)
        else:
            assert found == pytest.approx(abs(sum(kept)) / whole, abs=1e-12)
            assert 0 <= found <= 1


@given(arrays(np.float64, (2, 8), elements=st.floats(-9, 9, allow_subnormal=False)))
@settings(max_examples=30)
def test_at_chance_it_is_the_mean_over_all_signs(models: Array) -> None:
    chosen = np.array([[True] * 8, [False, True] * 4])
    found = expected_uncancelled(models, chosen)
    for own, is_chosen, one in zip(models, chosen, found, strict=True):
        kept = own[is_chosen]
        if not kept.any():
            assert math.isnan(one)
            continue
        every = [
            float(uncancelled(kept * signs, np.ones(len(kept), dtype=bool)))
            for signs in product((1, -1), repeat=len(kept))
        ]
        assert one == pytest.approx(np.mean(every), abs=1e-12)


def test_one_sign_does_not_cancel_and_a_single_set_never_does() -> None:
    model = np.arange(8.0)
    every = np.ones(8, dtype=bool)
    assert uncancelled(-model, every) == 1
    assert expected_uncancelled(model, np.arange(8) == 3) == uncancelled(model, np.arange(8) == 3)
    assert expected_uncancelled(model, every) < 1
