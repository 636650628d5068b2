"""The interactions that an experiment is about: those of its records, or AND-OR ones instead.

From here on an array of interactions has the length that :mod:`whypretrain.interactions.sets`
describes, and the length says which kind it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import salient
from whypretrain.interactions.sets import is_or
from whypretrain.interactions.splits import Splits, with_splits
from whypretrain.knowledge.compared import heard_at
from whypretrain.settings.knowledge import InteractionKind, Metrics

Array = NDArray[np.float64]
Table = pd.DataFrame


class Decomposed(NamedTuple):
    """The networks of an experiment, taken apart into the interactions that it is about.

    Attributes
    ----------
    records : with `interactions` of shape (n_snapshots, n_samples, n_sets)
    sparsities : of each record a table, see :func:`sparsity_table`
    """

    records: list[Record]
    sparsities: list[Table]


def decompose(records: Sequence[Record], splits: Sequence[Splits], metrics: Metrics) -> Decomposed:
    """Records with AND-OR interactions, if these are given, else as they are.

    Parameters
    ----------
    records : with Harsanyi interactions, as they are read
    splits : of each record, or none at all
    metrics : what is salient
    """
    tables = [sparsity_table(one, metrics, kind="harsanyi") for one in records]
    if not splits:
        return Decomposed(list(records), tables)
    found = []
    for place, (record, own) in enumerate(zip(records, splits, strict=True)):
        found.append(with_splits(record, own))
        last = own.gap[-1], own.iterations[-1]
        of_splits = sparsity_table(found[-1], metrics, *last, kind="and_or")
        tables[place] = pd.concat([tables[place], of_splits], ignore_index=True)
    return Decomposed(found, tables)


def sparsity_table(
    record: Record,
    metrics: Metrics,
    gap: Array | float = 0.0,
    iterations: NDArray[np.int64] | int = 0,
    *,
    kind: InteractionKind,
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
