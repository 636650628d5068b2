"""Preserved, discarded, new knowledge (eqs. 6, 7), what scratch reaches (8), similarity (9).

They are not zero for unrelated models: two whose interactions are independent and equally strong
have a discard/preserve of 2.4 to 3.0. So every number is compared with that of the references,
which docs/claims.md describes. Where a function has the place of one model's interactions, what is
expected of permuted ones (:mod:`whypretrain.knowledge.chance`) can stand in it.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from whypretrain.knowledge.chance import common, expected_common

Array = NDArray[np.float64]
RatioReading = Literal["zero", "positive", "salient", "weighted"]
RATIO_READINGS: tuple[RatioReading, ...] = get_args(RatioReading)
VARIANTS = ("probe", "finetune", "scratch")
TRAINED = VARIANTS[1:]
Reference = Literal["measured", "chance", "swapped", "second_run"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)
SALIENT_SHARE = 0.05  # of the sample's largest preserved strength: METHOD's reading `salient`


class Knowledge(NamedTuple):
    """Strengths per set; every array has the shape of the interactions given."""

    preserve: Array
    discard: Array
    new: Array


def split_knowledge(probe: Array, finetune: Array) -> Knowledge:
    """Preserved 1[a·b > 0]·min(|a|, |b|), discarded |a| - it, new |b| - it (eqs. 6, 7).

    >>> split_knowledge(np.array([3.0, 1.0]), np.array([2.0, -4.0]))
    Knowledge(preserve=array([2., 0.]), discard=array([1., 1.]), new=array([0., 4.]))
    """
    return _split(common(probe, finetune), probe, finetune)


def expected_split(probe: Array, finetune: Array) -> Knowledge:
    """The expectation of :func:`split_knowledge` where `finetune` is permuted.

    `new` is that of permuted sets, so only its sum over the sets of an order means something.
    """
    return _split(expected_common(probe, finetune), probe, finetune)


def _split(preserve: Array, probe: Array, finetune: Array) -> Knowledge:
    return Knowledge(preserve, np.abs(probe) - preserve, np.abs(finetune) - preserve)


def held_knowledge(probe: Array, finetune: Array) -> Array:
    """Preserved knowledge with its sign, the probe's: what scratch is asked for in eq. 8.

    >>> held_knowledge(np.array([-3.0, 1.0]), np.array([-2.0, -4.0]))
    array([-2.,  0.])
    """
    return np.sign(probe) * common(probe, finetune)


def reached_strength(held: Array, scratch: Array) -> Array:
    """Numerator of eq. 8: 1[a·c > 0] · min(|c|, preserve), the preserved strength scratch reaches.

    >>> reached_strength(np.array([2.0, 2.0, 2.0]), np.array([1.0, -2.0, 9.0]))
    array([1., 0., 2.])
    """
    return common(held, scratch)


def ratio_terms(preserve: Array, reached: Array, *, reading: RatioReading) -> tuple[Array, Array]:
    """Numerator and denominator of the average ratio (eq. 8) of each sample, under one reading.

    Parameters
    ----------
    preserve, reached : arrays of shape (..., n_sets)
        Preserved strength, and what scratch reaches of it. Leave the empty set out.
    reading : how 0/0 is read where nothing is preserved
        ``zero``: 0/0 counts as 0, so the mean is over all sets, as the paper says;
        ``positive``: the mean of reached/preserve over sets with preserve > 0;
        ``salient``: over sets with preserve above 0.05 of the largest of the sets given;
        ``weighted``: the sum of reached over the sum of preserve.

    Returns
    -------
    numerator, denominator : arrays of shape (...)
        A sample's ratio is their quotient. A denominator of 0 says that no set of the sample
        enters this reading.
    """
    if reading == "weighted":
        return reached.sum(axis=-1), preserve.sum(axis=-1)
    held = preserve > 0
    ratio = np.divide(reached, preserve, out=np.zeros_like(preserve), where=held)
    if reading == "zero":
        return ratio.sum(axis=-1), np.full(preserve.shape[:-1], float(preserve.shape[-1]))
    if reading == "salient":
        held = preserve > SALIENT_SHARE * preserve.max(axis=-1, keepdims=True)
    return np.where(held, ratio, 0.0).sum(axis=-1), held.sum(axis=-1).astype(float)


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
    # Σ max = Σ (x + y) - Σ min, for each of the halves.
    held = common(snapshot, final).sum(axis=-1)
    return _similarity(held, snapshot, final)


def expected_jaccard(snapshot: Array, final: Array, counted: NDArray[np.bool_]) -> Array:
    """The Jaccard similarity at chance: E[M] / (T - E[M]), where the snapshot is permuted.

    M is what both have in common and T the sum of all strengths, so this is the quotient of
    expectations.

    Parameters
    ----------
    snapshot, final : arrays of shape (n_samples, n_sets), all sets
    counted : sets that enter, of shape (n_sets,): whole orders
    """
    held = expected_common(snapshot, final)[..., counted].sum(axis=-1)
    return _similarity(held, snapshot[..., counted], final[..., counted])


def _similarity(held: Array, first: Array, second: Array) -> Array:
    whole = np.abs(first).sum(axis=-1) + np.abs(second).sum(axis=-1) - held
    return np.divide(held, whole, out=np.ones_like(held), where=whole > 0)
