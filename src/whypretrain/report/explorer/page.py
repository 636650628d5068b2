"""The page itself: text, style, scripts and data in one HTML file that needs nothing else."""

import base64
import gzip
import json
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from whypretrain.files.artifacts import ArtifactError
from whypretrain.report import style
from whypretrain.report.explorer.numbers import evenly
from whypretrain.settings.report import ExplorerSettings

FOLDER = Path(__file__).parent / "page"
# One module scope, so the order is only for the reader: what is needed comes first.
SCRIPTS = (
    "base.js",
    "figure.js",
    "charts.js",
    "claims.js",
    "experiment.js",
    "picture.js",
    "sample.js",
    "app.js",
)
MEGABYTE = 10**6


def suite_view(
    settings: ExplorerSettings,
    claims: list[dict[str, Any]],
    experiments: list[dict[str, Any]],
    *,
    version: str,
) -> dict[str, Any]:
    """What the page says of the suite as a whole."""
    shown = {"suite", "statistics", "figures", "metrics", "explorer"}
    keys = ("name", "title", "setup", "n_samples", "n_players")
    return settings.model_dump(mode="json", include=shown) | {
        "version": version,
        "labels": style.LABELS,
        "short": style.SHORT,
        "readings": style.READINGS,
        "claims": claims,
        "experiments": [{key: one[key] for key in keys} for one in experiments],
    }


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
    fixed = {"plotly": _packed(get_plotlyjs())}
    while True:
        trimmed = [
            one | {"samples": [one["samples"][at] for at in evenly(len(one["samples"]), cap)]}
            for one in experiments
        ]
        parts = {f"experiment-{place}": _packed(_json(one)) for place, one in enumerate(trimmed)}
        page = _filled(suite, fixed | parts)
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


def _filled(suite: dict[str, Any], packed: dict[str, str]) -> bytes:
    template = (FOLDER / "index.html").read_text(encoding="utf-8")
    scripts = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    data = "\n".join(
        f'<script type="text/plain" id="{name}">{text}</script>'
        for name, text in {"suite": _packed(_json(suite)), **packed}.items()
    )
    colours = style.COLOURS | {"null": style.NULL}
    palette = "".join(f"--{name}: {colour}; " for name, colour in colours.items())
    values = {
        "TITLE": escape(f"{suite['suite']} · whypretrain explorer"),
        "STYLE": f":root {{ {palette}}}\n" + (FOLDER / "style.css").read_text(encoding="utf-8"),
        "DATA": data,
        "SCRIPT": scripts,
    }
    for name, value in values.items():
        template = template.replace(f"<!--{name}-->", value)
    return template.encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _packed(text: str) -> str:
    """Text as base64 of gzip: small, and nothing in it can end a script element."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
