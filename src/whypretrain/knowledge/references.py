"""What the metrics would be without transfer, and at best: the references of every number.

The metrics are not zero for unrelated models: two whose interactions are independent and equally
strong have a discard/preserve of 2.4 to 3.0. So every comparison is made four times:

``measured``: probe, finetune and scratch as they are;
``chance``: finetune's interactions (for the ratio, scratch's) permuted among the sets of equal
order within the sample, averaged over draws: equal strengths, but of the wrong sets;
``swapped``: scratch in finetune's place, and finetune in scratch's;
``second_run``: a second fine-tuned network, which differs in its seed alone: in probe's place
where finetune is compared with it, in scratch's where scratch is.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.mobius import n_players_of, orders
from whypretrain.knowledge.intervals import Options
from whypretrain.knowledge.strengths import (
    exclusive_strength,
    jaccard,
    reached_strength,
    split_knowledge,
)

Array = NDArray[np.float64]
Reference = Literal["measured", "chance", "swapped", "second_run"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)


class Models(NamedTuple):
    """Interactions of each model on the same samples, arrays of shape (n_samples, 2**n_players).

    `replicate` is the second fine-tuned network, if one was trained.
    """

    probe: Array
    finetune: Array
    scratch: Array
    replicate: Array | None = None


class Comparison(NamedTuple):
    """Strengths per sample and set, arrays of shape (n_samples, 2**n_players).

    `reached` is what the model in scratch's place reaches of `held`, the preserved knowledge of the
    models as they are.
    """

    preserve: Array
    discard: Array
    new: Array
    held: Array
    reached: Array
    finetune_only: Array
    scratch_only: Array


def compare(probe: Array, finetune: Array, scratch: Array) -> Comparison:
    """All strengths of eqs. 6 to 8, and what finetune and scratch each hold alone."""
    preserve, discard, new = split_knowledge(probe, finetune)
    return Comparison(
        preserve=preserve,
        discard=discard,
        new=new,
        held=preserve,
        reached=reached_strength(probe, preserve, scratch),
        finetune_only=exclusive_strength(finetune, scratch),
        scratch_only=exclusive_strength(scratch, finetune),
    )


def comparisons(models: Models, options: Options) -> Iterator[tuple[Reference, Comparison]]:
    """Every reference in turn, as they take much memory; ``second_run`` only with a replicate."""
    probe, finetune, scratch, replicate = models
    measured = compare(probe, finetune, scratch)
    yield "measured", measured
    yield "chance", _permuted_comparison(models, measured.held, options)
    yield "swapped", compare(probe, scratch, finetune)
    if replicate is not None:
        again = compare(replicate, finetune, replicate)
        reached = reached_strength(probe, measured.held, replicate)
        yield "second_run", again._replace(held=measured.held, reached=reached)


def _permuted_comparison(models: Models, held: Array, options: Options) -> Comparison:
    probe, finetune, scratch, _ = models
    generator = np.random.default_rng(options.seed)
    total = [np.zeros_like(probe) for _ in Comparison._fields]
    for _ in range(options.n_permutations):
        knowledge = split_knowledge(probe, permute(finetune, generator))
        other = permute(scratch, generator)
        drawn = Comparison(
            *knowledge,
            held=held,
            reached=reached_strength(probe, held, other),
            finetune_only=exclusive_strength(finetune, other),
            scratch_only=exclusive_strength(other, finetune),
        )
        total = [sums + strength for sums, strength in zip(total, drawn, strict=True)]
    means = Comparison(*[sums / options.n_permutations for sums in total])
    return means._replace(held=held)


def permute(interactions: Array, generator: np.random.Generator) -> Array:
    """Interactions permuted among the sets of equal order, in each sample on its own.

    >>> drawn = permute(np.array([[0.0, 1.0, 2.0, 3.0]]), np.random.default_rng(0))
    >>> np.sort(drawn), drawn[0, 0], drawn[0, 3]
    (array([[0., 1., 2., 3.]]), np.float64(0.0), np.float64(3.0))
    """
    result = np.empty_like(interactions)
    of_order = orders(n_players_of(interactions.shape[1]))
    for order in range(int(of_order.max()) + 1):
        sets = np.flatnonzero(of_order == order)
        result[:, sets] = generator.permuted(interactions[:, sets], axis=1)
    return result


def permuted_jaccard(
    snapshot: Array, final: Array, counted: NDArray[np.bool_], options: Options
) -> Array:
    """Jaccard similarity (eq. 9) of a permuted snapshot to the final model, averaged over draws.

    Parameters
    ----------
    snapshot, final : arrays of shape (n_samples, 2**n_players)
    counted : sets that enter, of shape (2**n_players,)

    Returns
    -------
    array of shape (n_samples,)
    """
    generator = np.random.default_rng(options.seed)
    total = np.zeros(len(snapshot))
    for _ in range(options.n_permutations):
        total += jaccard(permute(snapshot, generator)[:, counted], final[:, counted])
    return total / options.n_permutations
