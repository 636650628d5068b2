"""Intervals of numbers that samples and seeds both make uncertain, in closed form.

A claim is about ways of training, so seeds of fine-tuning, seeds of training from scratch and
samples are crossed random factors. A number is a function g of means over all cells of that design.
It is linearised (delta method), which leaves one value a cell; the variance of their mean follows
from the mean squares of the factors and of their interactions, and Satterthwaite's degrees of
freedom (1946) give a t interval. Nothing is drawn, so there is no seed, and the order of samples
changes nothing. How often the intervals cover: docs/claims.md.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]
Statistic = Callable[..., Array]
"""From the means of several cells' values, arrays of shape (...), to the number, (...)."""
FACTORS = (-3, -2, -1)  # axes of cells: seeds of finetune, seeds of scratch, samples
STEP = 0.01
TIE = 1 + 1e-9
"""Mean squares that differ by less are equal, lest rounding, and so the order of levels, decide."""


class Estimate(NamedTuple):
    """A number with its interval, and the least and the most that pairs of seeds give.

    Arrays of equal shape, float64; NaN where there is no number, or no interval.
    """

    number: Array
    low: Array
    high: Array
    least: Array
    most: Array


def estimate(
    statistic: Statistic,
    cells: Sequence[Array],
    confidence: float,
    *,
    step: float = STEP,
    spreads: Sequence[float] | None = None,
) -> Estimate:
    """A number that is a function of means of cells, with its interval.

    Parameters
    ----------
    statistic : takes one array of means for each entry of `cells`
    cells : arrays of shape (..., n_finetune, n_scratch, n_samples), without gaps; a factor that a
        number does not depend on has length 1
    confidence : such as 0.95
    step : how many standard errors a mean is moved to see what the number does; about 1 suits a
        number with kinks, such as when a curve comes to a level
    spreads : for each entry of `cells`, how far a seed lies from the mean, relative to its cells:
        :func:`spread_of_pairs` for :func:`second_runs`, else 1, the default

    Returns
    -------
    arrays of shape (...)
    """
    shape = np.broadcast_shapes(*(own.shape for own in cells))
    means = [own.mean(axis=FACTORS) for own in cells]
    number = np.asarray(statistic(*means))
    linear = np.zeros(shape)
    for place, own in enumerate(cells):
        error = own.std(axis=FACTORS) / np.sqrt(np.prod(own.shape[-3:]))
        moved = [
            statistic(*means[:place], means[place] + sign * step * error, *means[place + 1 :])
            for sign in (1, -1)
        ]
        # Cells that are all equal add nothing, whatever the slope.
        fall = moved[0] - moved[1]
        slope = np.divide(fall, 2 * step * error, out=np.zeros_like(fall), where=error > 0)
        linear = linear + slope[..., None, None, None] * (own - means[place][..., None, None, None])
    variance, freedom = variance_of_mean(linear)
    reach = stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(variance)
    each = [
        mean[..., None, None] + spread * (own.mean(axis=-1) - mean[..., None, None])
        for own, mean, spread in zip(cells, means, spreads or [1.0] * len(cells), strict=True)
    ]
    of_seeds = np.asarray(statistic(*each))
    of_seeds = of_seeds.reshape(*number.shape, -1)
    least, most = (reduce(of_seeds, axis=-1) for reduce in (np.min, np.max))
    return Estimate(number, number - reach, number + reach, least, most)


def variance_of_mean(cells: Array) -> tuple[Array, Array]:
    """Variance of the mean of a crossed design with one value a cell, and its degrees of freedom.

    With mean squares MS_U of every set U of factors, the unbiased estimate is
    Σ_U (-1)^(|U|+1) MS_U / n_cells: for two factors (MS_A + MS_B - MS_AB) / n_cells. It is no less
    than the largest share of a single factor, below which chance alone would bring it.

    Parameters
    ----------
    cells : array of shape (..., a, b, c); a factor of length 1 is none

    Returns
    -------
    variance, degrees of freedom : arrays of shape (...); NaN where no factor has two levels

    >>> variance, freedom = variance_of_mean(np.array([[[1.0, 2.0, 3.0]]]))
    >>> round(float(variance), 4), float(freedom)
    (0.3333, 2.0)
    """
    factors = [axis for axis in FACTORS if cells.shape[axis] > 1]
    if not factors:
        nowhere = np.full(cells.shape[:-3], np.nan)
        return nowhere, nowhere
    total, spread = np.zeros(cells.shape[:-3]), np.zeros(cells.shape[:-3])
    largest, its_freedom = np.zeros_like(total), np.ones_like(total)
    for size in range(1, len(factors) + 1):
        for chosen in combinations(factors, size):
            freedom = np.prod([cells.shape[axis] - 1 for axis in chosen])
            effect = _effect(cells, chosen, factors)
            # MS_U / n_cells, where each value of the effect stands for all cells of its level.
            n_levels = np.prod([cells.shape[axis] for axis in chosen])
            share = (effect**2).sum(axis=FACTORS) / freedom / n_levels
            total += share if size % 2 else -share
            spread += share**2 / freedom
            if size == 1:
                its_freedom = np.where(share > largest * TIE, freedom, its_freedom)
                largest = np.maximum(share, largest)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(spread > 0, total**2 / spread, 1.0)
    enough = total > largest * TIE
    return np.where(enough, total, largest), np.where(enough, found, its_freedom)


def _effect(cells: Array, chosen: Sequence[int], factors: Sequence[int]) -> Array:
    """What levels of the chosen factors together add to what fewer of them do."""
    effect = cells.mean(axis=tuple(a for a in factors if a not in chosen), keepdims=True)
    for axis in chosen:
        effect = effect - effect.mean(axis=axis, keepdims=True)
    return effect


def second_runs(pairs: Array) -> Array:
    """Values of pairs of networks of one kind as cells of one seed each, with the same mean.

    Two seeds are one factor, not two: a seed's jackknife pseudo-value is what the mean over pairs
    would change by without it, so that :func:`variance_of_mean` sees how much hangs on each.

    Parameters
    ----------
    pairs : array of shape (..., k, k, n_samples) of a first and a second seed; the diagonal is
        not read

    Returns
    -------
    array of shape (..., k, n_samples); with two seeds (..., 1, n_samples), as neither can be left
    out
    """
    k = pairs.shape[-2]
    off = np.where(np.eye(k, dtype=bool)[..., None], 0.0, pairs)
    total = off.sum(axis=(-3, -2))
    mean = total / (k * (k - 1))
    if k < 3:
        return mean[..., None, :]
    without = total[..., None, :] - off.sum(axis=-2) - off.sum(axis=-3)
    return k * mean[..., None, :] - without / (k - 2)


def spread_of_pairs(k: int) -> float:
    """How far the mean over a seed's own pairs lies from the mean, relative to its pseudo-value.

    A value of :func:`second_runs` may be one that no pair of networks has, such as an agreement
    above 1; the mean over a seed's pairs is not.

    >>> spread_of_pairs(3)
    0.25
    """
    return (k - 2) / (2 * (k - 1)) if k > 2 else 1.0
