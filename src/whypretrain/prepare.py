"""Stage `prepare`: read a dataset from its source and write its train and test split."""

from whypretrain import stage
from whypretrain.config.data import PrepareSettings
from whypretrain.data.sources import load_source
from whypretrain.data.table import write_split
from whypretrain.progress import say


def main() -> None:
    """Command line."""
    parser = stage.parser("prepare", __doc__, PrepareSettings)
    stage.path_argument(parser, "--train", "train split to write, Parquet")
    stage.path_argument(parser, "--test", "test split to write, Parquet")
    arguments = parser.parse_args()
    splits = load_source(arguments.settings.dataset)
    write_split(arguments.train, splits.train, splits.classes)
    write_split(arguments.test, splits.test, splits.classes)
    say(
        f"{arguments.train.parent.name}: {len(splits.classes)} classes, "
        f"{len(splits.train)} training and {len(splits.test)} test images"
    )


if __name__ == "__main__":
    stage.run(main)
