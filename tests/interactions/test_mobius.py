"""The transform against its definition, its axioms, and shapiq as an independent oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from shapiq import ExactComputer

from whypretrain.interactions.mobius import members, mobius, noise_by_order, orders, zeta

Array = NDArray[np.float64]


@st.composite
def games(draw: st.DrawFn, rows: int = 1) -> Array:
    """`rows` random games of the same 1 to 8 players."""
    n_players = draw(st.integers(1, 8))
    values = st.floats(-100, 100, allow_subnormal=False)
    return draw(arrays(np.float64, (rows, 2**n_players), elements=values))


def by_definition(outputs: Array) -> Array:
    """Eq. 2, literally."""
    result = np.zeros_like(outputs)
    for coalition in range(len(outputs)):
        for subset in range(len(outputs)):
            if subset & coalition == subset:
                sign = (-1) ** (len(members(coalition)) - len(members(subset)))
                result[coalition] += sign * outputs[subset]
    return result


@pytest.mark.parametrize("n_players", range(11))
def test_agrees_with_the_definition(n_players: int) -> None:
    outputs = np.random.default_rng(n_players).normal(size=2**n_players)
    np.testing.assert_allclose(
        mobius(outputs), by_definition(outputs), rtol=0, atol=1e-12 * 2**n_players
    )


@pytest.mark.parametrize("n_players", [1, 3, 7])
def test_agrees_with_shapiq(n_players: int) -> None:
    outputs = np.random.default_rng(n_players).normal(size=2**n_players)

    def game(coalitions: NDArray[np.bool_]) -> Array:
        return outputs[np.atleast_2d(coalitions) @ (1 << np.arange(n_players))]

    oracle = ExactComputer(game=game, n_players=n_players)("Moebius")
    found = mobius(outputs)
    assert len(oracle.interaction_lookup) == 2**n_players
    for players, position in oracle.interaction_lookup.items():
        coalition = sum(1 << player for player in players)
        assert found[coalition] == pytest.approx(oracle.values[position], abs=1e-12 * 2**n_players)


@given(games())
def test_zeta_inverts(outputs: Array) -> None:
    np.testing.assert_allclose(zeta(mobius(outputs)), outputs, atol=1e-9)
    np.testing.assert_allclose(mobius(zeta(outputs)), outputs, atol=1e-9)


@given(games(rows=2), st.floats(-10, 10), st.floats(-10, 10))
def test_linear(both: Array, first: float, second: float) -> None:
    combined = mobius(first * both[0] + second * both[1])
    np.testing.assert_allclose(
        combined, first * mobius(both[0]) + second * mobius(both[1]), atol=1e-7
    )


@given(games())
def test_efficient(outputs: Array) -> None:
    assert mobius(outputs).sum() == pytest.approx(outputs[0, -1], abs=1e-7)


@given(games(), st.data())
def test_dummy_player_interacts_with_nobody(game: Array, data: st.DataObject) -> None:
    outputs = game[0]
    n_players = len(outputs).bit_length() - 1
    player = data.draw(st.integers(0, n_players - 1))
    coalitions = np.arange(len(outputs))
    without = coalitions & ~(1 << player)
    effect = data.draw(st.floats(-100, 100))
    dummy = outputs[without] + np.where(coalitions >> player & 1, effect, 0.0)
    interactions = mobius(dummy)
    holds = (coalitions >> player & 1).astype(bool)
    assert interactions[1 << player] == pytest.approx(effect, abs=1e-9)
    others = holds & (coalitions != 1 << player)
    np.testing.assert_allclose(interactions[others], 0, atol=1e-9)


@given(games(), st.randoms(use_true_random=False))
def test_symmetric(game: Array, random: object) -> None:
    outputs = game[0]
    n_players = len(outputs).bit_length() - 1
    order = list(range(n_players))
    random.shuffle(order)  # type: ignore[attr-defined]
    renamed = np.array(
        [sum(1 << order[player] for player in members(c)) for c in range(len(outputs))]
    )
    swapped = np.empty_like(outputs)
    swapped[renamed] = outputs
    np.testing.assert_allclose(mobius(swapped)[renamed], mobius(outputs), atol=1e-9)


def test_rows_are_transformed_apart_and_input_is_left_alone() -> None:
    outputs = np.random.default_rng(0).normal(size=(2, 3, 16))
    before = outputs.copy()
    result = mobius(outputs)
    np.testing.assert_array_equal(outputs, before)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(result[index], mobius(outputs[index]))


def test_float32_outputs_are_transformed_in_float64() -> None:
    outputs = np.array([0.1, 0.2, 0.3, 0.7], dtype=np.float32)
    assert mobius(outputs).dtype == np.float64
    np.testing.assert_array_equal(mobius(outputs), mobius(outputs.astype(np.float64)))


@pytest.mark.parametrize("length", [0, 3, 6])
def test_refuses_other_lengths(length: int) -> None:
    with pytest.raises(ValueError, match=f"2\\*\\*n_players entries, not {length}"):
        mobius(np.zeros(length))


def test_orders_count_players() -> None:
    assert orders(10).tolist() == [len(members(coalition)) for coalition in range(1024)]


def test_equal_measurements_have_no_noise() -> None:
    outputs = np.random.default_rng(0).normal(size=64)
    assert (noise_by_order(outputs, outputs) == 0).all()


def test_independent_errors_grow_with_the_root_of_two_to_the_order() -> None:
    generator = np.random.default_rng(1)
    outputs = np.zeros(1 << 9)
    floors = [noise_by_order(outputs, generator.normal(size=1 << 9)) for _ in range(400)]
    found = np.sqrt(np.square(floors).mean(axis=0))
    assert found == pytest.approx(2 ** (np.arange(10) / 2), rel=0.15)
