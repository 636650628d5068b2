"""From a claim and the summary of an experiment to a verdict: the rules of docs/claims.md."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from whypretrain.claims.catalogue import CLAIMS, Claim

Answer = Literal["yes", "no", "open"]
Verdict = Literal["holds", "fails", "not distinguishable from the null"]
NUMBERS = ("number", "low", "high", "null", "excess", "excess_low", "excess_high")
OTHERS = ("swapped", "second_run")


def judge(summary: pd.DataFrame, reading: str) -> pd.DataFrame:
    """Every claim that an experiment has the numbers for, one a row.

    There is no `reach` without a second fine-tuned run, and no `steadier` with two snapshots.

    Parameters
    ----------
    summary : rows of one experiment
    reading : of 0/0 in eq. 8, for the claims about the ratio

    Returns
    -------
    table with columns `claim`, `statement`, `paper`, `number`, `low`, `high`, `null` (what the
    number must differ from: its chance level, or 0), `excess` (number - null) with its interval,
    `swapped`, `second_run` (the number under these references), `n`, `as_worded`, `beyond_null`
    and `verdict`
    """
    rows = []
    for claim in CLAIMS:
        own = summary[(summary["quantity"] == claim.quantity) & summary["order"].isin(["", "all"])]
        own = own[own["reading"].isin(["", reading])]
        if not own.empty:
            rows.append(_judged(claim, own.iloc[0].to_dict()))
    return pd.DataFrame(rows)


def _judged(claim: Claim, row: Mapping[Any, Any]) -> dict[str, Any]:
    found = {"null": row["chance"], **row}
    if np.isnan(row["chance"]):  # models without transfer would give 0
        found |= {"null": 0.0, "excess": row["number"]}
        found |= {"excess_low": row["low"], "excess_high": row["high"]}
    words = as_worded(claim, row["low"], row["high"])
    beyond = beyond_null(claim, found["excess_low"], found["excess_high"])
    return {
        "claim": claim.key,
        "statement": claim.statement,
        "paper": claim.paper,
        **{name: found[name] for name in (*NUMBERS, *OTHERS)},
        "n": int(row["n"]),
        "as_worded": words,
        "beyond_null": beyond,
        "verdict": verdict(words, beyond),
    }


def as_worded(claim: Claim, low: float, high: float) -> Answer:
    """Whether the number's interval lies in the range that the paper's words ask for."""
    if claim.low < low and high < claim.high:
        return "yes"
    return "no" if high <= claim.low or low >= claim.high else "open"


def beyond_null(claim: Claim, low: float, high: float) -> Answer:
    """Whether the interval of the excess lies on the claim's side of 0; ``no``: on the other."""
    above, below = low > 0, high < 0
    if above or below:
        return "yes" if above == (claim.side == "above") else "no"
    return "open"


def verdict(words: Answer, null: Answer) -> Verdict:
    """``holds`` takes two times yes, ``fails`` one no; otherwise the data do not say."""
    if "no" in (words, null):
        return "fails"
    return "holds" if words == null == "yes" else "not distinguishable from the null"
