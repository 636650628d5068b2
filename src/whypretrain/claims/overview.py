"""The main numbers of every experiment side by side, and how they go together."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from whypretrain.knowledge.strengths import RATIO_READINGS

Array = NDArray[np.float64]
NUMBERS = ["number", "low", "high", "least", "most", "chance", "swapped", "second_run", "n"]
PAIRS = [
    (knowledge, accuracy)
    for knowledge in (
        *("transfer", "preserved_share"),
        *(f"ratio_{reading}" for reading in RATIO_READINGS),
    )
    for accuracy in ("accuracy_finetune", "accuracy_scratch", "accuracy_gain")
]
"""Quantities whose correlation over experiments is reported."""
SHOWN = (
    *("transfer", "agreement", "discard_over_preserve", "new_over_preserve", "preserved_share"),
    *("ratio", "jaccard_area", "accuracy"),
)


def overview(summary: pd.DataFrame) -> pd.DataFrame:
    """The main quantities of one experiment; reading or variant is the end of their name.

    Transfer is of orders 1-2, agreement of all; sums over orders weigh orders alike unless their
    name ends with ``sets``.

    Returns
    -------
    table with columns `quantity` and NUMBERS
    """
    of_all = summary["order"].isin(["", "all"]) & (summary["quantity"] != "transfer")
    low = (summary["quantity"] == "transfer") & (summary["order"] == "1-2")
    own = summary[summary["quantity"].isin(SHOWN) & (of_all | low)].sort_values(
        "quantity", key=lambda q: q.map(SHOWN.index), kind="stable"
    )
    ends = own["reading"].replace("orders", "") + own["variant"]
    names = own["quantity"].where(ends == "", own["quantity"] + "_" + ends)
    return own.assign(quantity=names)[["quantity", *NUMBERS]]


def correlations(overviews: pd.DataFrame) -> pd.DataFrame:
    """Correlation of knowledge with accuracy over experiments.

    Parameters
    ----------
    overviews : :func:`overview` of every experiment, with a column `experiment`

    Returns
    -------
    table with columns `knowledge`, `accuracy`, `n` (experiments), `pearson`, `low`, `high` (its
    95 % interval by Fisher's transformation; NaN with fewer than four experiments), `spearman` and
    `p` (two-sided; exact up to eight experiments, else from 9,999 permutations). NaN where a
    quantity is equal in all experiments.
    """
    wide = overviews.pivot(index="experiment", columns="quantity", values="number")
    wide["accuracy_gain"] = wide["accuracy_finetune"] - wide["accuracy_scratch"]
    rows = []
    for knowledge, accuracy in PAIRS:
        both = wide[[knowledge, accuracy]].dropna()
        row = {"knowledge": knowledge, "accuracy": accuracy, "n": len(both)}
        rows.append(row | _correlation(*both.to_numpy().T))
    names = ("knowledge", "accuracy", "n", "pearson", "low", "high", "spearman", "p")
    return pd.DataFrame(rows, columns=names)


def _correlation(first: Array, second: Array) -> dict[str, float]:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return {}
    pearson = stats.pearsonr(first, second)
    low, high = pearson.confidence_interval() if len(first) > 3 else (np.nan, np.nan)

    def spearman(ordered: Array) -> float:
        return float(stats.spearmanr(ordered, second).statistic)

    test = stats.permutation_test(
        (first,), spearman, permutation_type="pairings", rng=np.random.default_rng(0)
    )
    found = {"pearson": pearson.statistic, "low": low, "high": high}
    return found | {"spearman": test.statistic, "p": test.pvalue}


def by_kind(overviews: pd.DataFrame) -> pd.DataFrame:
    """Every quantity's mean over the experiments of a kind of architecture (CNN, transformer).

    Returns
    -------
    table with columns `kind`, `quantity`, `number`, `least`, `most` (over the experiments), `n`
    (experiments)
    """
    numbers = overviews.groupby(["kind", "quantity"], sort=False)["number"]
    return numbers.agg(number="mean", least="min", most="max", n="size").reset_index()
