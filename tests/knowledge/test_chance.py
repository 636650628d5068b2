"""Chance levels in closed form against every permutation, and against draws."""

from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tests.knowledge.plain import f, permuted_models, sets_of
from whypretrain.interactions.mobius import orders
from whypretrain.interactions.sets import sets_of_orders
from whypretrain.knowledge.chance import (
    by_order,
    common,
    expected_common,
    largest_common,
)
from whypretrain.knowledge.strengths import (
    RATIO_READINGS,
    RatioReading,
    expected_jaccard,
    expected_split,
    held_knowledge,
    jaccard,
    ratio_terms,
    reached_strength,
    split_knowledge,
)

Array = NDArray[np.float64]

# Zeros, ties, both signs, and strengths whose products under- and overflow.
strengths = (
    st.sampled_from([0.0, 0.0, 1.0, -1.0, 2.5, -2.5, 1e-200, -1e-200, 1e200, -1e200])
    | st.floats(-9, 9, allow_subnormal=False)
    | st.floats(-9, -1)
)
pairs = st.integers(1, 4).flatmap(lambda n: arrays(np.float64, (2, 1 << n), elements=strengths))


def of_one_order(values: list[float], n_players: int, order: int) -> Array:
    """Interactions of which only one order is not zero."""
    model = np.zeros(1 << n_players)
    model[sets_of(order, len(model))] = values
    return model


def brute(x: Array, y: Array) -> tuple[Array, float]:
    """Of one order: what each set is expected to have in common, and the largest sum."""
    tried = np.array([[f(a, b) for a, b in zip(x, one, strict=True)] for one in permutations(y)])
    return tried.mean(axis=0), float(tried.sum(axis=1).max())


@given(pairs)
@settings(max_examples=40)
def test_expected_and_largest_are_those_over_all_permutations(models: Array) -> None:
    expected, largest = expected_common(*models), largest_common(*models)
    for order in range(len(largest)):
        own = sets_of(order, models.shape[1])
        mean, most = brute(*(model[own] for model in models))
        scale = max(mean.max(), 1e-300)
        np.testing.assert_allclose(expected[own], mean, rtol=1e-12, atol=1e-12 * scale)
        assert largest[order] == pytest.approx(most, rel=1e-12)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.arange(1.0, 8.0), np.arange(7.0, 0.0, -1.0)),
        (-np.arange(1.0, 8.0), -np.ones(7)),  # all negative, ties
        (np.array([1.0, -2.0, 3.0, -4.0, 5.0, 0.0, 1.0]), np.array([0.5, -0.5, 0, -9, 9, 1, -1])),
    ],
)
def test_seven_sets_of_one_order(x: Array, y: Array) -> None:
    models = [of_one_order(own.tolist(), 7, 1) for own in (x, y)]
    expected, most = brute(x, y)
    np.testing.assert_allclose(expected_common(*models)[sets_of(1, 128)], expected, rtol=1e-12)
    assert largest_common(*models)[1] == pytest.approx(most)


@pytest.mark.parametrize("n_players", [5, 9])
def test_many_sets_against_draws(n_players: int) -> None:
    """Laplace is heavier than Gauss; one model has zeros, as below a noise floor."""
    generator = np.random.default_rng(0)
    first = generator.laplace(size=1 << n_players)
    second = generator.normal(size=1 << n_players) * (generator.uniform(size=1 << n_players) > 0.3)
    draws = np.empty((3000, n_players + 1))
    for draw in draws:
        moved = second.copy()
        for own in sets_of_orders(len(second)):
            moved[own] = generator.permutation(second[own])
        draw[:] = by_order(common(first, moved))
    expected = by_order(expected_common(first, second))
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - expected) <= 4 * error + 1e-12).all()
    assert (draws <= largest_common(first, second) + 1e-12).all()


def test_and_or_interactions_change_places_with_their_kind() -> None:
    """Against all permutations of 3 players: of AND pairs, and of OR pairs."""
    n_sets = 12
    first, second = np.random.default_rng(2).normal(size=(2, n_sets))
    groups = [[0], [1, 2, 4], [3, 5, 6], [7], [8, 9, 10], [11]]
    expected, largest = expected_common(first, second), largest_common(first, second)
    most = np.zeros(4)
    for order, own in zip([0, 1, 2, 3, 2, 3], groups, strict=True):
        mean, of_group = brute(first[own], second[own])
        np.testing.assert_allclose(expected[own], mean)
        most[order] += of_group
    np.testing.assert_allclose(largest, most)
    sums = by_order(first)
    np.testing.assert_allclose(sums[2], first[[3, 5, 6, 8, 9, 10]].sum())


@given(pairs)
def test_expected_lies_between_nothing_and_the_largest(models: Array) -> None:
    expected, largest = by_order(expected_common(*models)), largest_common(*models)
    assert (expected_common(*models) >= 0).all()
    assert (expected <= largest * (1 + 1e-12)).all()
    assert (by_order(common(*models)) <= largest * (1 + 1e-12)).all()


