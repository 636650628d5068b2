"""Coalitions as integers: bit i of coalition T says that player i is kept.

Every array over coalitions has length ``2**n_players`` and is indexed by that integer.
"""

import numpy as np
from numpy.typing import NDArray


def n_players_of(n_coalitions: int) -> int:
    """Number of players of an array with `n_coalitions` entries.

    Raises
    ------
    ValueError
        If `n_coalitions` is not a power of two.

    >>> n_players_of(1024)
    10
    """
    n_players = n_coalitions.bit_length() - 1
    if n_coalitions < 1 or 1 << n_players != n_coalitions:
        message = f"an array over coalitions has 2**n_players entries, not {n_coalitions}"
        raise ValueError(message)
    return n_players


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
