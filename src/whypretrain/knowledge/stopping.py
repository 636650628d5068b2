"""Rows of the summary about turnover along training, and about what emerges late in fine-tuning.

The advice to stop early (Zhang et al., 2026): once a network has shed what cancels out, further
fine-tuning adds interactions that cancel out and that other networks lack. The numbers that judge
it are ours: ρ, and γ in another seed's end, of what emerges after the snapshot at which test
accuracy (or loss) is at its best, minus those of what had emerged until then.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.knowledge.agreement import GROUPS
from whypretrain.knowledge.cells import Row, cells, difference, means, number, with_gaps
from whypretrain.knowledge.statistics import quotient

Array = NDArray[np.float64]
EMERGED = ("later", "emerged")
"""Parts whose numbers are compared: the first minus the second."""


def turnover_rows(tables: Mapping[str, pd.DataFrame], confidence: float) -> Iterator[Row]:
    """Shares and counts by snapshot, and how much less of what emerges late adds up.

    Parameters
    ----------
    tables : `held`, `turnover`, `history`
    """
    spots = ["order", "fraction", "epoch"]
    held = tables["held"].rename(columns={"target": "level"})
    turned = tables["turnover"].rename(columns={"part": "level"})
    whole = held["level"].isin(("probe", "own"))
    for quantity, table, column, keys in (
        ("held_share", held[whole], "held", ["variant", "level", "reading", *spots]),
        ("held_share", held[~whole], "held", ["variant", "level", "reading", *spots]),
        ("turnover_count", turned, "n_sets", ["variant", "level", *spots]),
        ("uncancelled_share", turned, "uncancelled", ["variant", "level", *spots]),
    ):
        # Seeds that have but the last snapshot count there.
        for _, own in table.groupby(table["fraction"] == table["fraction"].max()):
            yield from means(own, keys, column, confidence, quantity=quantity)
    yield from _late(turned, held, tables["history"], confidence)


def stops(turned: pd.DataFrame, history: pd.DataFrame) -> dict[str, float]:
    """At which snapshot, as a fraction of training, a network is at its best on the test split.

    Means over the seeds that have all snapshots. `loss`: the lowest; `accuracy`: the first within
    one standard error of the highest (the rule of Breiman et al., 1984), as a plateau has no peak.
    Only snapshots after whole epochs are tested. Readings that stop at the end are left out: there
    is nothing after it.

    Parameters
    ----------
    turned, history : rows of one variant

    >>> turned = pd.DataFrame({"fraction": [0.0, 0.5, 1.0], "epoch": [0.0, 1.0, 2.0], "seed": "0"})
    >>> scores = {"test_accuracy": [0.2, 0.9, 0.91], "test_loss": [1.5, 0.4, 0.3]}
    >>> stops(turned, turned.assign(**scores, n_test=50))
    {'accuracy': 0.5}
    """
    start = turned["fraction"] == turned["fraction"].min()
    whole = history[history["seed"].isin(turned.loc[start, "seed"])]
    tested = whole.groupby("epoch")[["test_accuracy", "test_loss"]].mean()
    fractions = turned.groupby("epoch")["fraction"].first()
    tested = tested.loc[tested.index.intersection(fractions.index)].sort_index()
    best = tested["test_accuracy"].max()
    error = np.sqrt(best * (1 - best) / history["n_test"].iloc[0])
    found = {"accuracy": (tested["test_accuracy"] >= best - error).idxmax()}
    if tested["test_loss"].notna().all():
        found["loss"] = tested["test_loss"].idxmin()
    at = {reading: float(fractions[epoch]) for reading, epoch in found.items()}
    return {reading: own for reading, own in at.items() if own < fractions.max()}


def _late(
    turned: pd.DataFrame, held: pd.DataFrame, history: pd.DataFrame, confidence: float
) -> Iterator[Row]:
    """ρ and γ of what emerges after fine-tuning's best snapshot, minus those of what had emerged.

    Each once more, less its chance level: fewer sets cancel less by chance.
    """
    stopped = {
        variant: stops(own, history[history["variant"] == variant])
        for variant, own in turned.groupby("variant")
    }
    for name, table, column in (
        ("late_uncancelled", turned, "uncancelled"),
        ("late_held", held, "held"),
    ):
        for reading, fraction in stopped["finetune"].items():
            at = {"finetune": fraction}
            if reading in stopped["scratch"]:
                at["scratch"] = stopped["scratch"][reading]
            for row in _less(table, column, at, confidence):
                yield row | {"quantity": name + row["quantity"], "reading": reading}


def _less(
    table: pd.DataFrame, column: str, at: Mapping[str, float], confidence: float
) -> Iterator[Row]:
    """A column of what emerges later minus that of what has emerged, by group of orders.

    The quantity is empty, or ``_excess`` for what of it is beyond chance.

    Parameters
    ----------
    at : fractions of training by variant, that of scratch where it stands beside fine-tuning
    """
    own, *scratch = (
        table[(table["variant"] == variant) & (table["fraction"] == fraction)]
        for variant, fraction in at.items()
    )
    less = difference(quotient, 2)
    spot = {"variant": "finetune", "fraction": at["finetune"], "epoch": own["epoch"].iloc[0]}
    parts = own[own["level"].isin(EMERGED)]
    for group in [name for name in (*GROUPS, "all") if (parts["order"] == name).any()]:
        measured, spreads = _both(own, "measured", group, column)
        at_chance, _ = _both(own, "chance", group, column)
        arrays = {"measured": measured, "chance": at_chance}
        later = measured[1]
        counts = {"n": int(later.any(axis=(0, 1)).sum()), "n_seeds": own["seed"].nunique()}
        known = spot | counts | {"order": group}
        beyond = {"measured": [*measured, *at_chance]}
        row = number(difference(less, 4), beyond, confidence, spreads=spreads * 2)
        yield known | {"quantity": "_excess"} | row
        if scratch:
            arrays["swapped"], _ = _both(scratch[0], "measured", group, column)
        yield known | {"quantity": ""} | number(less, arrays, confidence, spreads=spreads)


def _both(
    own: pd.DataFrame, reference: str, group: str, column: str
) -> tuple[list[Array], list[float]]:
    """Cells of both parts, as :func:`quotient` takes them, and their spreads."""
    chosen = (own["reference"] == reference) & (own["order"] == group)
    of_parts = cells(own[chosen & own["level"].isin(EMERGED)], ["level"], column)
    arrays = [array for part in EMERGED for array in with_gaps(of_parts.one(level=part))]
    return arrays, [of_parts.spread] * len(arrays)
