"""Agreement of two models' interactions beyond chance: 0 at chance, 1 as alike as strengths allow.

Ours, after the idea of the adjusted Rand index (Hubert and Arabie, 1985) and of Cohen's kappa
(1960): what two models have in common, M, is set between what chance gives, E, and the largest that
their strengths allow, L, as (M - E) / (L - E). Unlike eqs. 6 to 9 it does not hang on how strong
the models are, and it is symmetric.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from whypretrain.knowledge.chance import by_order, common, expected_common, largest_common

Array = NDArray[np.float64]
GROUPS = {"1-2": (1, 2), "3-4": (3, 4), "5+": (5, 99)}
"""Groups of orders, from first to last, as a mean over all is mostly the noise of high ones."""


class Terms(NamedTuple):
    """Sums over the sets of each order, arrays of shape (..., n_players + 1).

    `common`: what both models have, M. `chance`: its expectation, E. `largest`: its maximum, L.
    """

    common: Array
    chance: Array
    largest: Array


def set_terms(first: Array, second: Array) -> Terms:
    """Where chance permutes interactions among the sets of an order, as METHOD's chance level.

    Parameters
    ----------
    first, second : interactions, arrays of shape (..., n_sets)
    """
    held, expected = common(first, second), expected_common(first, second)
    return Terms(by_order(held), by_order(expected), largest_common(first, second))


def sign_terms(first: Array, second: Array) -> Terms:
    """Where chance flips signs: the same sets stay strong, and their effects agree or do not."""
    most = by_order(np.minimum(np.abs(first), np.abs(second)))
    return Terms(by_order(common(first, second)), most / 2, most)


def agreement(terms: Terms, orders: NDArray[np.int64]) -> Array:
    """(M - E) / (L - E), where each is summed over some orders.

    Parameters
    ----------
    orders : those counted; a single set, as of the highest order, has no chance level

    Returns
    -------
    array of shape (...), float64, at most 1; NaN where nothing could agree more than chance does

    >>> one = np.array([[0.0, 1.0, 3.0, 5.0]])
    >>> agreement(set_terms(one, one), np.array([1]))
    array([1.])
    """
    held, expected, largest = (part[..., orders].sum(axis=-1) for part in terms)
    room = largest - expected
    # Rounding leaves a room that is none.
    possible = room > 1e-12 * largest
    return np.divide(held - expected, room, out=np.full_like(room, np.nan), where=possible)


def order_groups(counted: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Orders to report agreement of, by name: each, the groups, and ``all``.

    Parameters
    ----------
    counted : orders above the noise floor, from 1 to n_players - 1

    >>> list(order_groups(np.array([1, 2, 3])))
    ['1', '2', '3', '1-2', '3-4', 'all']
    """
    found = {str(order): counted[counted == order] for order in counted}
    for name, (first, last) in GROUPS.items():
        found[name] = counted[(counted >= first) & (counted <= last)]
    found["all"] = counted
    return {name: own for name, own in found.items() if len(own)}
