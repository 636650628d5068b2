"""The answers of a suite for a reader: as Markdown, and as one HTML page without any other file."""

import re
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

import pandas as pd

from whypretrain.claims.catalogue import CLAIMS
from whypretrain.claims.verdicts import ANSWERS, FEWEST_SEEDS
from whypretrain.settings.report import ClaimsSettings

TITLE = "Claims of the paper"
STYLE = """
body { font: 15px/1.45 sans-serif; color: #1a1a1a; max-width: 86rem; margin: 2rem auto;
  padding: 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 0.3rem; }
p { max-width: 50rem; margin: 0.3rem 0; }
div { overflow-x: auto; }
table { font-size: 0.87rem; border-collapse: collapse; margin: 0.5rem 0;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.25rem 0.4rem; border-bottom: 1px solid #ddd;
  white-space: nowrap; }
th { font-weight: 600; border-bottom-color: #888; }
td:last-child { white-space: normal; min-width: 5rem; }
.yes { background: #00664b; color: white; }
.no { box-shadow: inset 0 0 0 2px #d55e00; }
.open { background: #e6e6e6; }
@media print { body { font-size: 9px; margin: 0; max-width: none; } }
"""
"""The answers look as in the figure of claims: filled, hollow and pale."""


class Section(NamedTuple):
    """A claim: its statement, what its numbers are, and a line an experiment and reading."""

    statement: str
    about: str
    heads: list[str]
    rows: list[list[str]]


def document(claims: pd.DataFrame, settings: ClaimsSettings) -> str:
    """What a reader needs beside the table, and the table, in Markdown."""
    lines = [f"# {TITLE}", "", _introduction(settings), ""]
    for section in _sections(claims, settings):
        lines += [f"## {section.statement}", "", section.about, ""]
        lines += [f"| {' | '.join(section.heads)} |", "|---" * len(section.heads) + "|"]
        for title, *cells in section.rows:
            shown = re.sub(r"([\\`<>|\[\]])", r"\\\1", title)  # text, no markup
            lines.append(f"| {' | '.join([shown, *cells])} |")
        lines.append("")
    return "\n".join(lines)


def page(claims: pd.DataFrame, settings: ClaimsSettings) -> str:
    """The same as one HTML page, which needs no other file."""
    introduction = re.sub(r"\*(.+?)\*", r"<em>\1</em>", escape(_introduction(settings)))
    lines = [
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{TITLE}</title>\n<style>{STYLE}</style>",
        f"<h1>{TITLE}</h1>\n<p>{introduction}</p>",
    ]
    for section in _sections(claims, settings):
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in section.heads)
        lines += [f"<h2>{escape(section.statement)}</h2>\n<p>{escape(section.about)}</p>"]
        lines += [f"<div><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>"]
        lines += [f"<tr>{''.join(map(_cell, row))}</tr>" for row in section.rows]
        lines += ["</tbody></table></div>"]
    return "\n".join([*lines, "</html>", ""])


def _cell(text: str) -> str:
    answer = text.partition(":")[0]
    look = f' class="{answer}"' if answer in {"yes", "no", "open"} else ""
    return f"<td{look}>{escape(text)}</td>"


def _introduction(settings: ClaimsSettings) -> str:
    confidence = settings.statistics.confidence
    return (
        "Each claim has three answers, which docs/claims.md explains. *As worded*: does the number "
        "lie in the range of the paper's words? *Beyond chance*: do the networks agree more than "
        "chance? 0 is chance, 1 is as alike as the strengths allow. *Beyond retraining*: does a "
        "second run, with another seed in place of the other network, give a different agreement? "
        f"Brackets are {confidence:.0%} intervals over samples and seeds. With fewer than "
        f"{FEWEST_SEEDS} seeds, an answer is open. Where the truth is exactly at a limit, about "
        f"{1 - confidence:.0%} of answers are yes or no by chance."
    )


def _sections(claims: pd.DataFrame, settings: ClaimsSettings) -> Iterator[Section]:
    titles = dict(zip(settings.experiments, settings.titles, strict=True))
    for claim in CLAIMS:
        own = claims[claims["claim"] == claim.key]
        if own.empty:
            continue
        questions = {
            "Agreement": claim.chance,
            "Compared with a second run": claim.retraining,
        }
        about = [f"Number: {claim.number}. Wording: {claim.paper}."]
        about += [f"{name}: {one.words}." for name, one in questions.items() if one]
        heads = ["experiment", "reading", "number", "chance level", "second run", "seeds, n"]
        heads += [*ANSWERS.values(), "note"]
        rows = [
            [
                titles[row["experiment"]],
                row["reading"] or "–",
                _interval(row, ("number", "low", "high")),
                *(_short(row[name]) for name in ("chance", "second_run")),
                f"{row['n_seeds']}, {row['n']}",
                row["as_worded"],
                _told(row, "beyond_chance", "agreement"),
                _told(row, "beyond_retraining", "retraining"),
                row["note"] or "–",
            ]
            for row in own.to_dict("records")
        ]
        yield Section(claim.statement, " ".join(about), heads, rows)


def _told(row: dict[Any, Any], answer: str, column: str) -> str:
    if pd.isna(row[column]):
        return "–"
    return f"{row[answer]}: {_interval(row, (column, f'{column}_low', f'{column}_high'))}"


def _interval(row: dict[Any, Any], names: tuple[str, str, str]) -> str:
    return "{} [{}, {}]".format(*(_short(row[name]) for name in names))


def _short(value: Any) -> str:
    """Three digits, zeros at the end too, as the explorer's `number`; units from 1,000 on.

    >>> _short(8.0), _short(0.05), _short(548.5), _short(1234.5), _short(0.0)
    ('8.00', '0.0500', '548', '1234', '0')
    """
    if pd.isna(value):
        return "–"
    return f"{value:.0f}" if value == 0 or abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")
