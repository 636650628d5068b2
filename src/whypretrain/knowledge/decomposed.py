"""The interactions that an experiment is about: those of its records, or AND-OR ones instead.

Records hold outputs, so nothing is measured again. From here on an array of interactions has the
length that :mod:`whypretrain.interactions.sets` describes, and the length says which kind it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.and_or import Split, split
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import salient
from whypretrain.interactions.sets import is_or, joined
from whypretrain.knowledge.compared import heard_at
from whypretrain.settings.knowledge import Interactions, Metrics

Array = NDArray[np.float64]
Table = pd.DataFrame


class Decomposed(NamedTuple):
    """The networks of an experiment, taken apart into the interactions that its settings name.

    Attributes
    ----------
    records : with `interactions` of shape (n_snapshots, n_samples, n_sets). The noise floor of
        AND-OR ones is never below what their split leaves open: see :func:`resolution`
    sparsities : of each record a table, see :func:`sparsity_table`
    largest_gap : of all splits, relative
    """

    records: list[Record]
    sparsities: list[Table]
    largest_gap: float


def decompose(
    records: Sequence[Record],
    interactions: Interactions,
    metrics: Metrics,
    tick: Callable[[], None] = lambda: None,
) -> Decomposed:
    """Records with the interactions of the kind that is asked for.

    Parameters
    ----------
    records : with Harsanyi interactions, as they are read
    metrics : what is salient
    tick : called after each snapshot that is split
    """
    if interactions.kind == "harsanyi":
        tables = [sparsity_table(one, metrics, kind="harsanyi") for one in records]
        return Decomposed(list(records), tables, 0.0)
    found, tables, largest_gap = [], [], 0.0
    for record in records:
        own, splits = and_or_record(record, interactions, tick)
        gap = np.stack([one.gap for one in splits])
        both = [
            sparsity_table(record, metrics, kind="harsanyi"),
            sparsity_table(own, metrics, gap[-1], splits[-1].iterations, kind="and_or"),
        ]
        found.append(own)
        tables.append(pd.concat(both, ignore_index=True))
        largest_gap = max(largest_gap, float(gap.max()))
    return Decomposed(found, tables, largest_gap)


def and_or_record(
    record: Record, options: Interactions, tick: Callable[[], None] = lambda: None
) -> tuple[Record, list[Split]]:
    """A record with AND-OR interactions in place of its Harsanyi ones; the split of each snapshot.

    Raises
    ------
    ValueError
        If there is no player.
    """
    splits = []
    for outputs in record.outputs:
        tolerance, most = options.tolerance, options.max_iterations
        splits.append(split(outputs, tolerance=tolerance, max_iterations=most))
        tick()
    interactions = [joined(one.interactions_and, one.interactions_or) for one in splits]
    least = np.array([resolution(one).max() for one in splits])
    floor = np.maximum(record.noise_floor, least[:, None])
    return replace(record, interactions=np.stack(interactions), noise_floor=floor), splits


def resolution(found: Split) -> Array:
    """Strength that counts as none, as the split ended before it was 0: (n_samples,), nats.

    The strength of all sets may exceed the least by objective - bound. It is shared out alike among
    as many interactions as a sparsest split may need, which is one for each output but v(∅). This
    is a convention; a single interaction has no bound, as the sparsest split is not unique.
    """
    return (found.objective - found.bound) / (found.interactions_and.shape[1] - 1)


def sparsity_table(
    record: Record,
    metrics: Metrics,
    gap: Array | float = 0.0,
    iterations: NDArray[np.int64] | int = 0,
    *,
    kind: Literal["harsanyi", "and_or"],
) -> Table:
    """How sparse the interactions of a final network are, a row a sample.

    Parameters
    ----------
    record : with interactions of this kind
    metrics : what is salient
    gap, iterations : of each sample's split, (n_samples,)

    Returns
    -------
    table with columns `kind`, `sample`, `n_salient`, `n_sets` (S ≠ ∅, AND and OR), `strength` (sum
    over them, nats), `or_share` (of the strength), `gap` (by what share of itself the strength may
    exceed the least possible) and `iterations`
    """
    heard = heard_at(record, -1)
    chosen = salient(heard, threshold=metrics.salience_threshold, scale=metrics.salience_scale)
    strength = np.abs(heard)
    total = strength[:, 1:].sum(axis=1)
    of_or = strength[:, is_or(heard.shape[1])].sum(axis=1)
    columns = {
        "kind": kind,
        "sample": record.samples,
        "n_salient": chosen.sum(axis=1),
        "n_sets": heard.shape[1] - 1,
        "strength": total,
        "or_share": np.divide(of_or, total, out=np.zeros_like(total), where=total > 0),
        "gap": gap,
        "iterations": iterations,
    }
    return pd.DataFrame(columns)
