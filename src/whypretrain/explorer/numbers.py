"""Numbers of experiments for the page's charts: those of figures 2 to 4, and the claims."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from whypretrain.claims.catalogue import CLAIMS
from whypretrain.config.explorer import ExplorerSettings
from whypretrain.config.statistics import Statistics
from whypretrain.explorer.rounding import short, shorts
from whypretrain.figures.summary import accuracies, ratio_mean, referenced_means
from whypretrain.metrics.knowledge import RATIO_READINGS

Tables = Mapping[str, pd.DataFrame]
PARTS = ("preserve", "discard", "new")
TRAINED = ("finetune", "scratch")
VARIANTS = ("pretrain", *TRAINED)
REFERENCES = ("permutation", "self")


def claim_rows(claims: pd.DataFrame, settings: ExplorerSettings) -> list[dict[str, Any]]:
    """The table of claims, in the order of the catalogue, and where a claim was not judged.

    Returns
    -------
    a dictionary a claim: `key`, `statement`, `number` (what it is), `paper`, `rows` (one an
    experiment: its place in the suite, `verdict`, `number`, `low`, `high`, `null`, `excess`,
    `excess_low`, `excess_high`, `n`) and `missing` (places of experiments without a verdict)
    """
    found = []
    for claim in CLAIMS:
        own = claims[claims["claim"] == claim.key].set_index("experiment")
        rows, missing = [], []
        for place, name in enumerate(settings.experiments):
            if name not in own.index:
                missing.append(place)
                continue
            row = own.loc[name]
            columns = ("number", "low", "high", "null", "excess", "excess_low", "excess_high")
            numbers = {column: short(row[column]) for column in columns}
            rows.append(
                {"experiment": place, "verdict": row["verdict"], "n": int(row["n"]), **numbers}
            )
        found.append(
            {
                "key": claim.key,
                "statement": claim.statement,
                "number": claim.number,
                "paper": claim.paper,
                "rows": rows,
                "missing": missing,
            }
        )
    return found


def experiment_numbers(tables: Tables, options: Statistics) -> dict[str, Any]:
    """What the charts of one experiment show, from its own rows of the tables.

    Returns
    -------
    `orders` (fig. 2; a dictionary an order, with one for each of preserve, discard and new),
    `ratio` (fig. 3; one a reading of 0/0), `jaccard` (fig. 4; columns by variant), `ceiling`
    (Jaccard similarity of two fine-tuned models, or None), `accuracy` (one a variant, fig. 3)
    """
    jaccard = referenced_means(
        tables["jaccard"], ["variant", "fraction", "epoch"], "jaccard", options
    )
    ceilings = jaccard["self"].dropna() if "self" in jaccard else []
    ratios = tables["ratio"].query("order == 'all'")
    return {
        "orders": _orders(tables["knowledge"], options),
        "ratio": [
            {"reading": reading}
            | {name: short(value) for name, value in ratio_mean(ratios, reading, options).items()}
            for reading in RATIO_READINGS
        ],
        "jaccard": {
            variant: {
                column: shorts(jaccard.loc[jaccard["variant"] == variant, column])
                for column in ("epoch", "jaccard", "low", "high", "permutation")
            }
            for variant in TRAINED
        },
        "ceiling": short(ceilings.item()) if len(ceilings) else None,
        "accuracy": _accuracy(accuracies(tables["history"], options)),
    }


def _orders(knowledge: pd.DataFrame, options: Statistics) -> list[dict[str, Any]]:
    chosen = knowledge[knowledge["quantity"].isin(PARTS) & (knowledge["order"] > 0)]
    numbers = referenced_means(chosen, ["order", "quantity"], "strength", options)
    fixed = chosen.groupby("order")[["n_sets", "noise_floor"]].first()
    found = []
    for order, own in numbers.groupby("order"):
        parts = own.set_index("quantity")
        columns = ["strength", "low", "high", *(name for name in REFERENCES if name in parts)]
        found.append(
            {
                "order": int(order),
                "n_sets": int(fixed.loc[order, "n_sets"]),
                "noise_floor": short(fixed.loc[order, "noise_floor"]),
                **{
                    part: {column: short(parts.loc[part, column]) for column in columns}
                    for part in PARTS
                },
            }
        )
    return found


def _accuracy(history: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    for variant in VARIANTS:
        last = history[history["variant"] == variant].iloc[-1]
        bounds = {"low": last["accuracy_low"], "high": last["accuracy_high"]}
        numbers = {"number": last["test_accuracy"], **bounds}
        found.append(
            {"variant": variant, "n": int(last["n_test"])}
            | {name: short(value) for name, value in numbers.items()}
        )
    return found
