"""Salient interactions and how well they alone rebuild the network's outputs.

Arrays are as long as :mod:`whypretrain.interactions.sets` says: `n_sets` is 2**n_players for
Harsanyi interactions.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.sets import active_share, outputs_of

SalienceScale = Literal["sample", "model"]


def salient(
    interactions: NDArray[np.float64], *, threshold: float = 0.05, scale: SalienceScale = "sample"
) -> NDArray[np.bool_]:
    """Which interactions are salient: |I(S)| > threshold · max over S ≠ ∅ of |I(S)| (footnote 4).

    Parameters
    ----------
    interactions : array of shape (n_samples, n_sets)
    threshold : share of the largest strength that an interaction must exceed
    scale : whether the maximum runs over the sample's own sets or over all samples of the model

    Returns
    -------
    array of shape (n_samples, n_sets), bool
        The empty set is never salient.
    """
    strength = np.abs(interactions)
    strength[:, 0] = 0.0
    largest = strength.max(axis=1, keepdims=True) if scale == "sample" else strength.max()
    return strength > threshold * largest


def reconstruction_error(
    interactions: NDArray[np.float64], is_salient: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Error of rebuilding all 2**n_players outputs from the salient set alone (Theorem 3.1).

    Parameters
    ----------
    interactions : array of shape (n_samples, n_sets)
    is_salient : array of the same shape. The empty set is always kept in the rebuilding.

    Returns
    -------
    array of shape (n_samples,), float64
        RMS over T of the error, divided by the RMS over T of v(T) - v(∅); 0 for a constant v.
    """
    varying = interactions.copy()
    varying[:, 0] = 0.0
    error = outputs_of(np.where(is_salient, 0.0, varying))
    spread = np.sqrt(np.mean(outputs_of(varying) ** 2, axis=1))
    rms = np.sqrt(np.mean(error**2, axis=1))
    return np.divide(rms, spread, out=np.zeros_like(rms), where=spread > 0)


def random_reconstruction_error(
    interactions: NDArray[np.float64], n_kept: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Error of rebuilding the outputs from as many interactions, drawn at random among S ≠ ∅.

    No draw is made. Of M sets, d left out at random, one is left out with probability
    p = d/M and two with q = d(d - 1)/(M(M - 1)); so the expected squared error at T is
    q·(v(T) - v(∅))² + (p - q)·Σ of I(S)² over the S ≠ ∅ that take effect at T (S ⊆ T).

    Parameters
    ----------
    interactions : array of shape (n_samples, n_sets), with at least one player
    n_kept : array of shape (n_samples,), from 0 to n_sets - 1. The empty set is kept besides.

    Returns
    -------
    array of shape (n_samples,), float64
        As :func:`reconstruction_error`, the mean square being taken over all draws too.
    """
    varying = interactions.copy()
    varying[:, 0] = 0.0
    n_sets = varying.shape[1] - 1
    n_left_out = n_sets - n_kept
    one = n_left_out / n_sets
    two = one * (n_left_out - 1) / max(n_sets - 1, 1)
    spread = np.mean(outputs_of(varying) ** 2, axis=1)
    squares = (varying**2 * active_share(varying.shape[1])).sum(axis=1)
    error = np.sqrt(np.maximum(two * spread + (one - two) * squares, 0.0))
    return np.divide(error, np.sqrt(spread), out=np.zeros_like(error), where=spread > 0)
