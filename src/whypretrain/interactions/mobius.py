"""The Möbius transform over coalitions and its inverse, by the butterfly, in float64."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whypretrain.interactions.coalitions import n_players_of


def mobius(outputs: ArrayLike) -> NDArray[np.float64]:
    """Harsanyi interactions I(S) = sum over T ⊆ S of (-1)^(|S|-|T|) v(T) (eq. 2 of the paper).

    Parameters
    ----------
    outputs : array of shape (..., 2**n_players)
        v(T) for every coalition T. Left unchanged; computed with in float64.

    Returns
    -------
    array of shape (..., 2**n_players), float64
        I(S) for every coalition S. Costs n_players * 2**(n_players-1) subtractions a row.

    Raises
    ------
    ValueError
        If the last axis is not a power of two.

    >>> mobius([0.0, 1.0, 2.0, 5.0])
    array([0., 1., 2., 2.])
    """
    return _butterfly(outputs, np.subtract)


def zeta(interactions: ArrayLike) -> NDArray[np.float64]:
    """Outputs v(T) = sum over S ⊆ T of I(S) (eq. 4): the inverse of :func:`mobius`.

    Same shapes, dtype and errors as :func:`mobius`.

    >>> zeta([0.0, 1.0, 2.0, 2.0])
    array([0., 1., 2., 5.])
    """
    return _butterfly(interactions, np.add)


def _butterfly(values: ArrayLike, combine: np.ufunc) -> NDArray[np.float64]:
    result = np.array(values, dtype=np.float64, order="C")
    shape = result.shape
    n_players = n_players_of(shape[-1])
    for player in range(n_players):
        pairs = result.reshape(-1, 2, 1 << player)  # axis 1: without and with the player
        combine(pairs[:, 1], pairs[:, 0], out=pairs[:, 1])
    return result
