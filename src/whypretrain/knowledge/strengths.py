"""Preserved, discarded, new knowledge (eqs. 6, 7), what scratch reaches (8), similarity (9).

They are not zero for unrelated models: two whose interactions are independent and equally strong
have a discard/preserve of 2.4 to 3.0. So every number is compared with that of the references,
which docs/claims.md describes: what it would be without transfer, and at best.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.mobius import n_players_of, orders

if TYPE_CHECKING:
    from whypretrain.settings.knowledge import Statistics

Array = NDArray[np.float64]
RatioReading = Literal["positive", "zero", "salient", "weighted"]
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
    # Signs, not the product: a·b underflows to 0 for tiny strengths.
    agree = np.sign(probe) * np.sign(finetune) > 0
    preserve = np.where(agree, np.minimum(np.abs(probe), np.abs(finetune)), 0.0)
    return Knowledge(preserve, np.abs(probe) - preserve, np.abs(finetune) - preserve)


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


class Models(NamedTuple):
    """Interactions of each model on the same samples, arrays of shape (n_samples, 2**n_players).

    `replicate` is the second fine-tuned network, if one was trained.
    """

    probe: Array
    finetune: Array
    scratch: Array
    replicate: Array | None = None


class Comparison(NamedTuple):
    """Strengths per sample and set, arrays of shape (n_samples, 2**n_players): eqs. 6 to 8.

    `reached` is what the model in scratch's place reaches of `held`, the preserved knowledge of the
    models as they are; `finetune_only` and `scratch_only` are what one of the two holds alone.
    """

    preserve: Array
    discard: Array
    new: Array
    held: Array
    reached: Array
    finetune_only: Array
    scratch_only: Array


def comparisons(models: Models, options: "Statistics") -> Iterator[tuple[Reference, Comparison]]:
    """Every reference in turn, as they take much memory; ``second_run`` only with a replicate."""
    probe, finetune, scratch, replicate = models
    measured = _compare((probe, finetune), probe, finetune, scratch)
    yield "measured", measured
    yield "chance", _permuted_comparison(models, measured.held, options)
    yield "swapped", _compare((probe, scratch), probe, scratch, finetune)
    if replicate is not None:
        again = _compare((replicate, finetune), probe, finetune, replicate, measured.held)
        yield "second_run", again


def _compare(
    split: tuple[Array, Array],
    probe: Array,
    finetune: Array,
    scratch: Array,
    held: Array | None = None,
) -> Comparison:
    """What of `split` is preserved, discarded and new, and what scratch has of the others."""
    knowledge = split_knowledge(*split)
    held = knowledge.preserve if held is None else held
    _, *alone = split_knowledge(finetune, scratch)
    return Comparison(*knowledge, held, reached_strength(probe, held, scratch), *alone)


def _permuted_comparison(models: Models, held: Array, options: "Statistics") -> Comparison:
    probe, finetune, scratch, _ = models
    generator = np.random.default_rng(options.seed)
    total = np.zeros((len(Comparison._fields), *probe.shape))
    for _ in range(options.n_permutations):
        split = probe, permute(finetune, generator)
        total += _compare(split, probe, finetune, permute(scratch, generator), held)
    return Comparison(*(total / options.n_permutations))._replace(held=held)


def sets_of_orders(n_coalitions: int) -> list[NDArray[np.int64]]:
    """The coalitions of each order, from 0 to the number of players.

    >>> sets_of_orders(4)
    [array([0]), array([1, 2]), array([3])]
    """
    n_players = n_players_of(n_coalitions)
    return [np.flatnonzero(orders(n_players) == order) for order in range(n_players + 1)]


def permute(interactions: Array, generator: np.random.Generator) -> Array:
    """Interactions permuted among the sets of equal order, in each sample on its own.

    >>> drawn = permute(np.array([[0.0, 1.0, 2.0, 3.0]]), np.random.default_rng(0))
    >>> np.sort(drawn), drawn[0, 0], drawn[0, 3]
    (array([[0., 1., 2., 3.]]), np.float64(0.0), np.float64(3.0))
    """
    result = np.empty_like(interactions)
    for sets in sets_of_orders(interactions.shape[1]):
        result[:, sets] = generator.permuted(interactions[:, sets], axis=1)
    return result


def permuted_jaccard(
    snapshot: Array, final: Array, counted: NDArray[np.bool_], options: "Statistics"
) -> Array:
    """Jaccard similarity (eq. 9) of a permuted snapshot to the final model, averaged over draws.

    As of :func:`jaccard`, but given all sets; `counted`, (2**n_players,), are those that enter.
    """
    generator = np.random.default_rng(options.seed)
    total = np.zeros(len(snapshot))
    for _ in range(options.n_permutations):
        total += jaccard(permute(snapshot, generator)[:, counted], final[:, counted])
    return total / options.n_permutations
