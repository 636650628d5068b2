"""Stage `claims`: answer, from a suite's data, three questions about each claim of the paper."""

from whypretrain.settings.report import ClaimsSettings
from whypretrain.stages import command


def main() -> None:
    paths = {
        "summaries+": "summary.csv of every experiment",
        "output": "folder to write tables into",
    }
    arguments, settings = command.parse("claims", __doc__, ClaimsSettings, paths)

    import pandas as pd

    from whypretrain.claims.document import document, page
    from whypretrain.claims.overview import by_kind, correlations, overview
    from whypretrain.claims.verdicts import judge
    from whypretrain.files.artifacts import atomic_path, write_csv
    from whypretrain.knowledge.reading import read_tables

    summary = read_tables(arguments.summaries, settings.experiments)["summary"]
    of = dict(iter(summary.groupby("experiment", sort=False)))
    reading, names = settings.figures.ratio_reading, settings.experiments

    def joined(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(tables, names=["experiment"]).reset_index("experiment")

    claims = joined({name: judge(of[name], reading) for name in names})
    numbers = joined({name: overview(of[name]) for name in names})
    kinds = dict(zip(names, settings.kinds, strict=True))
    numbers.insert(1, "kind", numbers["experiment"].map(kinds))
    for name, table in {
        "claims": claims,
        "overview": numbers,
        "correlations": correlations(numbers),
        "kinds": by_kind(numbers),
    }.items():
        write_csv(arguments.output / f"{name}.csv", table)
    for suffix, told in (("md", document), ("html", page)):
        with atomic_path(arguments.output / f"claims.{suffix}") as temporary:
            temporary.write_text(told(claims, settings), encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
