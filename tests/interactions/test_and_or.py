"""AND-OR splits against their definition, HiGHS, planted games and the authors' own code."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import linprog

from whypretrain.interactions.and_or import Split, or_transform, or_zeta, split
from whypretrain.interactions.mobius import members, mobius, orders, zeta
from whypretrain.settings.interactions import MOST_PLAYERS

Array = NDArray[np.float64]
PUBLIC = Path(__file__).with_name("and_or_public.json")
"""Ten games and the least loss that the authors' code found for them; `source` says how."""


@st.composite
def games(draw: st.DrawFn) -> Array:
    """One or two random games of the same 1 to 6 players."""
    shape = (draw(st.integers(1, 2)), 2 ** draw(st.integers(1, 6)))
    values = st.floats(-100, 100, allow_subnormal=False)
    return draw(arrays(np.float64, shape, elements=values))


def random_game(n_players: int, n_samples: int = 3, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(n_samples, 2**n_players))


def or_by_definition(outputs: Array) -> Array:
    everyone = len(outputs) - 1
    result = np.zeros_like(outputs)
    result[0] = outputs[0]
    for coalition in range(1, len(outputs)):
        for subset in range(len(outputs)):
            if subset & coalition == subset:
                sign = (-1) ** (len(members(coalition)) - len(members(subset)))
                result[coalition] -= sign * outputs[everyone ^ subset]
    return result


def rebuilt(found: Split) -> Array:
    """What the two sums of interactions give for every coalition, literally."""
    coalitions = range(found.interactions_and.shape[1])
    total = np.zeros_like(found.interactions_and)
    for kept in coalitions:
        for own in coalitions:
            if own & kept == own:
                total[:, kept] += found.interactions_and[:, own]
            if own & kept or own == 0:
                total[:, kept] += found.interactions_or[:, own]
    return total


def least_strength(outputs: Array) -> float:
    """The linear program, written with matrices of the definitions and solved by HiGHS."""
    n_coalitions = len(outputs)
    unit = np.eye(n_coalitions)
    to_outputs = np.concatenate([zeta(unit)[1:].T, or_zeta(unit)[1:].T], axis=1)
    signed = np.concatenate([to_outputs, -to_outputs], axis=1)
    varying = outputs - outputs[0]
    scale = np.abs(varying).max() or 1.0  # HiGHS knows absolute tolerances only
    found = linprog(np.ones(signed.shape[1]), A_eq=signed, b_eq=varying / scale)
    assert found.success
    return float(found.fun * scale)


@pytest.mark.parametrize("n_players", range(1, 9))
def test_or_interactions_agree_with_the_definition(n_players: int) -> None:
    (outputs,) = random_game(n_players, 1)
    np.testing.assert_allclose(or_transform(outputs), or_by_definition(outputs), atol=1e-11)


@given(games())
def test_or_zeta_inverts(outputs: Array) -> None:
    np.testing.assert_allclose(or_zeta(or_transform(outputs)), outputs, atol=1e-9)
    np.testing.assert_allclose(or_transform(or_zeta(outputs)), outputs, atol=1e-9)


@given(games())
def test_or_is_and_of_the_mirrored_outputs(outputs: Array) -> None:
    # v(N∖T), its sign turned, has the OR interactions as its Harsanyi interactions.
    mirrored = mobius(-outputs[:, ::-1])[:, 1:]
    np.testing.assert_allclose(or_transform(outputs)[:, 1:], mirrored, atol=1e-9)


@settings(deadline=None, max_examples=50)
@given(games())
def test_both_parts_give_all_outputs(outputs: Array) -> None:
    found = split(outputs, max_iterations=400)
    size = max(np.abs(outputs).max(), 1e-300)
    np.testing.assert_allclose(rebuilt(found), outputs, atol=1e-11 * size)
    np.testing.assert_allclose(found.outputs_and + found.outputs_or, outputs, atol=1e-11 * size)
    np.testing.assert_allclose(or_zeta(found.interactions_or), found.outputs_or, atol=1e-11 * size)
    few = orders(len(outputs[0]).bit_length() - 1) < 2
    assert not found.interactions_or[:, few].any()
    assert (found.interactions_and[:, 0] == outputs[:, 0]).all()


@settings(deadline=None, max_examples=50)
@given(games())
def test_bound_and_objective_enclose_the_optimum(outputs: Array) -> None:
    found = split(outputs, max_iterations=30)
    for game, bound, objective in zip(outputs, found.bound, found.objective, strict=True):
        least, size = least_strength(game), max(np.abs(game).max(), 1e-300)
        assert bound <= least + 1e-6 * size
        assert least <= objective + 1e-6 * size


