"""Harsanyi interactions from outputs and back, over coalitions as integers.

Bit i of coalition T says that player i is kept. Every array over coalitions has length
``2**n_players`` and is indexed by that integer.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 1 << 16  # float64 values worked on at a time: half a megabyte stays in a core's cache


def n_players_of(n_coalitions: int) -> int:
    """Number of players of an array with `n_coalitions` entries.

    Raises
    ------
    ValueError
        If `n_coalitions` is not a power of two.

    >>> n_players_of(1024)
    10
    """
    if n_coalitions.bit_count() != 1:
        message = f"an array over coalitions has 2**n_players entries, not {n_coalitions}"
        raise ValueError(message)
    return n_coalitions.bit_length() - 1


def orders(n_players: int) -> NDArray[np.int64]:
    """Order (number of players) of every coalition: array of shape (2**n_players,).

    >>> orders(2)
    array([0, 1, 1, 2])
    """
    return np.bitwise_count(np.arange(1 << n_players)).astype(np.int64)


def members(coalition: int) -> tuple[int, ...]:
    """Players of one coalition, in increasing order.

    >>> members(0b1011)
    (0, 1, 3)
    """
    return tuple(i for i in range(coalition.bit_length()) if coalition >> i & 1)


def mobius(outputs: ArrayLike) -> NDArray[np.float64]:
    """Interactions I(S) = sum over T ⊆ S of (-1)**(|S|-|T|) v(T) (eq. 2).

    Parameters
    ----------
    outputs : array of shape (..., 2**n_players)
        v(T) at index T.

    Returns
    -------
    array of shape (..., 2**n_players), float64
        I(S) at index S, the empty set included. Costs n_players * 2**(n_players-1) subtractions a
        row, in place, in a few passes through memory.

    Raises
    ------
    ValueError
        If the last axis is not a power of two.

    >>> mobius([0.0, 1.0, 2.0, 5.0])
    array([0., 1., 2., 2.])
    """
    return _transform(outputs, np.subtract)


def zeta(interactions: ArrayLike) -> NDArray[np.float64]:
    """Outputs v(T) = sum over S ⊆ T of I(S) (eq. 4): the inverse of :func:`mobius`.

    Same shapes, dtype and errors as :func:`mobius`.

    >>> zeta([0.0, 1.0, 2.0, 2.0])
    array([0., 1., 2., 5.])
    """
    return _transform(interactions, np.add)


def noise_by_order(
    outputs: NDArray[np.float64], repeated: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Noise floor: what rounding in the outputs alone makes of the interactions of each order.

    It is the root mean square, over the sets of an order, of the difference of two measurements.
    Independent rounding errors of size e in the outputs become 2**(|S|/2) e in I(S), so the floor
    rises with the order.

    Parameters
    ----------
    outputs, repeated : arrays of shape (2**n_players,)
        v(T) of the same masked inputs, computed in two ways that differ in rounding only.

    Returns
    -------
    array of shape (n_players + 1,), float64

    >>> noise_by_order(np.array([0.0, 1.0, 1.0, 3.0]), np.array([0.0, 1.0, 1.0, 3.5]))
    array([0. , 0. , 0.5])
    """
    difference = mobius(repeated - outputs)
    of_order = orders(n_players_of(len(difference)))
    return np.sqrt(np.bincount(of_order, weights=difference**2) / np.bincount(of_order))


def _transform(values: ArrayLike, combine: np.ufunc) -> NDArray[np.float64]:
    result = np.array(values, dtype=np.float64, order="C")
    rows = result.reshape(-1, 1 << n_players_of(result.shape[-1]))
    n_together = max(BLOCK // rows.shape[1], 1)
    for start in range(0, len(rows), n_together):
        block = rows[start : start + n_together]
        block[...] = _butterflies(block, combine)
    return result


def _butterflies(rows: NDArray[np.float64], combine: np.ufunc) -> NDArray[np.float64]:
    """Transform rows of shape (n_rows, 2**n_players); they are overwritten.

    A pass for player i works on runs of 2**i values: short runs are slow. So the players are dealt
    with in two halves, the second on rows whose halves of bits are exchanged.
    """
    n_rows, n_coalitions = rows.shape
    n_players = n_players_of(n_coalitions)
    n_low = n_players // 2
    _passes(rows, range(n_low, n_players), combine)
    exchanged = rows.reshape(n_rows, -1, 1 << n_low).swapaxes(1, 2)
    low = exchanged.reshape(n_rows, n_coalitions)  # a copy, in its own order
    _passes(low, range(n_players - n_low, n_players), combine)
    back = low.reshape(n_rows, 1 << n_low, -1).swapaxes(1, 2)
    return back.reshape(n_rows, n_coalitions)


def _passes(rows: NDArray[np.float64], bits: range, combine: np.ufunc) -> None:
    for bit in bits:
        pairs = rows.reshape(-1, 2, 1 << bit)  # axis 1: without and with the player
        combine(pairs[:, 1], pairs[:, 0], out=pairs[:, 1])
