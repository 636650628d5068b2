"""Stage `claims`: what the data of a suite say about each claim of the paper."""

from pathlib import Path

import pandas as pd

from whypretrain.claims.catalogue import CLAIMS
from whypretrain.claims.document import document
from whypretrain.claims.evidence import Evidence
from whypretrain.claims.overview import by_kind, correlations, overview
from whypretrain.claims.verdicts import judge
from whypretrain.files.artifacts import atomic_path
from whypretrain.knowledge.reading import read_tables
from whypretrain.settings.claims import ClaimsSettings
from whypretrain.stages import command


def judged(evidence: Evidence, settings: ClaimsSettings) -> pd.DataFrame:
    """Every claim that the experiment has the networks for, one a row."""
    rows = []
    for claim in CLAIMS:
        found = judge(
            claim, evidence, reading=settings.figures.ratio_reading, options=settings.statistics
        )
        if found is not None:
            words = {"claim": claim.key, "statement": claim.statement, "paper": claim.paper}
            rows.append({**words, **found._asdict()})
    return pd.DataFrame(rows)


def main() -> None:
    """Command line."""
    parser = command.parser("claims", __doc__, ClaimsSettings)
    command.path_argument(parser, "--tables", "CSV tables of every experiment", nargs="+")
    command.path_argument(parser, "--output", "folder to write the tables into")
    arguments = parser.parse_args()
    settings: ClaimsSettings = arguments.settings

    tables = read_tables(arguments.tables, settings.experiments)
    claims, overviews = [], []
    for name, kind in zip(settings.experiments, settings.kinds, strict=True):
        own = {key: table[table["experiment"] == name] for key, table in tables.items()}
        evidence = Evidence(own)
        claims.append(judged(evidence, settings).assign(experiment=name))
        numbers = overview(evidence, settings.statistics)
        overviews.append(numbers.assign(experiment=name, kind=kind))
    findings = pd.concat(claims, ignore_index=True)
    numbers = pd.concat(overviews, ignore_index=True)
    written = {
        "claims": _first(findings, "experiment"),
        "overview": _first(numbers, "experiment", "kind"),
        "correlations": correlations(numbers),
        "kinds": by_kind(numbers),
    }
    folder: Path = arguments.output
    for name, table in written.items():
        with atomic_path(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    with atomic_path(folder / "claims.md") as temporary:
        temporary.write_text(document(findings, settings), encoding="utf-8")


def _first(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return table[[*columns, *(name for name in table.columns if name not in columns)]]


if __name__ == "__main__":
    command.run(main)
