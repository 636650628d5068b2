"""From a claim and an experiment's summary to a verdict, and all verdicts of a suite in Markdown.

The rules are those of docs/claims.md.
"""

import re
from typing import Any, Literal

import numpy as np
import pandas as pd

from whypretrain.claims.catalogue import CLAIMS, Claim
from whypretrain.knowledge.reading import not_learned
from whypretrain.settings.report import ClaimsSettings

Answer = Literal["yes", "no", "open"]
Verdict = Literal["holds", "fails", "not distinguishable from chance"]
NUMBERS = ("number", "low", "high", "chance", "excess", "excess_low", "excess_high")
HEADS = (
    *("experiment", "number", "chance", "number - chance", "swapped", "second run", "n"),
    *("in its words", "beyond chance", "verdict"),
)
"""Columns of the Markdown tables."""


def judge(summary: pd.DataFrame, reading: str) -> pd.DataFrame:
    """Every claim that an experiment has the numbers for, one a row.

    There is no `reach` without a second fine-tuned run, and no `steadier` with two snapshots.

    Parameters
    ----------
    summary : rows of one experiment
    reading : of 0/0 in eq. 8, for the claims about the ratio

    Returns
    -------
    table with columns `claim`, `statement`, `paper`, `number`, `low`, `high`, `chance` (what the
    number must differ from: its chance level, or 0), `excess` (number - chance) with its interval,
    `swapped`, `second_run` (the number under these references), `n`, `as_worded`, `beyond_chance`
    and `verdict`, none where a network has not learned
    """
    rows = []
    for claim in CLAIMS:
        own = summary[(summary["quantity"] == claim.quantity) & summary["order"].isin(["", "all"])]
        own = own[own["reading"].isin(["", reading])]
        if not own.empty:
            rows.append(_judged(claim, own.iloc[0].to_dict()))
    found = pd.DataFrame(rows)
    for reason in not_learned(summary).values():  # what its interactions say of it is nothing
        compared = found["claim"] != "accuracy"
        found.loc[compared, "verdict"] = f"not judged: {reason}"
    return found


def _judged(claim: Claim, row: dict[Any, Any]) -> dict[str, Any]:
    if np.isnan(row["chance"]):  # models without transfer would give 0
        row |= {"chance": 0.0, "excess": row["number"]}
        row |= {"excess_low": row["low"], "excess_high": row["high"]}
    words = as_worded(claim, row["low"], row["high"])
    beyond = beyond_chance(claim, row["excess_low"], row["excess_high"])
    return {
        "claim": claim.key,
        "statement": claim.statement,
        "paper": claim.paper,
        **{name: row[name] for name in (*NUMBERS, "swapped", "second_run")},
        "n": int(row["n"]),
        "as_worded": words,
        "beyond_chance": beyond,
        "verdict": verdict(words, beyond),
    }


def as_worded(claim: Claim, low: float, high: float) -> Answer:
    """Whether the number's interval lies in the range that the paper's words ask for."""
    if claim.low < low and high < claim.high:
        return "yes"
    return "no" if high <= claim.low or low >= claim.high else "open"


def beyond_chance(claim: Claim, low: float, high: float) -> Answer:
    """Whether the interval of the excess lies on the claim's side of 0; ``no``: on the other."""
    above, below = low > 0, high < 0
    if above or below:
        return "yes" if above == (claim.side == "above") else "no"
    return "open"


def verdict(words: Answer, beyond: Answer) -> Verdict:
    """``holds`` takes two times yes, ``fails`` one no; otherwise the data do not say."""
    if "no" in (words, beyond):
        return "fails"
    return "holds" if words == beyond == "yes" else "not distinguishable from chance"


def document(claims: pd.DataFrame, settings: ClaimsSettings) -> str:
    """What a reader needs beside the table, and the table: a line an experiment and claim."""
    confidence = settings.statistics.confidence
    counts = claims["verdict"].value_counts()
    introduction = (
        f"{len(claims)} verdicts: {', '.join(f'{n} {verdict}' for verdict, n in counts.items())}. "
        f"Brackets hold {confidence:.0%} intervals by bootstrap over samples (accuracy: of the "
        "difference of two proportions). The chance level is what the same models give when "
        "interactions are permuted among the sets of equal order, so that strengths agree and "
        "nothing else does. *Holds* asks for the range in the paper's words and for an excess over "
        "the chance level on the claim's side; docs/claims.md states the rules. Without any "
        f"transfer a claim holds in at most {1 - confidence:.0%} of cases, so up to "
        f"{(1 - confidence) * len(claims):.1f} of these may hold by chance."
    )
    lines = ["# Claims of the paper", "", introduction, ""]
    titles = dict(zip(settings.experiments, settings.titles, strict=True))
    for claim in CLAIMS:
        own = claims[claims["claim"] == claim.key]
        if own.empty:
            continue
        about = f"Number: {claim.number}. The paper: {claim.paper}."
        lines += [f"## {claim.statement}", "", about, ""]
        lines += [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
        for row in own.to_dict("records"):
            number, low, high, chance, *excess = (_short(row[name]) for name in NUMBERS)
            cells = [
                re.sub(r"([\\`<>|\[\]])", r"\\\1", titles[row["experiment"]]),  # text, no markup
                f"{number} [{low}, {high}]",
                chance,
                "{} [{}, {}]".format(*excess),
                *(_short(row[name]) for name in ("swapped", "second_run")),
                *(str(row[name]) for name in ("n", "as_worded", "beyond_chance", "verdict")),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _short(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:.3g}"
