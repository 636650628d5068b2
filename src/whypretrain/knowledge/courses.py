"""Per-sample tables along training: how near each snapshot is to final networks, and its loss."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.record import Record
from whypretrain.knowledge.agreement import GROUPS, set_terms
from whypretrain.knowledge.compared import Compared, heard_at
from whypretrain.knowledge.strengths import TRAINED, expected_jaccard, jaccard
from whypretrain.knowledge.tables import agreed_groups, agreement_table, begins, long_table

Array = NDArray[np.float64]
Table = pd.DataFrame


def course_tables(compared: Compared, tick: Callable[[], None] = lambda: None) -> dict[str, Table]:
    """Tables by name: `jaccard`, `courses` and `losses`, of networks with all their snapshots.

    Parameters
    ----------
    tick : called after each snapshot
    """
    similarities, courses, losses = [], [], []
    for variant, other in (TRAINED, TRAINED[::-1]):
        swapped = compared.finals(other)
        for seed, record in compared.each(variant):
            if not begins(record):
                continue
            of = {"variant": variant, "seed": seed}
            losses.append(_losses(record).assign(**of))
            for at in range(len(record.fractions)):
                spot = {"fraction": record.fractions[at], "epoch": record.epochs[at]}
                snapshot = heard_at(record, at)
                similarities += [
                    table.assign(**of, **spot)
                    for table in _similarities(snapshot, variant, seed, swapped, compared)
                ]
                courses += [
                    table.assign(**of, **spot)
                    for table in _agreements(snapshot, variant, seed, compared)
                ]
                tick()
    both = {"jaccard": similarities, "courses": courses, "losses": losses}
    return {name: pd.concat(own, ignore_index=True) for name, own in both.items()}


def n_snapshots(compared: Compared) -> int:
    """How many snapshots :func:`course_tables` goes through."""
    records = [*compared.finetune, *compared.scratch]
    return sum(len(record.fractions) for record in records if begins(record))


def _targets(variant: str, seed: str, compared: Compared) -> Iterator[tuple[str, Array]]:
    """The final network of each seed; an empty `second` is the trajectory's own."""
    for k, final in zip(compared.seeds, compared.finals(variant), strict=True):
        yield "" if k == seed else k, final


def _similarities(
    snapshot: Array, variant: str, seed: str, swapped: list[Array], compared: Compared
) -> Iterator[Table]:
    """Jaccard similarity (eq. 9) to the network's own final interactions, and to others.

    The reference ``chance`` is of a permuted snapshot; ``swapped`` compares with the other
    variant's final networks, mean over seeds; ``second_run`` with the same variant's of another
    seed, `second`.
    """
    counted = compared.counted

    def table(reference: str, values: Array, second: str = "") -> Table:
        columns = {"sample": compared.samples, "jaccard": values}
        return pd.DataFrame({**columns, "reference": reference, "second": second})

    for second, final in _targets(variant, seed, compared):
        similarity = jaccard(snapshot[:, counted], final[:, counted])
        yield table("second_run" if second else "measured", similarity, second)
        if not second:
            yield table("chance", expected_jaccard(snapshot, final, counted))
    others = [jaccard(snapshot[:, counted], final[:, counted]) for final in swapped]
    yield table("swapped", np.mean(others, axis=0))


def _agreements(snapshot: Array, variant: str, seed: str, compared: Compared) -> Iterator[Table]:
    """Agreement beyond chance with a `target`, by group of orders (column `order`).

    Targets: the network's ``own`` final interactions; those of a ``second run``; the ``probe``.
    """
    groups = {
        name: own for name, own in agreed_groups(compared).items() if name in (*GROUPS, "all")
    }

    def table(target: str, final: Array, second: str = "") -> Table:
        terms = {"sets": set_terms(snapshot, final)}
        found = agreement_table(compared.samples, terms, groups).drop(columns="kind")
        return found.assign(target=target, second=second)

    for second, final in _targets(variant, seed, compared):
        yield table("second run" if second else "own", final, second)
    (probe,) = compared.finals("probe")
    yield table("probe", probe)


def _losses(record: Record) -> Table:
    """Cross-entropy of every sample at every snapshot, and whether the network is right."""
    axes: dict[str, Any] = {"fraction": record.fractions, "sample": record.samples}
    found = long_table(axes, loss=record.losses, correct=record.correct)
    return found.assign(epoch=np.repeat(record.epochs, len(record.samples)))
