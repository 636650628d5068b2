"""The page itself: text, style, scripts and data in one HTML file that needs nothing else."""

import base64
import gzip
import json
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from whypretrain.claims.catalogue import CLAIMS
from whypretrain.claims.verdicts import ANSWERS
from whypretrain.files.artifacts import ArtifactError
from whypretrain.report import style
from whypretrain.report.explorer.experiment import evenly
from whypretrain.report.explorer.sample import exact
from whypretrain.report.glossary import TERMS
from whypretrain.settings.report import ExplorerSettings

FOLDER = Path(__file__).parent / "page"
# One module scope, so the order is only for the reader: what is needed comes first.
SCRIPTS = (
    *("base", "plot", "figure", "charts", "claims", "experiment", "picture", "beside", "sample"),
    "app",
)
MEGABYTE = 10**6
CLAIM_NUMBERS = (
    *("number", "low", "high", "least", "most", "chance", "second_run"),
    *("agreement", "agreement_low", "agreement_high"),
    *("retraining", "retraining_low", "retraining_high"),
)


def suite_view(
    settings: ExplorerSettings,
    claims: pd.DataFrame,
    experiments: list[dict[str, Any]],
    *,
    version: str,
) -> dict[str, Any]:
    """What the page says of the suite as a whole; `claims` is its table."""
    shown = {"suite", "statistics", "figures", "metrics", "explorer"}
    keys = ("name", "title", "setup", "n_samples", "n_players", "transfer")
    return settings.model_dump(mode="json", include=shown) | {
        "version": version,
        "terms": TERMS,
        "labels": style.LABELS,
        "short": style.SHORT,
        "readings": style.READINGS,
        "answers": ANSWERS,
        "claims": claim_rows(claims, settings),
        "experiments": [{key: one[key] for key in keys} for one in experiments],
    }


def claim_rows(claims: pd.DataFrame, settings: ExplorerSettings) -> list[dict[str, Any]]:
    """The table of claims, in the order of the catalogue, and where a claim was not judged.

    Returns
    -------
    a dictionary a claim: `key`, `statement`, `number` (what it is), `paper`, `on_agreement`,
    `chance` and `retraining` (what is asked; null where nothing is), `rows` (one an experiment and
    reading, the reading that is answered for first: place in the suite, `reading`, `note`, `n`,
    `n_seeds`, three answers and the columns CLAIM_NUMBERS) and `missing` (places of experiments
    without the number)
    """
    found = []
    for claim in CLAIMS:
        own = claims[claims["claim"] == claim.key]
        rows: list[dict[str, Any]] = []
        for place, name in enumerate(settings.experiments):
            for row in own[own["experiment"] == name].to_dict("records"):
                texts = {key: row[key] for key in ("reading", "note", *ANSWERS)}
                counts = {key: int(row[key]) for key in ("n", "n_seeds")}
                numbers = {column: exact(row[column]) for column in CLAIM_NUMBERS}
                rows.append({"experiment": place, **texts, **counts, **numbers})
        judged = {row["experiment"] for row in rows}
        words: dict[str, Any] = {
            "key": claim.key,
            "statement": claim.statement,
            "number": claim.number,
            # The one question whose yes lies below 0 is about no agreement.
            "on_agreement": claim.chance is not None and claim.chance.side == "above",
        }
        asked = {"chance": claim.chance, "retraining": claim.retraining}
        words |= {name: question and question.words for name, question in asked.items()}
        missing = [place for place in range(len(settings.experiments)) if place not in judged]
        found.append({**words, "paper": claim.paper, "rows": rows, "missing": missing})
    return found


def render(
    suite: dict[str, Any], experiments: list[dict[str, Any]], *, most_bytes: float
) -> tuple[bytes, int]:
    """The page with as many samples as fit.

    Parameters
    ----------
    suite : what the page says of the suite; JSON
    experiments : what it says of each, with the list `samples`; JSON
    most_bytes : how large the page may be

    Returns
    -------
    the page, and how many samples each experiment shows at most

    Raises
    ------
    ArtifactError
        If it does not fit even without samples.
    """
    cap = max(len(experiment["samples"]) for experiment in experiments)
    fixed = {"suite": _packed(_json(suite))}
    while True:
        packed = dict(fixed)
        for place, one in enumerate(experiments):
            samples = [one["samples"][at] for at in evenly(len(one["samples"]), cap)]
            packed[f"experiment-{place}"] = _packed(_json(one | {"samples": samples}))
        page = _filled(f"{suite['suite']} · whypretrain explorer", packed)
        if len(page) <= most_bytes:
            return page, cap
        if cap == 0:
            message = (
                f"the explorer of suite '{suite['suite']}' has {len(page) / MEGABYTE:.1f} MB "
                f"without any sample, explorer.megabytes = {most_bytes / MEGABYTE:g}: raise it, "
                "or make suites with fewer experiments"
            )
            raise ArtifactError(message)
        # Nearly all of a large page is samples; so a few rounds do.
        cap = min(cap - 1, int(cap * most_bytes / len(page)))


def _filled(title: str, packed: dict[str, str]) -> bytes:
    page, css, *scripts = (
        (FOLDER / name).read_text(encoding="utf-8")
        for name in ("index.html", "style.css", *(f"{name}.js" for name in SCRIPTS))
    )
    data = [
        f'<script type="text/plain" id="{name}">{text}</script>' for name, text in packed.items()
    ]
    colours = style.COLOURS | {"null": style.NULL}
    palette = "".join(f"--{name}: {colour}; " for name, colour in colours.items())
    values = {
        "TITLE": escape(title),
        "STYLE": f":root {{ {palette}}}\n{css}",
        "DATA": "\n".join(data),
        "SCRIPT": "\n".join(scripts),
    }
    for name, value in values.items():
        page = page.replace(f"<!--{name}-->", value)
    return page.encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _packed(text: str) -> str:
    """Text as base64 of gzip: small, and nothing in it can end a script element."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
