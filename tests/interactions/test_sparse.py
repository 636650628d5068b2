"""Interactions estimated from some of the masks: what is sparse comes back, errors are clear."""

import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from whypretrain.interactions import sparse
from whypretrain.interactions.mobius import mobius, orders, zeta
from whypretrain.interactions.sparse import ValueFunction, estimate_interactions

Array = NDArray[np.float64]


def game(planted: dict[int, float]) -> ValueFunction:
    """Outputs of a game with these interactions alone."""
    sets = np.array(list(planted))
    values = np.array(list(planted.values()))
    return lambda coalitions: ((coalitions[:, None] & sets) == sets) @ values


@pytest.mark.parametrize("n_players", [20, pytest.param(24, marks=pytest.mark.slow)])
def test_a_planted_game_of_few_sets_comes_back(n_players: int) -> None:
    generator = np.random.default_rng(n_players)
    planted = {0: -1.5}
    for order in (1, 1, 2, 2, 3, 4):
        members = generator.choice(n_players, size=order, replace=False)
        planted[int((1 << members).sum())] = float(generator.choice([-1, 1]) * (1 + order))
    found = estimate_interactions(game(planted), n_players, masks=5000)
    strong = np.abs(found.interactions) > 1e-9
    assert found.sets[strong].tolist() == sorted(planted)
    expected = [planted[one] for one in sorted(planted)]
    np.testing.assert_allclose(found.interactions[strong], expected, atol=1e-9)
    assert found.explained == pytest.approx(1)
    assert 1000 < found.n_masks <= 5000


@pytest.mark.slow  # the library compiles a decoder for each number of players and degree
def test_all_sets_of_a_complete_small_game_equal_the_exact_ones() -> None:
    n_players = 10
    values = np.random.default_rng(0).normal(size=1 << n_players)
    outputs = zeta(np.where(orders(n_players) <= 2, values, 0.0))
    found = estimate_interactions(lambda asked: outputs[asked], n_players, masks=1000)
    estimated = np.zeros(1 << n_players)
    estimated[found.sets] = found.interactions
    np.testing.assert_allclose(estimated, mobius(outputs), atol=1e-9)


def test_no_mask_is_asked_twice_and_no_more_than_allowed() -> None:
    asked: list[int] = []
    value = game({0b11: 1.0, 0b100: 2.0})

    def counted(coalitions: NDArray[np.int64]) -> Array:
        asked.extend(coalitions.tolist())
        return value(coalitions)

    found = estimate_interactions(counted, 20, masks=5000)
    assert len(asked) == len(set(asked)) == found.n_masks <= 5000


def test_a_seed_decides_and_the_global_generator_is_left_alone() -> None:
    value = game({0b11: 1.0, 0b100: 2.0})

    def masks_of(seed: int) -> list[int]:
        asked: list[int] = []

        def noted(coalitions: NDArray[np.int64]) -> Array:
            asked.extend(coalitions.tolist())
            return value(coalitions)

        estimate_interactions(noted, 20, masks=5000, seed=seed)
        return asked

    legacy: Any = np.random.mtrand._rand  # the generator that shapiq draws from, a user's own too
    legacy.seed(3)
    expected = legacy.random()
    legacy.seed(3)
    first = masks_of(0)
    assert legacy.random() == expected
    assert masks_of(0) == first
    assert masks_of(1) != first


def test_what_is_explained_is_told_by_masks_that_were_not_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = np.random.default_rng(0).normal(size=1 << 12)
    fitted: list[NDArray[np.int64]] = []

    def recovered(ask: ValueFunction, *_: object, **__: object) -> NDArray[np.int64]:
        fitted.append(np.random.default_rng(1).choice(1 << 12, 600, replace=False))
        bits = fitted[-1][:, None] >> np.arange(12) & 1
        ask(bits)
        return np.array([0b1, *range(2, 300)])

    monkeypatch.setattr(sparse, "_recovered", recovered)
    found = estimate_interactions(lambda asked: noise[asked], 12, masks=3000)
    held_out = found.n_masks - len(np.union1d(fitted[0], [0]))
    assert held_out == 300
    assert found.explained < 0  # 299 sets fit noise of 600 masks well, and of others not at all


def test_constant_outputs_have_no_interactions() -> None:
    found = estimate_interactions(lambda asked: np.full(len(asked), 2.0), 12, masks=500)
    assert found.sets.tolist() == [0]
    assert found.interactions.tolist() == [2.0]
    assert np.isnan(found.explained)


@pytest.mark.parametrize(
    ("n_players", "masks", "message"),
    [
        (25, 1000, "25 players: 1 to 24 can be estimated"),
        (0, 1000, "0 players: 1 to 24"),
        (10, 1024, r"masks = 1024: must be from 1 to 1023, fewer than all 2\*\*10; leave masks"),
        (20, 0, "masks = 0: must be from 1 to"),
        (20, 100, r"masks: too few, as 89 of them are left .* raise masks"),
    ],
)
def test_what_cannot_be_estimated_is_one_clear_error(
    n_players: int, masks: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        estimate_interactions(game({1: 1.0}), n_players, masks=masks)


def test_an_error_of_the_value_function_is_its_own() -> None:
    def broken(_: NDArray[np.int64]) -> Array:
        message = "the model's"
        raise ValueError(message)

    with pytest.raises(ValueError, match=r"^the model's$"):
        estimate_interactions(broken, 20, masks=1000)


def test_without_shapiq_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shapiq.approximator", None)
    with pytest.raises(ImportError, match=r"pip install 'whypretrain\[estimate\]'"):
        estimate_interactions(game({1: 1.0}), 20, masks=1000)
