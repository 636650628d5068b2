"""Stage `adapting`: every two networks of an experiment with further variants, side by side.

The networks are the linear probe, those of the paper's two ways of training and of further ones,
each with every seed.
"""

from whypretrain.settings.knowledge import AdaptingSettings
from whypretrain.stages import command


def main() -> None:
    paths = {
        "records+": "records of interactions of all networks, in the order of the settings, HDF5",
        "splits*": "AND-OR interactions of each of them, to be compared instead, HDF5",
        "histories+": "history.csv of each of them",
        "test": "test split that the histories' accuracies are of",
        "table": "table to write, CSV",
    }
    arguments, settings = command.parse("adapting", __doc__, AdaptingSettings, paths)

    from whypretrain.files.artifacts import ArtifactError, damaged, write_csv
    from whypretrain.files.progress import say
    from whypretrain.interactions.record import Record
    from whypretrain.interactions.splits import read_either
    from whypretrain.knowledge.adapting import adapting_rows
    from whypretrain.knowledge.reading import HISTORY, count_rows, read_table
    from whypretrain.knowledge.summary import as_table

    label = f"adapting {settings.experiment}"
    ways: dict[str, dict[str, Record]] = {}
    accuracies: dict[str, list[float]] = {}
    first = str(settings.seeds[0])
    splits = arguments.splits or [None] * len(arguments.records)
    for name, path, own, history in zip(
        settings.networks, arguments.records, splits, arguments.histories, strict=True
    ):
        way, _, seed = name.partition("-seed")
        record = read_either(path, own).at(-1)
        (start,) = next(iter(ways.values()), {"": record}).values()
        if not record.fits(start):
            raise damaged(path, f"its samples are not those of {arguments.records[0]}")
        ways.setdefault(way, {})["" if way == "probe" else seed or first] = record
        accuracy = read_table(history, HISTORY)["test_accuracy"].iloc[-1]
        accuracies.setdefault(way, []).append(float(accuracy))
    say(f"{label}: {len(ways)} ways of adapting, {len(arguments.records)} networks")
    try:
        rows = [
            row | {"level": settings.titles.get(row["variant"], "")}
            for row in adapting_rows(
                ways, accuracies, count_rows(arguments.test), settings.statistics.confidence
            )
        ]
    except ValueError as error:
        message = f"{arguments.table.parent}: {error}"
        raise ArtifactError(message) from error
    write_csv(arguments.table, as_table(rows, settings.experiment))


if __name__ == "__main__":
    command.run(main)
