"""Numbers of the page: claims and what the charts of figures 2 to 4 show, with few digits."""

from collections.abc import Iterable
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from whypretrain.claims.catalogue import CLAIMS
from whypretrain.report.style import READINGS, VARIANTS
from whypretrain.settings.explorer import ExplorerSettings

DIGITS = 4  # significant; the page shows three
PARTS = ("preserve", "discard", "new")
TRAINED = ("finetune", "scratch")
CLAIM_NUMBERS = ("number", "low", "high", "chance", "excess", "excess_low", "excess_high")
NUMBERS = ("number", "low", "high", "chance", "second_run")
Row = dict[str, Any]


def short(value: Any) -> float | None:
    """A number with four significant digits; None for NaN and for what is missing.

    >>> short(0.123456), short(-0.0), short(float("nan")), short(None)
    (0.1235, 0.0, None, None)
    """
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}") + 0.0


def shorts(values: Iterable[Any]) -> list[float | None]:
    """Several of them.

    >>> shorts([1.0, 2.00001])
    [1.0, 2.0]
    """
    return [short(value) for value in values]


def evenly(count: int, most: int) -> list[int]:
    """At most `most` of `count` places, evenly spread, the first and the last among them.

    >>> evenly(10, 4), evenly(3, 5), evenly(5, 1), evenly(5, 0)
    ([0, 3, 6, 9], [0, 1, 2], [0], [])
    """
    if count <= most:
        return list(range(count))
    return np.linspace(0, count - 1, most).round().astype(int).tolist()


def claim_rows(claims: pd.DataFrame, settings: ExplorerSettings) -> list[Row]:
    """The table of claims, in the order of the catalogue, and where a claim was not judged.

    Returns
    -------
    a dictionary a claim: `key`, `statement`, `number` (what it is), `paper`, `rows` (one an
    experiment: its place in the suite, `verdict`, `n` and the columns CLAIM_NUMBERS) and `missing`
    (places of experiments without a verdict)
    """
    judged = {(row["claim"], row["experiment"]): row for row in claims.to_dict("records")}
    found = []
    for claim in CLAIMS:
        own = [judged.get((claim.key, name)) for name in settings.experiments]
        rows = [
            {"experiment": place, "verdict": row["verdict"], "n": int(row["n"])}
            | {column: short(row[column]) for column in CLAIM_NUMBERS}
            for place, row in enumerate(own)
            if row
        ]
        words = {"key": claim.key, "statement": claim.statement, "number": claim.number}
        missing = [place for place, row in enumerate(own) if not row]
        found.append({**words, "paper": claim.paper, "rows": rows, "missing": missing})
    return found


def experiment_numbers(summary: pd.DataFrame, n_players: int) -> Row:
    """What the charts of one experiment show, from its own rows of the summary.

    Returns
    -------
    `orders` (fig. 2; a dictionary an order, with one for each of preserve, discard and new),
    `ratio` (fig. 3; one a reading of 0/0), `jaccard` (fig. 4; by variant, one a snapshot),
    `ceiling` (Jaccard similarity of two fine-tuned runs, or None), `accuracy` (one a variant)
    """

    def rows(quantity: str, *names: str, **keys: str) -> list[Row]:
        own = summary[summary["quantity"] == quantity]
        for column, value in keys.items():
            own = own[own[column] == value]
        records = own.to_dict("records")
        return [{name: short(row[name]) for name in (*NUMBERS, *names)} for row in records]

    orders = []
    for order in range(1, n_players + 1):
        parts = {part: rows(part, "noise_floor", order=str(order))[0] for part in PARTS}
        about = {"order": order, "n_sets": comb(n_players, order)}
        orders.append(about | {"noise_floor": parts["preserve"]["noise_floor"]} | parts)
    jaccard = {variant: rows("jaccard", "epoch", variant=variant) for variant in TRAINED}
    return {
        "orders": orders,
        "ratio": [
            {"reading": reading} | row
            for reading in READINGS
            for row in rows("ratio", order="all", reading=reading)
        ],
        "jaccard": jaccard,
        "ceiling": jaccard["finetune"][-1]["second_run"],
        "accuracy": [
            {"variant": variant} | row
            for variant in VARIANTS
            for row in rows("accuracy", "n", variant=variant)
        ],
    }
