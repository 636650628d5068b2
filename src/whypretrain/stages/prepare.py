"""Stage `prepare`: read a dataset from its source and write its training and test split."""

from whypretrain.settings.data import PrepareSettings
from whypretrain.stages import command


def main() -> None:
    paths = {
        "train": "train split to write, Parquet",
        "test": "test split to write, Parquet",
        "downloaded?": "folder that the stage fetch filled; leave out if the dataset is local",
    }
    arguments, settings = command.parse("prepare", __doc__, PrepareSettings, paths)

    from whypretrain.data.remarks import remarks
    from whypretrain.data.sources import load_source
    from whypretrain.data.table import write_split
    from whypretrain.files.progress import say

    splits = load_source(settings.dataset, arguments.downloaded)
    name = arguments.train.parent.name
    for remark in remarks(splits):
        say(f"{name}: warning: {remark}")
    for path, rows in ((arguments.train, splits.train), (arguments.test, splits.test)):
        write_split(path, rows, task=splits.task, classes=splits.classes)
    say(
        f"{name}: {len(splits.classes)} classes, "
        f"{len(splits.train)} training and {len(splits.test)} test {splits.unit}s"
    )


if __name__ == "__main__":
    command.run(main)
