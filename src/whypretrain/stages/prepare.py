"""Stage `prepare`: read a dataset from its source and write its train and test split."""

from pathlib import Path

from whypretrain.settings.data import PrepareSettings
from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = command.parser("prepare", __doc__, PrepareSettings)
    command.path_argument(parser, "--train", "train split to write, Parquet")
    command.path_argument(parser, "--test", "test split to write, Parquet")
    parser.add_argument(
        "--downloaded",
        type=Path,
        metavar="PATH",
        help="folder that the stage fetch filled; left out if the dataset is local",
    )
    arguments = parser.parse_args()

    from whypretrain.data.remarks import remarks
    from whypretrain.data.sources import load_source
    from whypretrain.data.table import write_split
    from whypretrain.files.progress import say

    splits = load_source(arguments.settings.dataset, arguments.downloaded)
    for remark in remarks(splits):
        say(f"{arguments.train.parent.name}: warning: {remark}")
    write_split(arguments.train, splits.train, task=splits.task, classes=splits.classes)
    write_split(arguments.test, splits.test, task=splits.task, classes=splits.classes)
    say(
        f"{arguments.train.parent.name}: {len(splits.classes)} classes, "
        f"{len(splits.train)} training and {len(splits.test)} test {splits.unit}s"
    )


if __name__ == "__main__":
    command.run(main)
