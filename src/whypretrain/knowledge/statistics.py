"""The numbers that claims are about, as functions of means over samples and seeds.

:mod:`whypretrain.knowledge.intervals` gives them their intervals. Means are arrays of one shape,
and so is the number.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistic = Callable[..., Array]


def quotient(above: Array, below: Array) -> Array:
    """One mean divided by another; NaN where the second is not positive.

    >>> quotient(np.array([1.0, 2.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


def total_quotient(*terms: Array) -> Array:
    """The sum of the first half of the means divided by that of the second half.

    >>> total_quotient(np.array(1.0), np.array(2.0), np.array(4.0), np.array(2.0))
    array(0.5)
    """
    half = len(terms) // 2
    return quotient(np.asarray(sum(terms[:half])), np.asarray(sum(terms[half:])))


def slope(orders: NDArray[np.int64]) -> Statistic:
    """By how much means change per order: the least-squares slope over orders, (n_orders,).

    Returns
    -------
    statistic of one mean an order; NaN ones are left out; NaN with fewer than two

    >>> slope(np.array([1, 2, 3]))(np.array(1.0), np.array(3.0), np.array(5.0))
    array(2.)
    """

    def fitted(*means: Array) -> Array:
        values = np.stack(np.broadcast_arrays(*means))
        held = ~np.isnan(values)
        at = np.where(held, orders.reshape(-1, *[1] * (values.ndim - 1)), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            centred = at - np.nansum(at, axis=0) / held.sum(axis=0)
            return np.asarray(np.nansum(centred * values, axis=0) / np.nansum(centred**2, axis=0))

    return fitted


def share_slope(orders: NDArray[np.int64]) -> Statistic:
    """By how much a share changes per order.

    Returns
    -------
    statistic of 2 · n_orders means: the parts of each order, then the wholes; the share of an
    order is the quotient of its part and its whole. Orders without a share (nothing in the whole)
    are left out.

    >>> share_slope(np.array([1, 2]))(*map(np.array, (1.0, 2.0, 4.0, 4.0)))
    array(0.25)
    """

    def fitted(*means: Array) -> Array:
        half = len(orders)
        return slope(orders)(*map(quotient, means[:half], means[half:]))

    return fitted


def area(times: Array, curves: Array) -> Array:
    """Area under each curve, (n_snapshots, ...), by trapezoids, relative to the whole time.

    >>> area(np.array([0.0, 1.0, 2.0]), np.array([[0.0], [1.0], [1.0]]))
    array([0.75])
    """
    return np.asarray(np.trapezoid(curves, times, axis=0) / (times[-1] - times[0]))


def descent(curves: Array) -> Array:
    """Total downward movement of each curve, (n_snapshots, ...).

    >>> descent(np.array([[0.0], [0.5], [0.25], [1.0]]))
    array([0.25])
    """
    return np.asarray(np.maximum(-np.diff(curves, axis=0), 0).sum(axis=0))


def saved(finetune_times: Array, scratch_times: Array) -> Statistic:
    """How much earlier finetune comes to a loss that both models reach.

    That loss is the higher one of the two final losses, each a mean over samples and seeds. When a
    curve comes to it first is interpolated linearly between snapshots.

    Parameters
    ----------
    finetune_times, scratch_times : of shape (n_snapshots,), in epochs or in steps

    Returns
    -------
    statistic of the mean losses of each snapshot, finetune's first and then scratch's

    >>> losses = map(np.array, (2.0, 1.0, 0.5, 2.0, 1.5, 1.0))
    >>> saved(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))(*losses)
    array(1.)
    """

    def earlier(*losses: Array) -> Array:
        half, means = len(finetune_times), np.stack(np.broadcast_arrays(*losses))
        finetune, scratch = means[:half], means[half:]
        level = np.maximum(finetune[-1], scratch[-1])
        return np.asarray(
            _reached(scratch_times, scratch, level) - _reached(finetune_times, finetune, level)
        )

    return earlier


def _reached(times: Array, losses: Array, level: Array) -> Array:
    """When a curve (n_snapshots, ...) is at or below the level for the first time."""
    after = (losses <= level).argmax(axis=0)[None]
    before = np.maximum(after - 1, 0)
    high, low = (np.take_along_axis(losses, at, axis=0)[0] for at in (before, after))
    drop = high - low
    part = np.divide(high - level, drop, out=np.ones_like(drop), where=drop > 0)
    start, end = times[before[0]], times[after[0]]
    return np.asarray(start + np.clip(part, 0, 1) * (end - start))
