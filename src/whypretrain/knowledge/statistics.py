"""The numbers that claims are about: functions of paired per-sample arrays, ready for resampling.

Each takes arrays whose axis `axis` is the samples, and reduces it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from whypretrain.knowledge.intervals import quotient

Array = NDArray[np.float64]
Statistic = Callable[..., Array]


def share_slope(orders: Array) -> Statistic:
    """By how much a share changes per order: the least-squares slope over orders.

    Parameters
    ----------
    orders : of shape (n_orders,)

    Returns
    -------
    statistic of 2 · n_orders arrays: the parts of each order, then the wholes; the share of an
    order is the sum of its part over samples divided by that of its whole. Orders without a share
    (nothing in the whole) are left out; with fewer than two orders the slope is NaN.

    >>> parts, wholes = [np.array([1.0, 1.0]), np.array([3.0, 1.0])], [np.array([4.0, 4.0])] * 2
    >>> share_slope(np.array([1, 2]))(*parts, *wholes)
    array(0.25)
    """

    def slope(*arrays: Array, axis: int = -1) -> Array:
        n_orders = len(orders)
        shares = np.stack(
            [
                quotient(part, whole, axis=axis)
                for part, whole in zip(arrays[:n_orders], arrays[n_orders:], strict=True)
            ]
        )
        held = ~np.isnan(shares)
        at = np.where(held, orders.reshape(-1, *[1] * (shares.ndim - 1)), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            centred = at - np.nansum(at, axis=0) / held.sum(axis=0)
            above = np.nansum(centred * shares, axis=0)
            return np.asarray(above / np.nansum(centred**2, axis=0))

    return slope


def area(fractions: Array, curves: Array) -> Array:
    """Area under each sample's curve, by trapezoids.

    Parameters
    ----------
    fractions : of shape (n_snapshots,), from 0 to 1
    curves : of shape (n_snapshots, n_samples)

    >>> area(np.array([0.0, 0.5, 1.0]), np.array([[0.0], [1.0], [1.0]]))
    array([0.75])
    """
    return np.asarray(np.trapezoid(curves, fractions, axis=0))


def descent(curves: Array) -> Array:
    """Total downward movement of each sample's curve, of shape (n_samples,).

    >>> descent(np.array([[0.0], [0.5], [0.25], [1.0]]))
    array([0.25])
    """
    return np.asarray(np.maximum(-np.diff(curves, axis=0), 0).sum(axis=0))


def epochs_saved(finetune_epochs: Array, scratch_epochs: Array) -> Statistic:
    """How many epochs earlier finetune comes to a loss that both models reach.

    That loss is the higher one of the two final losses, each averaged over samples. When a curve
    comes to it first is interpolated linearly between snapshots.

    Parameters
    ----------
    finetune_epochs, scratch_epochs : of shape (n_snapshots,)

    Returns
    -------
    statistic of the losses of each snapshot, finetune's first and then scratch's

    >>> losses = [np.array([x]) for x in (2.0, 1.0, 0.5, 2.0, 1.5, 1.0)]
    >>> epochs_saved(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))(*losses)
    array(1.)
    """

    def saved(*losses: Array, axis: int = -1) -> Array:
        means = np.stack([loss.mean(axis=axis) for loss in losses])
        finetune, scratch = means[: len(finetune_epochs)], means[len(finetune_epochs) :]
        level = np.maximum(finetune[-1], scratch[-1])
        return np.asarray(
            _reached(scratch_epochs, scratch, level) - _reached(finetune_epochs, finetune, level)
        )

    return saved


def _reached(epochs: Array, losses: Array, level: Array) -> Array:
    """When a curve (n_snapshots, ...) is at or below the level for the first time."""
    at = (losses <= level).argmax(axis=0)[None]
    after, before = np.maximum(at, 0), np.maximum(at - 1, 0)
    high = np.take_along_axis(losses, before, axis=0)[0]
    low = np.take_along_axis(losses, after, axis=0)[0]
    drop = high - low
    part = np.divide(high - level, drop, out=np.ones_like(drop), where=drop > 0)
    start, end = epochs[before[0]], epochs[after[0]]
    return np.asarray(start + np.clip(part, 0, 1) * (end - start))