@settings(deadline=None, max_examples=50)
@given(games())
def test_is_sparser_than_one_kind_alone(outputs: Array) -> None:
    found = split(outputs)
    assert (found.gap <= 1e-4).all()
    for transform in (mobius, or_transform):
        one_kind = np.abs(transform(outputs)[:, 1:]).sum(axis=1)
        assert (found.objective <= one_kind * (1 + 1.1e-4)).all()


@pytest.mark.parametrize("n_players", range(1, 7))
def test_reaches_the_optimum_of_highs(n_players: int) -> None:
    outputs = random_game(n_players)
    found = split(outputs, tolerance=1e-7)
    least = [least_strength(game) for game in outputs]
    np.testing.assert_allclose(found.objective, least, rtol=2e-7)
    assert (found.gap <= 1e-7).all()
    assert (found.iterations < 20000).all()


def test_agrees_with_the_public_code() -> None:
    for game in json.loads(PUBLIC.read_text())["games"]:
        outputs = np.array([game["outputs"]])
        found = split(outputs, tolerance=1e-8, max_iterations=50000)
        # Their loss counts the empty set; gradient descent may end a little above the least.
        own = found.objective[0] + abs(outputs[0, 0])
        assert own * (1 - 1e-5) < game["loss"] < own * 1.001


def test_finds_planted_interactions() -> None:
    generator = np.random.default_rng(3)
    order_of = orders(8)
    own_and, own_or = np.zeros((2, 4, 256))
    for row in range(4):
        own_and[row, generator.choice(256, 5, replace=False)] = generator.normal(size=5)
        sets = generator.choice(np.flatnonzero(order_of >= 2), 5, replace=False)
        own_or[row, sets] = generator.normal(size=5)
    found = split(zeta(own_and) + or_zeta(own_or), tolerance=1e-8)
    np.testing.assert_allclose(found.interactions_and, own_and, atol=1e-5)
    np.testing.assert_allclose(found.interactions_or, own_or, atol=1e-5)


def test_a_sample_does_not_depend_on_the_others() -> None:
    outputs = random_game(7, 150) * np.logspace(-3, 3, 150)[:, None]
    together = split(outputs, tolerance=1e-3)
    for at in (0, 70, 149):
        alone = split(outputs[at : at + 1], tolerance=1e-3)
        for one, all_ in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], all_[at])


def test_prefers_no_player_and_neither_kind() -> None:
    """Renamed players give renamed interactions; the dual game exchanges AND and OR."""
    (outputs,) = random_game(5, 1)
    found = split(outputs[None])
    turned = np.array([int(f"{at:05b}"[::-1], 2) for at in range(32)])
    renamed = split(outputs[None, turned])
    np.testing.assert_allclose(renamed.interactions_and, found.interactions_and[:, turned])
    dual = split(-outputs[None, ::-1])
    several = orders(5) >= 2
    for one, other in (
        (dual.interactions_and, found.interactions_or),
        (dual.interactions_or, found.interactions_and),
    ):
        np.testing.assert_allclose(one[:, several], other[:, several], atol=1e-12)


def test_strength_scales_with_the_outputs() -> None:
    outputs = random_game(4)
    small, large = split(outputs * 2.0**-60), split(outputs * 2.0**60)
    np.testing.assert_array_equal(small.interactions_or * 2.0**120, large.interactions_or)
    np.testing.assert_array_equal(small.gap, large.gap)


def test_constant_outputs_have_no_interaction() -> None:
    found = split(np.array([[3.0] * 8, list(range(8))]))
    assert found.objective[0] == found.gap[0] == found.iterations[0] == 0
    np.testing.assert_array_equal(found.outputs_and[0], 3.0)
    np.testing.assert_allclose(found.objective[1], 7.0)


def test_says_how_far_it_came() -> None:
    found = split(random_game(6), tolerance=1e-9, max_iterations=10)
    assert (found.iterations == 10).all()
    assert (found.gap > 1e-9).all()


@pytest.mark.parametrize(("shape", "words"), [((2, 1), "no player"), ((2, 6), "2\\*\\*n_players")])
def test_says_what_cannot_be_split(shape: tuple[int, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        split(np.zeros(shape))


def test_as_many_players_as_the_workflow_takes_need_little_memory() -> None:
    outputs = np.random.default_rng(0).normal(size=(1, 1 << MOST_PLAYERS))
    tracemalloc.start()
    try:
        found = split(outputs, max_iterations=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * outputs.nbytes  # and not its square
    np.testing.assert_allclose(found.outputs_and + found.outputs_or, outputs, atol=1e-9)