@given(pairs, st.randoms(use_true_random=False))
def test_how_the_other_model_is_arranged_does_not_matter(models: Array, random: Random) -> None:
    first, second = models
    moved = second.copy()
    for own in sets_of_orders(len(second)):
        order = list(own)
        random.shuffle(order)
        moved[own] = second[order]
    # Of equal strengths any may come first, which rounding shows.
    expected = expected_common(first, second)
    np.testing.assert_allclose(expected_common(first, moved), expected, rtol=1e-12, atol=0)
    np.testing.assert_array_equal(largest_common(first, second), largest_common(first, moved))


@given(pairs)
def test_both_models_stand_alike(models: Array) -> None:
    """Sums over an order do not tell which of the two models is permuted."""
    first, second = models
    one, other = (by_order(expected_common(*both)) for both in ((first, second), (second, first)))
    np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-300)
    np.testing.assert_array_equal(largest_common(first, second), largest_common(second, first))


def test_samples_are_each_permuted_within() -> None:
    models = np.random.default_rng(1).normal(size=(2, 3, 2, 16))
    found = expected_common(*models)
    assert found.shape == (3, 2, 16)
    for place in np.ndindex(3, 2):
        own = models[0][place], models[1][place]
        np.testing.assert_array_equal(found[place], expected_common(*own))
        np.testing.assert_array_equal(largest_common(*models)[place], largest_common(*own))


def test_nothing_has_nothing_in_common() -> None:
    zeros, model = np.zeros(8), np.random.default_rng(0).normal(size=8)
    assert not expected_common(zeros, model).any()
    assert not expected_common(model, zeros).any()
    assert not largest_common(model, zeros).any()


def test_opposite_signs_have_nothing_in_common() -> None:
    model = np.arange(1.0, 9.0)
    assert not expected_common(model, -model).any()
    assert not largest_common(model, -model).any()


def test_a_single_set_has_what_it_has() -> None:
    """The empty set and the set of all players are alone in their orders."""
    models = np.random.default_rng(2).normal(size=(2, 50, 16))
    for lone in (0, 15):
        expected = expected_common(*models)[:, lone]
        np.testing.assert_array_equal(expected, common(*models)[:, lone])


@pytest.fixture(scope="module", name="three")
def three_models() -> Array:
    """Probe, fine-tuned, scratch of three players: 3!·3! arrangements; some zeros and ties."""
    models = np.random.default_rng(3).normal(size=(3, 8))
    models[1:] += models[0]  # so that much is preserved, and reached
    models[0, 3] = models[2, 5] = 0.0
    models[2, 1] = models[2, 2]
    return models


def test_preserved_discarded_and_new_knowledge_at_chance(three: Array) -> None:
    a, b, _ = three
    every = [split_knowledge(a, moved) for moved in permuted_models(b)]
    assert len(every) == 36
    found = expected_split(a, b)
    for name in ("preserve", "discard"):
        mean = np.mean([getattr(one, name) for one in every], axis=0)
        np.testing.assert_allclose(getattr(found, name), mean, atol=1e-14)
    new = np.mean([by_order(one.new) for one in every], axis=0)
    np.testing.assert_allclose(by_order(found.new), new, atol=1e-14)


def test_exclusive_knowledge_at_chance(three: Array) -> None:
    """What only fine-tuned, and what only scratch holds, where scratch is permuted."""
    _, b, c = three
    every = [split_knowledge(b, moved) for moved in permuted_models(c)]
    found = expected_split(b, c)
    for name in ("discard", "new"):
        mean = np.mean([by_order(getattr(one, name)) for one in every], axis=0)
        np.testing.assert_allclose(by_order(getattr(found, name)), mean, atol=1e-14)


@pytest.mark.parametrize("reading", RATIO_READINGS)
def test_the_ratio_at_chance_under_every_reading(reading: RatioReading, three: Array) -> None:
    a, b, c = three
    held = held_knowledge(a, b)
    every = [
        ratio_terms(np.abs(held)[1:], reached_strength(held, moved)[1:], reading=reading)
        for moved in permuted_models(c)
    ]
    assert len({float(above) for above, _ in every}) > 5
    ratios = [above / below for above, below in every]
    above, below = ratio_terms(np.abs(held)[1:], expected_common(held, c)[1:], reading=reading)
    assert above / below == pytest.approx(np.mean(ratios), rel=1e-12)


@pytest.mark.parametrize("counted", [[1, 2, 3], [1, 2], [2]])
def test_the_jaccard_similarity_at_chance(counted: list[int], three: Array) -> None:
    """E[M] / (T - E[M]): the quotient of the expectations, for the orders that are counted."""
    early, final, _ = three
    sets = np.isin(orders(3), counted)
    every = [jaccard(moved[None, sets], final[None, sets]) for moved in permuted_models(early)]
    # Of every arrangement M = J T / (1 + J).
    whole = (np.abs(early) + np.abs(final))[sets].sum()
    held = np.mean([one / (1 + one) * whole for one in every])
    (found,) = expected_jaccard(early[None], final[None], sets)
    assert found == pytest.approx(held / (whole - held))


def test_nothing_is_like_nothing_at_chance_too() -> None:
    zeros = np.zeros((1, 8))
    assert expected_jaccard(zeros, zeros, orders(3) > 0) == 1
