"""Stage `knowledge`: compute all tables of one experiment and its summary from its measurements."""

from itertools import product
from pathlib import Path

from whypretrain.settings.knowledge import MetricsSettings
from whypretrain.stages import command


def main() -> None:
    each = "of every seed, in the order of the settings"
    paths = {
        "samples": "samples of the experiment, HDF5",
        "probe": "record of interactions of the probe, HDF5",
        "finetune+": f"records of fine-tuned networks {each}",
        "scratch+": f"records of networks from scratch {each}",
        "splits*": "AND-OR interactions of all these networks, to be compared instead, HDF5",
        "histories+": "history.csv of the probe and of all fine-tuned and scratch networks",
        "robustness3": "robustness.csv of probe, finetune and scratch, of the first seed",
        "test": "test split on which the histories' accuracies were measured",
        "tables": "folder to write the tables into",
        "summary": "summary to write, CSV",
    }
    arguments, settings = command.parse("knowledge", __doc__, MetricsSettings, paths)

    import numpy as np
    import pandas as pd

    from whypretrain.data.samples import read_samples
    from whypretrain.files.artifacts import ArtifactError, damaged, write_csv
    from whypretrain.files.progress import Progress, say
    from whypretrain.interactions.record import Record, read_record
    from whypretrain.interactions.splits import read_splits
    from whypretrain.knowledge.compared import compare
    from whypretrain.knowledge.courses import course_tables, n_snapshots
    from whypretrain.knowledge.decomposed import decompose
    from whypretrain.knowledge.neighbours import neighbours_table
    from whypretrain.knowledge.reading import HISTORY, ROBUSTNESS, count_rows, read_table
    from whypretrain.knowledge.strengths import VARIANTS
    from whypretrain.knowledge.summary import summarise
    from whypretrain.knowledge.tables import final_tables
    from whypretrain.knowledge.turnover import turnover_tables

    label = f"knowledge {settings.experiment}"
    probe = read_record(arguments.probe)

    def fitting(path: Path) -> Record:
        record = read_record(path)
        if not record.fits(probe):
            raise damaged(path, f"its samples are not those of {arguments.probe}")
        return record

    records = [probe, *map(fitting, arguments.finetune), *map(fitting, arguments.scratch)]
    splits = arguments.splits and [
        read_splits(*both) for both in zip(arguments.splits, records, strict=True)
    ]
    found = decompose(records, splits, settings.metrics)
    probe, last = found.records[0], 1 + len(settings.seeds)
    trained = found.records[1:last], found.records[last:]
    try:
        compared = compare(settings.seeds, probe, *trained)
    except ValueError as error:
        message = f"{arguments.summary.parent}: {error}"
        raise ArtifactError(message) from error
    if len(lost := np.setdiff1d(range(1, probe.n_players + 1), compared.orders)):
        say(f"{label}: orders {lost} lie in the noise floor and are not counted")
    tables = final_tables(compared, settings.metrics)
    progress = Progress(label, 2 * n_snapshots(compared), "snapshot")
    tables |= course_tables(compared, progress.update)
    tables |= turnover_tables(compared, settings.metrics, progress.update)
    samples = read_samples(arguments.samples)
    firsts = {variant: compared.finals(variant)[0] for variant in VARIANTS}
    tables["neighbours"] = neighbours_table(samples.samples, probe.n_players, firsts)
    networks = [("probe", ""), *product(VARIANTS[1:], compared.seeds)]
    sparsities = [
        table.assign(variant=variant, seed=seed)
        for (variant, seed), table in zip(networks, found.sparsities, strict=True)
    ]
    tables["sparsity"] = pd.concat(sparsities, ignore_index=True)
    histories = [
        read_table(path, HISTORY).assign(variant=variant, seed=seed)
        for (variant, seed), path in zip(networks, arguments.histories, strict=True)
    ]
    tables["history"] = pd.concat(histories, ignore_index=True)
    tables["history"]["n_test"] = count_rows(arguments.test)
    tables["history"]["n_classes"] = len(probe.classes)
    tables["robustness"] = pd.concat(
        [
            read_table(path, ROBUSTNESS).assign(variant=variant)
            for variant, path in zip(VARIANTS, arguments.robustness, strict=True)
        ],
        ignore_index=True,
    )
    for name, table in tables.items():
        table.insert(0, "experiment", settings.experiment)
        write_csv(arguments.tables / f"{name}.csv", table)
    say(f"{label}: summary")
    options, least = settings.statistics, settings.least_scratch_accuracy
    write_csv(arguments.summary, summarise(settings.experiment, tables, options, least))


if __name__ == "__main__":
    command.run(main)
