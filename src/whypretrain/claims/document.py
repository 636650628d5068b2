"""The claims of a suite as a Markdown table."""

import re
from typing import Any

import pandas as pd

from whypretrain.claims.catalogue import CLAIMS
from whypretrain.settings.report import ClaimsSettings

COLUMNS = (
    "experiment",
    "number",
    "null",
    "number - null",
    "swapped",
    "second run",
    "n",
    "in its words",
    "beyond the null",
    "verdict",
)


def document(claims: pd.DataFrame, settings: ClaimsSettings) -> str:
    """What a reader needs beside the table, and the table: a line an experiment and claim."""
    confidence = settings.statistics.confidence
    counts = claims["verdict"].value_counts()
    summary = ", ".join(f"{counts.get(v, 0)} {v}" for v in counts.index)
    by_chance = (1 - confidence) * len(claims)
    introduction = (
        f"{len(claims)} verdicts: {summary}. Brackets hold {confidence:.0%} intervals by bootstrap "
        "over samples (accuracy: of the difference of two proportions). The null is what the same "
        "models give when interactions are permuted among the sets of equal order, so that "
        "strengths agree and nothing else does. *Holds* asks for the range in the paper's words "
        "and for an excess over the null on the claim's side; docs/claims.md states the rules. "
        f"Without any transfer a claim holds in at most {1 - confidence:.0%} of cases, so up to "
        f"{by_chance:.1f} of these may hold by chance."
    )
    lines = ["# Claims of the paper", "", introduction, ""]
    titles = dict(zip(settings.experiments, settings.titles, strict=True))
    for claim in CLAIMS:
        own = claims[claims["claim"] == claim.key]
        if own.empty:
            continue
        lines += [
            f"## {claim.statement}",
            "",
            f"Number: {claim.number}. The paper: {claim.paper}.",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---" * len(COLUMNS) + "|",
        ]
        for row in own.itertuples():
            cells = [
                _plain(titles[str(row.experiment)]),
                f"{_short(row.number)} [{_short(row.low)}, {_short(row.high)}]",
                _short(row.null),
                f"{_short(row.excess)} [{_short(row.excess_low)}, {_short(row.excess_high)}]",
                _short(row.swapped),
                _short(row.second_run),
                str(row.n),
                str(row.as_worded),
                str(row.beyond_null),
                str(row.verdict),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _plain(title: str) -> str:
    """A title that Markdown shows as it is, and that is no HTML."""
    return re.sub(r"([\\`<>|\[\]])", r"\\\1", title)


def _short(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:.3g}"
