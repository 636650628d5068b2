"""Numbers of experiments for the page's charts: those of figures 2 to 4, and the claims."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from whypretrain.claims.catalogue import CLAIMS
from whypretrain.knowledge.strengths import RATIO_READINGS
from whypretrain.report.explorer.rounding import short, shorts
from whypretrain.report.figures.summary import accuracies, ratio_mean, referenced_means
from whypretrain.settings.explorer import ExplorerSettings
from whypretrain.settings.statistics import Statistics

Tables = Mapping[str, pd.DataFrame]
PARTS = ("preserve", "discard", "new")
TRAINED = ("finetune", "scratch")
VARIANTS = ("probe", *TRAINED)
CLAIM_NUMBERS = ("number", "low", "high", "null", "excess", "excess_low", "excess_high")
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
        of_claim = claims[claims["claim"] == claim.key]
        rows, missing = [], []
        for place, name in enumerate(settings.experiments):
            own = of_claim[of_claim["experiment"] == name].to_dict("records")
            if not own:
                missing.append(place)
                continue
            numbers = {column: short(own[0][column]) for column in CLAIM_NUMBERS}
            rows.append(
                {
                    "experiment": place,
                    "verdict": str(own[0]["verdict"]),
                    "n": int(own[0]["n"]),
                    **numbers,
                }
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
    ceilings = jaccard["self"].dropna().tolist() if "self" in jaccard else []
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
        "ceiling": short(ceilings[0]) if ceilings else None,
        "accuracy": _accuracy(accuracies(tables["history"], options)),
    }


def _orders(knowledge: pd.DataFrame, options: Statistics) -> list[dict[str, Any]]:
    chosen = knowledge[knowledge["quantity"].isin(PARTS) & (knowledge["order"] > 0)]
    numbers = referenced_means(chosen, ["order", "quantity"], "strength", options)
    fixed = chosen.groupby("order")[["n_sets", "noise_floor"]].first().reset_index()
    names = ["strength", "low", "high", *(name for name in REFERENCES if name in numbers)]
    found = []
    for row in fixed.to_dict("records"):
        own = numbers[numbers["order"] == row["order"]].to_dict("records")
        parts = {str(part["quantity"]): {name: short(part[name]) for name in names} for part in own}
        about = {"order": int(row["order"]), "n_sets": int(row["n_sets"])}
        found.append({**about, "noise_floor": short(row["noise_floor"]), **parts})
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
