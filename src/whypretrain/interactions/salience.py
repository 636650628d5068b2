"""Salient interactions and how well they alone rebuild the network's outputs."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.mobius import zeta

SalienceScale = Literal["sample", "model"]


def salient(
    interactions: NDArray[np.float64], *, threshold: float = 0.05, scale: SalienceScale = "sample"
) -> NDArray[np.bool_]:
    """Which interactions are salient: |I(S)| > threshold · max over S ≠ ∅ of |I(S)| (footnote 4).

    Parameters
    ----------
    interactions : array of shape (n_samples, 2**n_players)
    threshold : share of the largest strength that an interaction must exceed.
    scale : whether the maximum runs over the sample's own sets or over all samples of the model.

    Returns
    -------
    array of shape (n_samples, 2**n_players), bool
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
    interactions : array of shape (n_samples, 2**n_players)
    is_salient : array of the same shape. The empty set is always kept in the rebuilding.

    Returns
    -------
    array of shape (n_samples,), float64
        RMS over T of the error, divided by the RMS over T of v(T) - v(∅); 0 for a constant v.
    """
    kept = is_salient.copy()
    kept[:, 0] = True
    error = zeta(np.where(kept, 0.0, interactions))
    varying = interactions.copy()
    varying[:, 0] = 0.0
    spread = np.sqrt(np.mean(zeta(varying) ** 2, axis=1))
    rms = np.sqrt(np.mean(error**2, axis=1))
    return np.divide(rms, spread, out=np.zeros_like(rms), where=spread > 0)
