"""How many interactions can be removed before a sample's answer changes.

The answer is whether v > 0, i.e. whether the true class is more probable than all others together.
As in `counterfactual`, interactions are removed from the sum v(N), not from the network.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.knowledge.intervals import Options

Array = NDArray[np.float64]


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


def redundancy_table(
    samples: list[str], variant: str, interactions: Array, options: Options
) -> pd.DataFrame:
    """How much is redundant: removal weakest first, strongest first, and in random sequence.

    Parameters
    ----------
    samples : ids, one a row of `interactions`
    interactions : array of shape (n_samples, 2**n_players)

    Returns
    -------
    table with columns `variant`, `sample`, `v`, `v_empty` (v(N) and v(∅), nats), `n_sets` (S ≠ ∅),
    `n_prunable` (removed weakest first before the answer changes; all where it never does),
    `prunable_share` (of `n_sets`), `prunable_strength_share` (of the sum of strengths),
    `n_random` (removed in random sequence, mean over draws), `n_critical` (how many, strongest
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

    generator = np.random.default_rng(options.seed)
    n_random = np.zeros(len(own))
    for _ in range(options.n_permutations):
        n_random += n_removable(empty, generator.permuted(own, axis=1))
    columns = {
        "variant": variant,
        "sample": samples,
        "v": interactions.sum(axis=1),
        "v_empty": empty,
        "n_sets": n_sets,
        "n_prunable": n_prunable,
        "prunable_share": n_prunable / n_sets,
        "prunable_strength_share": np.divide(
            pruned, total, out=np.ones_like(total), where=total > 0
        ),
        "n_random": n_random / options.n_permutations,
        "n_critical": np.where(n_harmless < n_sets, n_harmless + 1.0, np.nan),
    }
    return pd.DataFrame(columns)
