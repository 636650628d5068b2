"""Bootstrap intervals over samples, paired: a resample draws the same samples for all models."""

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
ENTRIES_AT_ONCE = 2**24


class Options(Protocol):
    """What intervals and chance levels are computed with: `settings.knowledge.Statistics`."""

    @property
    def confidence(self) -> float:
        """Of every interval."""

    @property
    def n_resamples(self) -> int:
        """Bootstrap resamples of an interval."""

    @property
    def n_permutations(self) -> int:
        """Draws that a chance level is averaged over."""

    @property
    def seed(self) -> int:
        """Of resamples and permutations."""


class Interval(NamedTuple):
    """Bounds, of the shape that the statistic has; NaN where there is no interval."""

    low: Array
    high: Array


def bootstrap(
    statistic: Callable[..., Array], arrays: Sequence[Array], options: Options
) -> Interval:
    """Bias-corrected and accelerated interval (Efron, 1987) of a statistic of paired arrays.

    Where it is not defined, as for a statistic that is equal in nearly all resamples, the interval
    is that of percentiles. With fewer than two samples there is none.

    Parameters
    ----------
    statistic : takes the arrays and `axis`, the axis of samples, and reduces it
    arrays : of shape (*shape, n_samples), float64, equal samples at equal places

    Returns
    -------
    bounds of the statistic's shape; the same numbers for the same arrays and options
    """
    if arrays[0].shape[-1] < 2:
        nowhere = np.full_like(statistic(*arrays, axis=-1), np.nan)
        return Interval(nowhere, nowhere)

    def found(method: str) -> Interval:
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
        bounds = result.confidence_interval
        return Interval(np.asarray(bounds.low), np.asarray(bounds.high))

    best = found("BCa")
    missing = np.isnan(best.low) | np.isnan(best.high)
    if not missing.any():
        return best
    simple = found("percentile")
    return Interval(
        np.where(missing, simple.low, best.low), np.where(missing, simple.high, best.high)
    )


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
