"""Stage `claims`: what the data of a suite say about each claim of the paper."""

from pathlib import Path
from typing import TYPE_CHECKING

from whypretrain.settings.claims import ClaimsSettings
from whypretrain.stages import command

if TYPE_CHECKING:
    import pandas as pd


def main() -> None:
    """Command line."""
    parser = command.parser("claims", __doc__, ClaimsSettings)
    command.path_argument(parser, "--summaries", "summary.csv of every experiment", nargs="+")
    command.path_argument(parser, "--output", "folder to write the tables into")
    arguments = parser.parse_args()
    settings: ClaimsSettings = arguments.settings

    import pandas as pd

    from whypretrain.claims.overview import by_kind, correlations, overview
    from whypretrain.claims.verdicts import document, judge
    from whypretrain.files.artifacts import atomic_path
    from whypretrain.knowledge.reading import read_tables

    summary = read_tables(arguments.summaries, settings.experiments)["summary"]
    of = dict(iter(summary.groupby("experiment", sort=False)))
    reading = settings.figures.ratio_reading
    claims = pd.concat([_named(judge(of[name], reading), name) for name in settings.experiments])
    kinds = dict(zip(settings.experiments, settings.kinds, strict=True))
    numbers = pd.concat(
        [_named(overview(of[name]), name, kind=kind) for name, kind in kinds.items()]
    )
    written = {
        "claims": claims,
        "overview": numbers,
        "correlations": correlations(numbers),
        "kinds": by_kind(numbers),
    }
    folder: Path = arguments.output
    for name, table in written.items():
        with atomic_path(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    with atomic_path(folder / "claims.md") as temporary:
        temporary.write_text(document(claims, settings), encoding="utf-8")


def _named(table: "pd.DataFrame", experiment: str, **columns: str) -> "pd.DataFrame":
    """A table with the experiment, and what else tells it from others, in front."""
    for name, value in reversed({"experiment": experiment, **columns}.items()):
        table.insert(0, name, value)
    return table


if __name__ == "__main__":
    command.run(main)
