"""The layout of Harsanyi and AND-OR interactions against their definitions."""

import numpy as np
import pytest

from whypretrain.interactions.and_or import split
from whypretrain.interactions.mobius import members, zeta
from whypretrain.interactions.sets import (
    active_share,
    alike_sets,
    coalitions_of,
    is_or,
    joined,
    orders_of,
    outputs_of,
    parted,
    players_of,
    sets_of_orders,
)


def lengths(n_players: int) -> tuple[int, int]:
    return 2**n_players, 2**n_players + sum(
        len(members(coalition)) >= 2 for coalition in range(2**n_players)
    )


@pytest.mark.parametrize("n_players", range(9))
def test_length_says_players_and_kind(n_players: int) -> None:
    for n_sets in lengths(n_players):
        assert players_of(n_sets) == n_players
        own = coalitions_of(n_sets)
        assert [len(members(int(one))) for one in own] == orders_of(n_sets).tolist()
        assert sorted(np.concatenate(sets_of_orders(n_sets))) == list(range(n_sets))
        assert is_or(n_sets).sum() == n_sets - 2**n_players
        assert len(set(zip(own.tolist(), is_or(n_sets), strict=True))) == n_sets


def test_no_other_length() -> None:
    allowed = {n_sets for n_players in range(10) for n_sets in lengths(n_players)}
    for n_sets in set(range(1, 500)) - allowed:
        with pytest.raises(ValueError, match="Harsanyi"):
            players_of(n_sets)


@pytest.mark.parametrize("n_sets", lengths(5))
def test_chance_exchanges_one_order_and_kind(n_sets: int) -> None:
    order_of, kind = orders_of(n_sets), is_or(n_sets)
    found = alike_sets(n_sets)
    for order, sets in found:
        assert set(order_of[sets]) == {order}
        assert len(set(kind[sets])) == 1
    assert sorted(np.concatenate([sets for _, sets in found])) == list(range(n_sets))
    assert len(found) == (6 if n_sets == 32 else 10)


def test_outputs_come_back() -> None:
    outputs = np.random.default_rng(0).normal(size=(3, 32))
    found = split(outputs)
    both = joined(found.interactions_and, found.interactions_or)
    np.testing.assert_allclose(outputs_of(both), outputs, atol=1e-12)
    np.testing.assert_allclose(both.sum(axis=1), outputs[:, -1])
    for one, other in zip(parted(both), found[2:4], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(outputs_of(found.interactions_and), zeta(found.interactions_and))


@pytest.mark.parametrize("n_sets", lengths(4))
def test_active_share_counts_coalitions(n_sets: int) -> None:
    found = [outputs_of(np.eye(n_sets)[at]).mean() for at in range(n_sets)]
    np.testing.assert_allclose(active_share(n_sets), found)
