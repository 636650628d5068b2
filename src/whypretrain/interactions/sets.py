"""Arrays of interactions of either kind: which set, order and kind each entry has.

Harsanyi interactions are 2**n_players long and indexed by coalition. AND-OR interactions are the
2**n_players of the AND part, then those of the OR part of the sets with at least two players, in
the order of their coalitions: 2**(n_players + 1) - n_players - 1 in all. No length is both, but
where there is one player and so no OR set. So the length alone says what an array holds.
"""

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.and_or import or_zeta
from whypretrain.interactions.mobius import orders, zeta

Array = NDArray[np.float64]


def players_of(n_sets: int) -> int:
    """Number of players of an array of interactions, from its length.

    Raises
    ------
    ValueError
        If no array of interactions has this length.

    >>> players_of(1024), players_of(2037)
    (10, 10)
    """
    n_players = n_sets.bit_length() - 1
    if n_sets == 1 << n_players:
        return n_players
    if n_sets == (1 << n_players + 1) - n_players - 1:
        return n_players
    message = (
        f"an array of {n_sets} interactions: expected 2**n (Harsanyi) or 2**(n + 1) - n - 1 "
        f"(AND-OR), for n players"
    )
    raise ValueError(message)


def coalitions_of(n_sets: int) -> NDArray[np.int64]:
    """The set of each interaction, as a coalition: array of shape (n_sets,).

    >>> coalitions_of(5)
    array([0, 1, 2, 3, 3])
    """
    n_players = players_of(n_sets)
    own = np.arange(1 << n_players)
    return own if n_sets == len(own) else np.concatenate([own, _or_sets(n_players)])


def orders_of(n_sets: int) -> NDArray[np.int64]:
    """The order of each interaction: array of shape (n_sets,).

    >>> orders_of(4), orders_of(5)
    (array([0, 1, 1, 2]), array([0, 1, 1, 2, 2]))
    """
    return orders(players_of(n_sets))[coalitions_of(n_sets)]


def is_or(n_sets: int) -> NDArray[np.bool_]:
    """Which are OR interactions: array of shape (n_sets,).

    >>> is_or(5)
    array([False, False, False, False,  True])
    """
    return np.arange(n_sets) >= 1 << players_of(n_sets)


def sets_of_orders(n_sets: int) -> list[NDArray[np.int64]]:
    """The interactions of each order, of both kinds, from order 0 to the number of players.

    >>> sets_of_orders(4)
    [array([0]), array([1, 2]), array([3])]
    """
    order_of = orders_of(n_sets)
    return [np.flatnonzero(order_of == order) for order in range(order_of.max() + 1)]


def alike_sets(n_sets: int) -> list[tuple[int, NDArray[np.int64]]]:
    """The interactions of each order and kind, with the order: what chance may exchange.

    >>> alike_sets(5)
    [(0, array([0])), (1, array([1, 2])), (2, array([3])), (2, array([4]))]
    """
    kind = is_or(n_sets)
    found = [
        (order, sets[kind[sets] == of_or])
        for order, sets in enumerate(sets_of_orders(n_sets))
        for of_or in (False, True)
    ]
    return [(order, sets) for order, sets in found if len(sets)]


def joined(interactions_and: Array, interactions_or: Array) -> Array:
    """AND and OR parts, (..., 2**n_players) each, as one array (..., n_sets)."""
    sets = _or_sets(players_of(interactions_or.shape[-1]))
    return np.concatenate([interactions_and, interactions_or[..., sets]], axis=-1)


def parted(interactions: Array) -> tuple[Array, Array]:
    """AND and OR parts, (..., 2**n_players) each, of one array (..., n_sets); Harsanyi are AND."""
    n_players = players_of(interactions.shape[-1])
    first = interactions[..., : 1 << n_players]
    second = np.zeros_like(first)
    if interactions.shape[-1] > first.shape[-1]:
        second[..., _or_sets(n_players)] = interactions[..., 1 << n_players :]
    return first, second


def outputs_of(interactions: Array) -> Array:
    """Outputs v(T), (..., 2**n_players), from interactions of either kind, (..., n_sets).

    >>> outputs_of(np.array([1.0, 0.0, 0.0, 0.0, 2.0]))
    array([1., 3., 3., 3.])
    """
    first, second = parted(interactions)
    if interactions.shape[-1] == first.shape[-1]:
        return zeta(first)
    return zeta(first) + or_zeta(second)


def active_share(n_sets: int) -> Array:
    """In what share of all coalitions each interaction takes effect: array of shape (n_sets,).

    >>> active_share(5)
    array([1.  , 0.5 , 0.5 , 0.25, 0.75])
    """
    share = 0.5 ** orders_of(n_sets)
    return np.where(is_or(n_sets), 1 - share, share)


def _or_sets(n_players: int) -> NDArray[np.int64]:
    return np.flatnonzero(orders(n_players) >= 2)
