"""What v(N) would be without some of a model's interactions, and how many are redundant.

v(N) is the sum of all interactions (eq. 4), so they are removed by subtracting them: this changes
the sum, not the network. The answer is whether v > 0, i.e. whether the true class is more probable
than all others together.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.mobius import BLOCK
from whypretrain.interactions.sets import alike_sets, players_of, sets_of_orders
from whypretrain.knowledge.strengths import split_knowledge

Array = NDArray[np.float64]
N_SEQUENCES = 2000
"""Random sequences of removal. How long the sign of a sum survives them has no closed form. The
mean of a share over them has a standard error of at most 0.5/√2000 = 1.1 points for one sample, and
about 0.3 for the mean over ten (seen on digits)."""


def removed_effect(interactions: Array, part: Array) -> Array:
    """What removing a part takes from v(N): for every order, Σ over its sets of sign(I)·part.

    A part gives every set S ≠ ∅ a strength between 0 and |I(S)|, as eqs. 6 and 7 do, and is
    removed with the sign that the interaction has in the model itself.

    Parameters
    ----------
    interactions, part : arrays of shape (n_samples, n_sets)

    Returns
    -------
    array of shape (n_players, n_samples), float64, nats; orders from 1, the empty set stays

    >>> removed_effect(np.array([[9.0, 1.0, -2.0, 4.0]]), np.array([[9.0, 1.0, 0.5, 3.0]]))
    array([[0.5],
           [3. ]])
    """
    signed = np.sign(interactions) * part
    return np.stack([signed[:, sets].sum(axis=1) for sets in sets_of_orders(signed.shape[1])[1:]])


def proportional_effect(interactions: Array, part: Array) -> Array:
    """What removing equally much strength of every order takes from v(N), whichever sets have it.

    A unit of strength drawn at random from an order belongs to a set as often as the set is strong.
    So the expectation needs no draws: every set of the order (and kind, AND or OR) loses the same
    share of its strength, that of the part in the order. (Were the part's strengths permuted among
    the sets, weak sets would lose more than they have; were their signs to go with them, nothing
    would change.)

    Parameters, return value : as of :func:`removed_effect`

    >>> own, part = np.array([[9.0, 1.0, -3.0, 4.0]]), np.array([[0.0, 1.0, 0.0, 3.0]])
    >>> proportional_effect(own, part)
    array([[-0.5],
           [ 3. ]])
    """
    effects = np.zeros((players_of(part.shape[1]), len(part)))
    for order, sets in alike_sets(part.shape[1]):
        if order == 0:
            continue
        own = interactions[:, sets]
        removed, strength = part[:, sets].sum(axis=1), np.abs(own).sum(axis=1)
        share = np.divide(removed, strength, out=np.zeros_like(removed), where=strength > 0)
        effects[order - 1] += share * own.sum(axis=1)
    return effects


def counterfactual_table(
    samples: list[str], probe: Array, finetune: Array, scratch: Array
) -> pd.DataFrame:
    """v(N) of each model without parts of its interactions.

    Of the probe `preserve` or `discard`, of the fine-tuned model `preserve`, `new` or
    `finetune_only`, of the one from scratch `scratch_only`; the last two are what one of the
    two holds and the other does not.

    Parameters
    ----------
    samples : ids, one a row of the arrays
    probe, finetune, scratch : arrays of shape (n_samples, n_sets)

    Returns
    -------
    table with columns `variant`, `removed`, `order` (text: ``all`` or 1..n_players), `reference`
    (``measured``, or ``chance``: as much strength of every order, from all sets alike), `sample`,
    `strength` (removed, nats), `v_before` and `v_after` (v(N), nats), `positive_before` and
    `positive_after` (1 where v > 0)
    """
    preserve, discard, new = split_knowledge(probe, finetune)
    _, finetune_only, scratch_only = split_knowledge(finetune, scratch)
    models = {
        "probe": (probe, {"preserve": preserve, "discard": discard}),
        "finetune": (
            finetune,
            {"preserve": preserve, "new": new, "finetune_only": finetune_only},
        ),
        "scratch": (scratch, {"scratch_only": scratch_only}),
    }
    tables = []
    for variant, (interactions, parts) in models.items():
        v_before = interactions.sum(axis=1)
        for removed, part in parts.items():
            strength = removed_effect(np.ones_like(part), part)
            references = {"measured": removed_effect, "chance": proportional_effect}
            for reference, effect_of in references.items():
                effects = effect_of(interactions, part)
                for order in range(len(effects) + 1):
                    of = slice(order - 1, order) if order else slice(None)
                    v_after = v_before - effects[of].sum(axis=0)
                    columns = {
                        "variant": variant,
                        "removed": removed,
                        "order": str(order or "all"),
                        "reference": reference,
                        "sample": samples,
                        "strength": strength[of].sum(axis=0),
                        "v_before": v_before,
                        "v_after": v_after,
                        "positive_before": (v_before > 0).astype(float),
                        "positive_after": (v_after > 0).astype(float),
                    }
                    tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def n_removable(empty: Array, interactions: Array) -> NDArray[np.int64]:
    """How many interactions can be removed, first to last, before v > 0 becomes false or true.

    Parameters
    ----------
    empty : array of shape (n_samples,), v(∅), which is never removed
    interactions : array of shape (n_samples, n_sets), in the sequence of removal

    Returns
    -------
    array of shape (n_samples,), int64, from 0 to n_sets; n_sets where the answer never changes

    >>> n_removable(np.array([-1.0, 1.0]), np.array([[0.5, 2.0], [0.5, 2.0]]))
    array([1, 2])
    """
    kept = np.empty((len(interactions), interactions.shape[1] + 1))
    kept[:, -1] = empty
    # Summed from the last to be removed, so that v(∅) stands exactly at the end.
    kept[:, :-1] = interactions[:, ::-1].cumsum(axis=1)[:, ::-1] + empty[:, None]
    positive = kept > 0
    changed = positive != positive[:, :1]
    return np.where(changed.any(axis=1), changed.argmax(axis=1), kept.shape[1]) - 1


def redundancy_table(samples: list[str], interactions: Array) -> pd.DataFrame:
    """How much is redundant: removal weakest first, strongest first, and in random sequence.

    The random sequences are the same :data:`N_SEQUENCES` for all samples and all models with as
    many players. So no sample's number depends on which others there are, or on a seed.

    Parameters
    ----------
    samples : ids, one a row of `interactions`
    interactions : array of shape (n_samples, n_sets)

    Returns
    -------
    table with columns `sample`, `v`, `v_empty` (v(N) and v(∅), nats), `n_sets` (S ≠ ∅),
    `n_prunable` (removed weakest first before the answer changes; all where it never does),
    `prunable_share` (of `n_sets`), `prunable_strength_share` (of the sum of strengths),
    `n_random` (removed in random sequence, mean over sequences), `n_critical` (how many, strongest
    first, change the answer; NaN where none does)
    """
    empty, own = interactions[:, 0], interactions[:, 1:]
    n_sets = own.shape[1]
    strength = np.abs(own)
    weakest_first = strength.argsort(axis=1, kind="stable")
    ascending = np.take_along_axis(own, weakest_first, axis=1)
    n_prunable = n_removable(empty, ascending)
    total = strength.sum(axis=1)
    is_pruned = np.arange(n_sets) < n_prunable[:, None]
    pruned = np.where(is_pruned, np.abs(ascending), 0.0).sum(axis=1)
    n_harmless = n_removable(empty, ascending[:, ::-1])
    generator = np.random.default_rng(0)
    n_random = np.zeros(len(own))
    n_together = max(BLOCK // n_sets, 1)
    for _ in range(N_SEQUENCES):
        sequence = generator.permutation(n_sets)
        for start in range(0, len(own), n_together):
            some = slice(start, start + n_together)
            n_random[some] += n_removable(empty[some], own[some, sequence])
    columns = {
        "sample": samples,
        "v": interactions.sum(axis=1),
        "v_empty": empty,
        "n_sets": n_sets,
        "n_prunable": n_prunable,
        "prunable_share": n_prunable / n_sets,
        "prunable_strength_share": np.divide(
            pruned, total, out=np.ones_like(total), where=total > 0
        ),
        "n_random": n_random / N_SEQUENCES,
        "n_critical": np.where(n_harmless < n_sets, n_harmless + 1.0, np.nan),
    }
    return pd.DataFrame(columns)
