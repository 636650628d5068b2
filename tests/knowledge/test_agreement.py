"""Agreement: 1 with oneself, 0 at chance, and against every permutation or pattern of signs."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tests.knowledge import plain
from whypretrain.knowledge.agreement import agreement, order_groups, set_terms, sign_terms

Array = NDArray[np.float64]
INNER = np.array([1, 2])
"""Orders of three players with more than one set."""
strengths = st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-9, 9, allow_subnormal=False)
models = arrays(np.float64, (2, 1, 8), elements=strengths)


@given(models)
@settings(max_examples=50)
def test_it_is_that_of_every_arrangement(both: Array) -> None:
    first, second = both
    for signs, terms in ((False, set_terms(first, second)), (True, sign_terms(first, second))):
        for own in ([1], [2], [1, 2]):
            (found,) = agreement(terms, np.array(own))
            expected = plain.agreement(first[0], second[0], own, signs=signs)
            assume(math.isnan(expected) == math.isnan(found))  # a room of rounding alone
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)


def test_terms_are_sums_of_each_order() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 5, 8))
    terms = set_terms(first, second)
    for sample in range(5):
        for order in range(4):
            own = plain.sets_of(order, 8)
            x, y = first[sample, own], second[sample, own]
            sums = [sum(map(plain.f, x, one)) for one in plain.permuted(y.tolist())]
            assert terms.common[sample, order] == pytest.approx(sum(map(plain.f, x, y)))
            assert terms.chance[sample, order] == pytest.approx(np.mean(sums))
            assert terms.largest[sample, order] == pytest.approx(max(sums))


@pytest.mark.parametrize("factor", [1.0, 0.3, 7.0])
def test_a_network_agrees_with_itself_however_strong(factor: float) -> None:
    model = np.random.default_rng(1).laplace(size=(20, 64))
    orders = np.arange(1, 6)
    for terms in (set_terms(model, factor * model), sign_terms(model, factor * model)):
        np.testing.assert_allclose(agreement(terms, orders), 1)
    # With the opposite of itself it has nothing in common: less than chance gives.
    assert (agreement(set_terms(model, -factor * model), orders) < 0).all()
    np.testing.assert_allclose(agreement(sign_terms(model, -factor * model), orders), -1)


@given(models)
def test_it_is_symmetric_and_at_most_one(both: Array) -> None:
    for terms in (set_terms, sign_terms):
        there, back = (agreement(terms(*own), INNER) for own in (both, both[::-1]))
        np.testing.assert_allclose(there, back, rtol=1e-6, atol=1e-9)
        assert math.isnan(there[0]) or there[0] <= 1 + 1e-9


def test_over_all_arrangements_it_is_zero_on_average() -> None:
    first, second = np.random.default_rng(2).normal(size=(2, 8))
    every = np.array(plain.permuted_models(second))
    found = agreement(set_terms(np.broadcast_to(first, every.shape), every), INNER)
    assert found.std() > 0.1
    assert found.mean() == pytest.approx(0, abs=1e-12)


def test_over_all_signs_sign_agreement_is_zero_on_average() -> None:
    first, second = np.random.default_rng(3).normal(size=(2, 8))
    every = second * np.array(list(product((1, -1), repeat=8)))
    found = agreement(sign_terms(np.broadcast_to(first, every.shape), every), INNER)
    assert found.std() > 0.1
    assert found.mean() == pytest.approx(0, abs=1e-12)


def test_signs_are_asked_for_apart_from_where_a_network_is_strong() -> None:
    """The same sets are strong, the signs are unrelated: sets agree, signs do not."""
    generator = np.random.default_rng(4)
    first = generator.laplace(size=(50, 1 << 8))
    second = np.abs(first) * generator.choice([-1, 1], size=first.shape)
    orders = np.arange(1, 8)
    assert agreement(set_terms(first, second), orders).mean() > 0.1
    assert abs(agreement(sign_terms(first, second), orders).mean()) < 0.02


def test_unrelated_networks_agree_no_more_than_chance_whatever_their_strengths() -> None:
    generator = np.random.default_rng(5)
    first, second = generator.laplace(size=(2, 400, 64))
    found = agreement(set_terms(10 * first, second), np.arange(1, 6))
    assert abs(found.mean()) < 4 * found.std() / 20


def test_where_nothing_could_agree_there_is_none() -> None:
    model = np.random.default_rng(6).uniform(1, 2, size=(1, 8))
    for other in (np.zeros_like(model), -model):
        assert np.isnan(agreement(set_terms(model, other), INNER))
    assert np.isnan(agreement(sign_terms(model, np.zeros_like(model)), INNER))
    # Sets that are all equal agree however they are arranged; so does a set that is alone.
    assert np.isnan(agreement(set_terms(model, np.ones_like(model)), INNER))
    assert np.isnan(agreement(set_terms(model, model), np.array([3])))


def test_only_the_orders_asked_for_count() -> None:
    first, second = np.random.default_rng(7).normal(size=(2, 3, 16))
    before = agreement(set_terms(first, second), np.array([1, 3]))
    first[:, plain.sets_of(2, 16)] = 1e3
    second[:, [0, 15]] = -1e6
    np.testing.assert_array_equal(agreement(set_terms(first, second), np.array([1, 3])), before)
    assert (agreement(set_terms(first, second), np.array([2])) != before).all()


def test_orders_are_grouped_and_those_not_counted_left_out() -> None:
    def found(*counted: int) -> dict[str, list[int]]:
        return {name: own.tolist() for name, own in order_groups(np.array(counted)).items()}

    assert found(1, 2, 3, 4, 5, 6) == {
        **{str(order): [order] for order in range(1, 7)},
        "1-2": [1, 2],
        "3-4": [3, 4],
        "5+": [5, 6],
        "all": [1, 2, 3, 4, 5, 6],
    }
    assert found(2, 5) == {"2": [2], "5": [5], "1-2": [2], "5+": [5], "all": [2, 5]}
    assert found(1) == {"1": [1], "1-2": [1], "all": [1]}
