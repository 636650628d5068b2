"""Stage `knowledge`: all tables of one experiment and its summary, from what was measured."""

from pathlib import Path

from whypretrain.settings.metrics import MetricsSettings
from whypretrain.stages import command

VARIANTS = ("probe", "finetune", "scratch")


def main() -> None:
    """Command line."""
    parser = command.parser("knowledge", __doc__, MetricsSettings)
    for variant in VARIANTS:
        command.path_argument(parser, f"--{variant}", f"record of interactions of {variant}, HDF5")
    parser.add_argument(
        "--replicate",
        type=Path,
        metavar="PATH",
        help="record of a second fine-tuned run of another seed, HDF5 (optional)",
    )
    names, three = ", ".join(VARIANTS), len(VARIANTS)
    command.path_argument(parser, "--histories", f"history.csv of {names}", nargs=three)
    command.path_argument(parser, "--robustness", f"robustness.csv of {names}", nargs=three)
    command.path_argument(parser, "--test", "test split that the histories' accuracies are of")
    command.path_argument(parser, "--tables", "folder to write the tables into")
    command.path_argument(parser, "--summary", "summary to write, CSV")
    arguments = parser.parse_args()
    settings: MetricsSettings = arguments.settings

    import numpy as np
    import pandas as pd

    from whypretrain.files.artifacts import ArtifactError, atomic_path, damaged
    from whypretrain.files.progress import Progress, say
    from whypretrain.interactions.coalitions import orders
    from whypretrain.interactions.record import read_record
    from whypretrain.knowledge.reading import HISTORY, ROBUSTNESS, count_rows, read_table
    from whypretrain.knowledge.summary import summarise
    from whypretrain.knowledge.tables import counted_sets, experiment_tables

    label = f"knowledge {settings.experiment}"
    paths: dict[str, Path] = {variant: getattr(arguments, variant) for variant in VARIANTS}
    if arguments.replicate is not None:
        paths["replicate"] = arguments.replicate
    records = {variant: read_record(path) for variant, path in paths.items()}
    for variant, record in records.items():
        if not record.fits(records["probe"]):
            raise damaged(paths[variant], f"its samples are not those of {paths['probe']}")
    try:
        counted = counted_sets(list(records.values()))
    except ValueError as error:
        message = f"{arguments.summary.parent}: {error}"
        raise ArtifactError(message) from error
    order_of = orders(records["probe"].n_players)
    if len(lost := np.setdiff1d(order_of[1:], order_of[counted])):
        say(f"{label}: orders {lost} lie in the noise floor and are not counted")
    total = sum(len(records[variant].fractions) for variant in ("finetune", "scratch"))
    progress = Progress(label, total, "snapshot")
    tables = experiment_tables(records, settings.metrics, settings.statistics, progress.update)
    n_test = count_rows(arguments.test)
    histories = zip(VARIANTS, arguments.histories, strict=True)
    tables["history"] = pd.concat(
        [read_table(path, HISTORY).assign(variant=v, n_test=n_test) for v, path in histories],
        ignore_index=True,
    )
    shifts = zip(VARIANTS, arguments.robustness, strict=True)
    tables["robustness"] = pd.concat(
        [read_table(path, ROBUSTNESS).assign(variant=variant) for variant, path in shifts],
        ignore_index=True,
    )
    for name, table in tables.items():
        table.insert(0, "experiment", settings.experiment)
        with atomic_path(arguments.tables / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    say(f"{label}: intervals of the summary")
    summary = summarise(settings.experiment, tables, settings.statistics)
    with atomic_path(arguments.summary) as temporary:
        summary.to_csv(temporary, index=False)


if __name__ == "__main__":
    command.run(main)
