"""The salient set, and rebuilding outputs from it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from whypretrain.interactions.mobius import members, mobius
from whypretrain.interactions.salience import (
    random_reconstruction_error,
    reconstruction_error,
    salient,
)


def test_the_empty_set_neither_counts_nor_sets_the_scale() -> None:
    interactions = np.array([[1000.0, 1.0, 0.05, 0.051]])
    assert salient(interactions).tolist() == [[False, True, False, True]]
    assert interactions[0, 0] == 1000.0


def test_the_scale_is_the_sample_or_the_model() -> None:
    interactions = np.array([[0.0, 1.0, 0.5, 0.1], [0.0, 0.04, 0.02, 0.0]])
    assert salient(interactions).sum(axis=1).tolist() == [3, 2]
    assert salient(interactions, scale="model").sum(axis=1).tolist() == [3, 0]


def test_error_equals_its_definition() -> None:
    outputs = np.random.default_rng(0).normal(size=(3, 16))
    interactions = mobius(outputs)
    chosen = salient(interactions, threshold=0.5)
    errors = reconstruction_error(interactions, chosen)
    for row in range(3):
        rebuilt = np.array(
            [
                interactions[row, 0]
                + sum(
                    interactions[row, s]
                    for s in range(1, 16)
                    if chosen[row, s] and set(members(s)) <= set(members(t))
                )
                for t in range(16)
            ]
        )
        spread = np.sqrt(np.mean((outputs[row] - outputs[row, 0]) ** 2))
        expected = np.sqrt(np.mean((rebuilt - outputs[row]) ** 2)) / spread
        assert errors[row] == pytest.approx(expected, abs=1e-12)


def test_nothing_is_lost_when_all_are_kept_or_nothing_varies() -> None:
    interactions = np.random.default_rng(1).normal(size=(2, 8))
    everything = np.ones_like(interactions, dtype=bool)
    np.testing.assert_allclose(reconstruction_error(interactions, everything), 0, atol=1e-15)
    constant = np.array([[2.0, 0.0, 0.0, 0.0]])
    assert reconstruction_error(constant, salient(constant)).tolist() == [0.0]


@pytest.mark.parametrize("n_players", [1, 2, 3])
def test_random_error_is_the_mean_over_all_draws(n_players: int) -> None:
    interactions = np.random.default_rng(2).normal(size=(2, 1 << n_players))
    n_sets = interactions.shape[1] - 1
    for n_kept in range(n_sets + 1):
        squares = []
        for kept in itertools.combinations(range(1, n_sets + 1), n_kept):
            chosen = np.zeros_like(interactions, dtype=bool)
            chosen[:, kept] = True
            squares.append(reconstruction_error(interactions, chosen) ** 2)
        found = random_reconstruction_error(interactions, np.full(2, n_kept))
        np.testing.assert_allclose(found, np.sqrt(np.mean(squares, axis=0)), atol=1e-12)


# Squares of tiny strengths would be lost.
strengths = st.floats(-9, 9).filter(lambda x: x == 0 or abs(x) > 1e-6)


@given(st.integers(1, 4).flatmap(lambda n: arrays(np.float64, (2, 1 << n), elements=strengths)))
def test_threshold_zero_loses_nothing_and_error_is_between_none_and_all(
    interactions: NDArray[np.float64],
) -> None:
    chosen = salient(interactions, threshold=0.0)
    np.testing.assert_allclose(reconstruction_error(interactions, chosen), 0, atol=1e-12)
    nothing = random_reconstruction_error(interactions, np.zeros(2, dtype=int))
    varies = (interactions[:, 1:] != 0).any(axis=1)
    np.testing.assert_allclose(nothing[varies], 1)


def test_errors_of_and_or_interactions_equal_their_definitions() -> None:
    """All choices of as many interactions of two players; OR takes effect where any is kept."""
    interactions = np.random.default_rng(0).normal(size=(1, 5))
    sets, kinds = [0, 1, 2, 3, 3], ["and"] * 4 + ["or"]

    def error(kept: tuple[int, ...]) -> float:
        outputs, rebuilt = np.zeros(4), np.zeros(4)
        for t in range(4):
            for at, (own, kind) in enumerate(zip(sets, kinds, strict=True)):
                if (own & t == own) if kind == "and" else own & t:
                    outputs[t] += interactions[0, at]
                    rebuilt[t] += interactions[0, at] * (at in (0, *kept))
        spread = np.mean((outputs - outputs[0]) ** 2)
        return float(np.mean((rebuilt - outputs) ** 2) / spread)

    chosen = np.array([[False, False, True, False, True]])
    found = reconstruction_error(interactions, chosen)
    assert found[0] == pytest.approx(np.sqrt(error((2, 4))))
    for n_kept in range(5):
        draws = [error(kept) for kept in itertools.combinations(range(1, 5), n_kept)]
        expected = random_reconstruction_error(interactions, np.array([n_kept]))
        assert expected[0] == pytest.approx(np.sqrt(np.mean(draws)), abs=1e-12)
