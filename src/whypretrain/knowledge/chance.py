"""Chance levels in closed form: what is expected if one model's interactions were permuted.

A permutation is among the sets of equal order within a sample, so that strengths stay and what they
are of does not. Of AND-OR interactions it keeps the kind too: only sets of one order and one kind
are told apart by nothing but their players. Arrays have the lengths that
:mod:`whypretrain.interactions.sets` describes: for Harsanyi interactions, `n_sets` is 2**n_players.

Every metric is a sum of f(x, y) = 1[xy > 0] min(|x|, |y|) over sets, so its expectation over all m!
permutations is a double sum of minima over the m² pairs of sets, which sorting gives in O(m log m).
There are no draws, and so no seed and no Monte Carlo error.
"""

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.sets import alike_sets, players_of, sets_of_orders

Array = NDArray[np.float64]


def common(first: Array, second: Array) -> Array:
    """What two interactions have in common: f(x, y) = 1[xy > 0] min(|x|, |y|), elementwise.

    >>> common(np.array([3.0, 1.0, -2.0]), np.array([2.0, -4.0, -5.0]))
    array([2., 0., 2.])
    """
    # Signs, not the product: it underflows to 0 for tiny strengths.
    agree = np.sign(first) * np.sign(second) > 0
    return np.where(agree, np.minimum(np.abs(first), np.abs(second)), 0.0)


def expected_common(first: Array, second: Array) -> Array:
    """The expectation of :func:`common` where `second` is permuted: (1/m) Σ_j f(x_k, y_j).

    Parameters
    ----------
    first, second : arrays of shape (..., n_sets)

    Returns
    -------
    array of that shape, float64: of every set k, over the m sets j of its order and kind

    >>> expected_common(np.array([0.0, 1.0, 3.0, 5.0]), np.array([0.0, 2.0, -4.0, 1.0]))
    array([0. , 0.5, 1. , 1. ])
    """
    expected = np.empty(np.broadcast_shapes(first.shape, second.shape))
    for _, sets in alike_sets(first.shape[-1]):
        x, y = np.broadcast_arrays(first[..., sets], second[..., sets])
        expected[..., sets] = _mean_minimum(np.maximum(x, 0), np.maximum(y, 0))
        expected[..., sets] += _mean_minimum(np.maximum(-x, 0), np.maximum(-y, 0))
    return expected


def _mean_minimum(x: Array, y: Array) -> Array:
    """(1/m) Σ_j min(x_k, y_j) of each k along the last axis, all numbers >= 0."""
    m = y.shape[-1]
    both = np.concatenate([y, x], axis=-1)
    ranked = both.argsort(axis=-1)
    values, is_y = np.take_along_axis(both, ranked, axis=-1), ranked < m
    # Up to x_k the y_j themselves, beyond it x_k each.
    sums = np.where(is_y, values, 0.0).cumsum(axis=-1) + values * (m - is_y.cumsum(axis=-1))
    found = np.empty_like(both)
    np.put_along_axis(found, ranked, sums, axis=-1)
    return found[..., m:] / m


def largest_common(first: Array, second: Array) -> Array:
    """The largest sum of :func:`common` over the sets of each order that a permutation gives.

    That is where both are sorted alike, since f grows with x and y together (rearrangement
    inequality for positive and negative parts).

    Returns
    -------
    array of shape (..., n_players + 1), float64: a sum for every order

    >>> largest_common(np.array([0.0, 1.0, 3.0, 5.0]), np.array([0.0, 2.0, -4.0, 1.0]))
    array([0., 2., 1.])
    """
    n_sets = first.shape[-1]
    shape = np.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    largest = np.zeros((*shape, players_of(n_sets) + 1))
    for order, sets in alike_sets(n_sets):
        alike = common(np.sort(first[..., sets]), np.sort(second[..., sets]))
        largest[..., order] += alike.sum(axis=-1)
    return largest


def by_order(values: Array) -> Array:
    """Sums over the sets of each order: (..., n_sets) to (..., n_players + 1).

    >>> by_order(np.array([1.0, 2.0, 3.0, 4.0]))
    array([1., 5., 4.])
    """
    sums = [values[..., sets].sum(axis=-1) for sets in sets_of_orders(values.shape[-1])]
    return np.stack(sums, axis=-1)
