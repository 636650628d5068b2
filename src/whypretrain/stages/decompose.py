"""Stage `decompose`: split the outputs of one trajectory into AND-OR interactions."""

from whypretrain.settings.knowledge import Splitting
from whypretrain.stages import command


def main() -> None:
    paths = {
        "record": "record of interactions of one trajectory, HDF5",
        "splits": "file to write, HDF5",
    }
    arguments, settings = command.parse("decompose", __doc__, Splitting, paths)
    output = arguments.splits

    from whypretrain.files.progress import Progress, say
    from whypretrain.interactions.record import read_record
    from whypretrain.interactions.splits import split_record, write_splits

    label = f"decompose {output.parents[1].name}/{output.stem}"
    record = read_record(arguments.record)
    progress = Progress(label, len(record.fractions), "snapshot")
    splits = split_record(
        record,
        tolerance=settings.tolerance,
        max_iterations=settings.max_iterations,
        tick=progress.update,
    )
    if (largest := splits.gap.max()) > settings.tolerance:
        say(
            f"{label}: the strength of a split may exceed the least possible by a share of "
            f"{largest:.1g}; raise interactions.max_iterations or interactions.tolerance"
        )
    write_splits(output, splits, settings.to_json())


if __name__ == "__main__":
    command.run(main)
