"""The numbers that claims are about, and their intervals, both of paired arrays of samples.

A statistic takes arrays whose axis `axis` is the samples, and reduces it. A resample draws the
same samples of all arrays.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

if TYPE_CHECKING:
    from whypretrain.settings.knowledge import Statistics

Array = NDArray[np.float64]
Statistic = Callable[..., Array]
ENTRIES_AT_ONCE = 2**24


def bootstrap(
    statistic: Statistic, arrays: Sequence[Array], options: "Statistics"
) -> tuple[Array, Array]:
    """Bias-corrected and accelerated interval (Efron, 1987) of a statistic of paired arrays.

    Where it is not defined, as for a statistic that is equal in nearly all resamples, the interval
    is that of percentiles. With fewer than two samples there is none.

    Parameters
    ----------
    statistic : takes the arrays and `axis`, the axis of samples, and reduces it
    arrays : of shape (*shape, n_samples), float64, equal samples at equal places

    Returns
    -------
    low, high : of the statistic's shape, NaN where there is no interval; the same numbers for the
        same arrays and options
    """
    if arrays[0].shape[-1] < 2:
        nowhere = np.full_like(statistic(*arrays, axis=-1), np.nan)
        return nowhere, nowhere

    def found(method: str) -> tuple[Array, Array]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            result = stats.bootstrap(
                tuple(arrays),
                statistic,
                n_resamples=options.n_resamples,
                batch=max(ENTRIES_AT_ONCE // max(arrays[0].size, 1), 1),
                axis=-1,
                vectorized=True,
                paired=True,
                confidence_level=options.confidence,
                method=method,
                rng=np.random.default_rng(options.seed),
            )
        low, high = result.confidence_interval
        return np.asarray(low), np.asarray(high)

    low, high = found("BCa")
    missing = np.isnan(low) | np.isnan(high)
    if missing.any():
        simple = found("percentile")
        low, high = np.where(missing, simple, (low, high))
    return low, high


def mean(values: Array, axis: int = -1) -> Array:
    """The mean over samples; those without a number (NaN) are left out.

    >>> mean(np.array([1.0, np.nan, 3.0]))
    array(2.)
    """
    held = ~np.isnan(values)
    total = np.where(held, values, 0.0).sum(axis=axis)
    count = held.sum(axis=axis)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def quotient(numerator: Array, denominator: Array, axis: int = -1) -> Array:
    """Sum over samples divided by sum over samples; NaN where the second sum is not positive.

    >>> quotient(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    array(0.5)
    """
    above, below = numerator.sum(axis=axis), denominator.sum(axis=axis)
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def share_slope(orders: Array) -> Statistic:
    """By how much a share changes per order: the least-squares slope over orders, (n_orders,).

    Returns
    -------
    statistic of 2 · n_orders arrays: the parts of each order, then the wholes; the share of an
    order is the quotient of its part and its whole. Orders without a share (nothing in the whole)
    are left out; with fewer than two orders the slope is NaN.

    >>> parts, wholes = [np.array([1.0, 1.0]), np.array([3.0, 1.0])], [np.array([4.0, 4.0])] * 2
    >>> share_slope(np.array([1, 2]))(*parts, *wholes)
    array(0.25)
    """

    def slope(*arrays: Array, axis: int = -1) -> Array:
        pairs = zip(arrays[: len(orders)], arrays[len(orders) :], strict=True)
        shares = np.stack([quotient(part, whole, axis=axis) for part, whole in pairs])
        held = ~np.isnan(shares)
        at = np.where(held, orders.reshape(-1, *[1] * (shares.ndim - 1)), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            centred = at - np.nansum(at, axis=0) / held.sum(axis=0)
            above = np.nansum(centred * shares, axis=0)
            return np.asarray(above / np.nansum(centred**2, axis=0))

    return slope


def area(fractions: Array, curves: Array) -> Array:
    """Area under each sample's curve, (n_snapshots, n_samples), by trapezoids.

    >>> area(np.array([0.0, 0.5, 1.0]), np.array([[0.0], [1.0], [1.0]]))
    array([0.75])
    """
    return np.asarray(np.trapezoid(curves, fractions, axis=0))


def descent(curves: Array) -> Array:
    """Total downward movement of each sample's curve, (n_snapshots, n_samples).

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
    after = (losses <= level).argmax(axis=0)[None]
    before = np.maximum(after - 1, 0)
    high, low = (np.take_along_axis(losses, at, axis=0)[0] for at in (before, after))
    drop = high - low
    part = np.divide(high - level, drop, out=np.ones_like(drop), where=drop > 0)
    start, end = epochs[before[0]], epochs[after[0]]
    return np.asarray(start + np.clip(part, 0, 1) * (end - start))
