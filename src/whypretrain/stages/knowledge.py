"""Stage `knowledge`: all tables of one experiment and its summary, from what was measured."""

from whypretrain.settings.knowledge import MetricsSettings
from whypretrain.stages import command

VARIANTS = ("probe", "finetune", "scratch")


def main() -> None:
    names = ", ".join(VARIANTS)
    paths = {name: f"record of interactions of {name}, HDF5" for name in VARIANTS} | {
        "replicate?": "record of a second fine-tuned run of another seed, HDF5 (optional)",
        "histories3": f"history.csv of {names}",
        "robustness3": f"robustness.csv of {names}",
        "test": "test split that the histories' accuracies are of",
        "tables": "folder to write the tables into",
        "summary": "summary to write, CSV",
    }
    arguments, settings = command.parse("knowledge", __doc__, MetricsSettings, paths)

    import numpy as np
    import pandas as pd

    from whypretrain.files.artifacts import ArtifactError, damaged, write_csv
    from whypretrain.files.progress import Progress, say
    from whypretrain.interactions.mobius import orders
    from whypretrain.interactions.record import read_record
    from whypretrain.knowledge.reading import HISTORY, ROBUSTNESS, count_rows, read_table
    from whypretrain.knowledge.summary import summarise
    from whypretrain.knowledge.tables import counted_sets, experiment_tables

    label = f"knowledge {settings.experiment}"
    given = {name: getattr(arguments, name) for name in (*VARIANTS, "replicate")}
    records = {name: read_record(path) for name, path in given.items() if path is not None}
    for name, record in records.items():
        if not record.fits(records["probe"]):
            raise damaged(given[name], f"its samples are not those of {arguments.probe}")
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
    for name, files, columns in (
        ("history", arguments.histories, HISTORY),
        ("robustness", arguments.robustness, ROBUSTNESS),
    ):
        read = [read_table(path, columns) for path in files]
        of_variants = [t.assign(variant=v) for v, t in zip(VARIANTS, read, strict=True)]
        tables[name] = pd.concat(of_variants, ignore_index=True)
    tables["history"]["n_test"] = count_rows(arguments.test)
    tables["history"]["n_classes"] = len(records["probe"].classes)
    for name, table in tables.items():
        table.insert(0, "experiment", settings.experiment)
        write_csv(arguments.tables / f"{name}.csv", table)
    say(f"{label}: intervals of the summary")
    options, least = settings.statistics, settings.least_scratch_accuracy
    write_csv(arguments.summary, summarise(settings.experiment, tables, options, least))


if __name__ == "__main__":
    command.run(main)
