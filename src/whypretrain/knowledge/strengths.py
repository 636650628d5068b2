"""Preserved, discarded, new knowledge (eqs. 6, 7), what scratch reaches (8), similarity (9).

Arrays over sets have any leading shape; the three models' interactions are named after them.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RatioReading = Literal["positive", "zero", "salient", "weighted"]
RATIO_READINGS: tuple[RatioReading, ...] = get_args(RatioReading)
SALIENT_SHARE = 0.05  # of the sample's largest preserved strength: METHOD's reading `salient`


class Knowledge(NamedTuple):
    """Strengths per set; every array has the shape of the interactions given."""

    preserve: Array
    discard: Array
    new: Array


def shared_strength(first: Array, second: Array) -> Array:
    """1[a·b > 0] · min(|a|, |b|): the strength of an effect that two models have in common.

    >>> shared_strength(np.array([2.0, -3.0, 1.0]), np.array([1.0, -5.0, -1.0]))
    array([1., 3., 0.])
    """
    # Signs, not the product: a·b underflows to 0 for tiny strengths.
    agree = np.sign(first) * np.sign(second) > 0
    return np.where(agree, np.minimum(np.abs(first), np.abs(second)), 0.0)


def split_knowledge(probe: Array, finetune: Array) -> Knowledge:
    """Split the interactions of the two models into preserved, discarded and new (eqs. 6, 7).

    >>> split_knowledge(np.array([3.0, 1.0]), np.array([2.0, -4.0]))
    Knowledge(preserve=array([2., 0.]), discard=array([1., 1.]), new=array([0., 4.]))
    """
    preserve = shared_strength(probe, finetune)
    return Knowledge(preserve, np.abs(probe) - preserve, np.abs(finetune) - preserve)


def exclusive_strength(own: Array, other: Array) -> Array:
    """|a| - 1[a·b > 0]·min(|a|, |b|): what `own` holds and `other` does not.

    >>> exclusive_strength(np.array([3.0, 1.0]), np.array([2.0, -4.0]))
    array([1., 1.])
    """
    return np.abs(own) - shared_strength(own, other)


def reached_strength(probe: Array, preserve: Array, scratch: Array) -> Array:
    """Numerator of eq. 8: 1[a·c > 0] · min(|c|, preserve), the preserved strength scratch reaches.

    >>> a, c = np.array([3.0, 3.0, 3.0]), np.array([1.0, -2.0, 9.0])
    >>> reached_strength(a, np.array([2.0, 2.0, 2.0]), c)
    array([1., 0., 2.])
    """
    agree = np.sign(probe) * np.sign(scratch) > 0
    return np.where(agree, np.minimum(np.abs(scratch), preserve), 0.0)


def ratio_terms(preserve: Array, reached: Array, *, reading: RatioReading) -> tuple[Array, Array]:
    """Numerator and denominator of the average ratio (eq. 8) of each sample, under one reading.

    Parameters
    ----------
    preserve, reached : arrays of shape (n_samples, n_sets)
        Preserved strength, and what scratch reaches of it. Leave the empty set out.
    reading : how 0/0 is read where nothing is preserved
        ``positive``: the mean of reached/preserve over sets with preserve > 0;
        ``zero``: 0/0 counts as 0, so the mean is over all sets;
        ``salient``: over sets with preserve above 0.05 of the largest of the sets given;
        ``weighted``: the sum of reached over the sum of preserve.

    Returns
    -------
    numerator, denominator : arrays of shape (n_samples,)
        A sample's ratio is their quotient. A denominator of 0 says that no set of the sample
        enters this reading.
    """
    if reading == "weighted":
        return reached.sum(axis=1), preserve.sum(axis=1)
    held = preserve > 0
    ratio = np.divide(reached, preserve, out=np.zeros_like(preserve), where=held)
    if reading == "zero":
        return ratio.sum(axis=1), np.full(len(preserve), float(preserve.shape[1]))
    if reading == "salient":
        held = preserve > SALIENT_SHARE * preserve.max(axis=1, keepdims=True)
    return np.where(held, ratio, 0.0).sum(axis=1), held.sum(axis=1).astype(float)


def jaccard(snapshot: Array, final: Array) -> Array:
    """Jaccard similarity ||min(Ĩ_e, Ĩ_E)||₁ / ||max(Ĩ_e, Ĩ_E)||₁, Ĩ = [max(I, 0), max(-I, 0)].

    Parameters
    ----------
    snapshot, final : arrays of shape (n_samples, n_sets)
        Interactions at epoch e and at the last epoch. Leave the empty set out.

    Returns
    -------
    array of shape (n_samples,), float64, in [0, 1]
        1 where both are zero everywhere: nothing is missing.

    >>> jaccard(np.array([[1.0, -2.0]]), np.array([[2.0, 2.0]]))
    array([0.16666667])
    """
    early = np.concatenate([np.maximum(snapshot, 0), np.maximum(-snapshot, 0)], axis=1)
    late = np.concatenate([np.maximum(final, 0), np.maximum(-final, 0)], axis=1)
    common = np.minimum(early, late).sum(axis=1)
    union = np.maximum(early, late).sum(axis=1)
    return np.divide(common, union, out=np.ones_like(common), where=union > 0)
