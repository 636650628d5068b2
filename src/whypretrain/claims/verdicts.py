"""Three answers to every claim from an experiment's summary.

The rules are those of docs/claims.md.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from whypretrain.claims.catalogue import CLAIMS, Claim, Question
from whypretrain.knowledge.reading import not_learned

Answer = Literal["yes", "no", "open", "–"]
ANSWERS = {
    "as_worded": "as worded",
    "beyond_chance": "beyond chance",
    "beyond_retraining": "beyond retraining",
}
"""The three answers, and how tables head them."""
FEWEST_SEEDS = 3
"""With fewer an interval hardly knows what seeds do, and the answer is open."""
ROUNDING = 1e-9
"""Numbers that differ by less are equal: one may be the sum of others in another order."""
NUMBERS = ("number", "low", "high", "least", "most", "chance", "swapped", "second_run")


class Interval(NamedTuple):
    """A number with its interval, and how many seeds it rests on."""

    number: float
    low: float
    high: float
    n_seeds: int


def judge(summary: pd.DataFrame, reading: str) -> pd.DataFrame:
    """Every claim that an experiment has the numbers for: a row for each of its readings.

    Without a second run there is no answer beyond retraining, with two snapshots no `steadier`, and
    where fine-tuning is at its best at its end no `stopping`.

    Parameters
    ----------
    summary : rows of one experiment
    reading : of 0/0 in eq. 8, the first one of the claim about the ratio

    Returns
    -------
    table with columns `claim`, `reading`, `statement`, `paper`, NUMBERS, `n`, `n_seeds`,
    `as_worded`; `agreement` with its interval and `beyond_chance`; `retraining` (what of it differs
    from a second run) with its interval and `beyond_retraining`; `note`. Answers are ``yes``,
    ``no``, ``open`` or ``–`` (not asked)
    """
    found = []
    for claim in CLAIMS:
        readings = sorted(claim.readings, key=lambda one: one != reading)
        rows = [row for name in readings for row in _row(claim, name, summary)]
        changes = {row["as_worded"] for row in rows} >= {"yes", "no"}
        for row in rows:
            row["note"] = "; ".join([*row["note"], *(["changes with the reading"] * changes)])
        found += rows
    table = pd.DataFrame(found)
    for reason in not_learned(summary).values():  # what its interactions say of it is nothing
        # Scratch that misses its mark would flatter fine-tuning's accuracy as well.
        compared = (table["claim"] != "accuracy") | ("mark" in reason)
        table.loc[compared, list(ANSWERS)] = "–"
        table.loc[compared, "note"] = f"not judged: {reason}"
    return table


def _row(claim: Claim, reading: str, summary: pd.DataFrame) -> list[dict[str, Any]]:
    """The answers of one reading, if its number is in the summary."""
    keys = {claim.along: reading} | ({} if claim.along == "order" else {"order": ("", "all")})
    if (own := _select(summary, claim.quantity, keys)) is None:
        return []
    worded = Interval(own["number"], own["low"], own["high"], int(own["n_seeds"]))
    row = {
        "claim": claim.key,
        "reading": reading,
        "statement": claim.statement,
        "paper": claim.paper,
        **{name: own[name] for name in NUMBERS},
        "n": int(own["n"]),
        "n_seeds": worded.n_seeds,
        "as_worded": as_worded(claim, worded),
    }
    asked = [worded]
    for column, answer, question in (
        ("agreement", "beyond_chance", claim.chance),
        ("retraining", "beyond_retraining", claim.retraining),
    ):
        told = None if question is None else _asked(question, claim, reading, summary)
        interval = told or Interval(np.nan, np.nan, np.nan, 0)
        row |= dict(zip((column, f"{column}_low", f"{column}_high"), interval[:3], strict=True))
        row[answer] = beyond(question, told) if question and told else "–"
        asked += [told] if told else []
    few = min(one.n_seeds for one in asked)
    enough = few >= FEWEST_SEEDS
    row["note"] = [] if enough else [f"{few} seed{'s' * (few > 1)}, an answer needs {FEWEST_SEEDS}"]
    return [row]


def _asked(
    question: Question, claim: Claim, reading: str, summary: pd.DataFrame
) -> Interval | None:
    """The number of a question: of the claim's own reading, where it has readings too."""
    rows = summary[summary["quantity"] == question.quantity]
    keys: dict[str, Any] = dict(question.keys)
    if claim.along == "order" or (rows["reading"] != "").any():
        keys[claim.along] = reading
    own = _select(summary, question.quantity, keys)
    return own and Interval(own["number"], own["low"], own["high"], int(own["n_seeds"]))


def _select(summary: pd.DataFrame, quantity: str, keys: dict[str, Any]) -> Any:
    """The row of a quantity with some keys, as a dictionary; None where there is none."""
    own = summary[summary["quantity"] == quantity]
    for name, key in keys.items():
        own = own[own[name].isin([key] if isinstance(key, str) else key)]
    return None if own.empty else own.iloc[0].to_dict()


def as_worded(claim: Claim, found: Interval) -> Answer:
    """Whether the number's interval lies in the range that the paper's words ask for."""
    if found.n_seeds < FEWEST_SEEDS or not found.low <= found.high:
        return "open"
    low, high = claim.low + ROUNDING, claim.high - ROUNDING
    if low < found.low and found.high < high:
        return "yes"
    return "no" if found.high <= low or found.low >= high else "open"


def beyond(question: Question, found: Interval) -> Answer:
    """Whether the interval lies on the question's side of 0; ``no``: on the other."""
    above, below = found.low > ROUNDING, found.high < -ROUNDING
    if found.n_seeds < FEWEST_SEEDS or not (above or below):
        return "open"
    return "yes" if above == (question.side == "above") else "no"
