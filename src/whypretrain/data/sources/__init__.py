"""Where datasets come from: each source yields the rows of a train and a test split."""

from collections import Counter
from pathlib import Path

from whypretrain.data.sources.cars import read_cars
from whypretrain.data.sources.common import Splits, is_utf8, located
from whypretrain.data.sources.cub import read_cub
from whypretrain.data.sources.digits import read_digits
from whypretrain.data.sources.image_folder import read_image_folder
from whypretrain.data.sources.parquet import read_parquet
from whypretrain.data.sources.text_table import read_text_table
from whypretrain.settings.data import Cars, Cub, Dataset, Digits, HubParquet, ImageFolder


def load_source(dataset: Dataset, downloaded: Path | None = None) -> Splits:
    """Read a dataset from its source.

    Parameters
    ----------
    downloaded : folder that the stage `fetch` filled; needed unless the dataset is local

    Raises
    ------
    ValueError
        If a file is not what it should be, a class has no row in a split, a row stands in both
        splits, or there are not as many classes or items as there must be.
    FileNotFoundError
        If a configured path is missing, or a file that the source's layout has.
    """
    splits = _read(dataset, downloaded)
    expected = None if isinstance(dataset, Digits) else dataset.n_classes
    if expected not in (None, len(splits.classes)):
        message = f"n_classes = {expected}: found {len(splits.classes)} classes"
        raise ValueError(message)
    _check_classes(splits)
    stated = None if isinstance(dataset, Digits) else dataset.sizes
    found = {"train": len(splits.train), "test": len(splits.test)}
    if stated and stated.model_dump() != found:
        message = (
            f"sizes = {stated.model_dump()}: found {found['train']} training and {found['test']} "
            f"test {splits.unit}s: take another revision, complete the files, or correct sizes"
        )
        raise ValueError(message)
    for name, rows in (("train", splits.train), ("test", splits.test)):
        empty = set(range(len(splits.classes))) - {row.label for row in rows}
        if empty:
            missing = ", ".join(splits.classes[label] for label in sorted(empty))
            message = f"the {name} split has no {splits.unit} of class {missing}"
            raise ValueError(message)
    both = {row.id for row in splits.train} & {row.id for row in splits.test}
    if both:
        message = f"{len(both)} {splits.unit}s are in both splits, the first is '{min(both)}'"
        raise ValueError(message)
    return splits


def _check_classes(splits: Splits) -> None:
    if len(splits.classes) < 2:
        there = ", ".join(map(repr, splits.classes)) or "none"
        message = (
            f"at least two classes are needed, found {there} among the {len(splits.train)} "
            f"training {splits.unit}s"
        )
        raise ValueError(message)
    repeated = [name for name, count in Counter(splits.classes).items() if count > 1]
    if repeated:
        message = f"two classes have the name {repeated[0]!r}; rename one"
        raise ValueError(message)
    wrong = [name for name in splits.classes if not (name.strip() and is_utf8(name))]
    if wrong:
        message = f"the class {wrong[0]!r} has no name that can be written; rename it"
        raise ValueError(message)


def _read(dataset: Dataset, downloaded: Path | None) -> Splits:
    if isinstance(dataset, Digits):
        return read_digits(dataset)
    root = located(dataset.path, downloaded)
    if isinstance(dataset, ImageFolder):
        return read_image_folder(root)
    if isinstance(dataset, Cub):
        return read_cub(root)
    if isinstance(dataset, Cars):
        return read_cars(root)
    if isinstance(dataset, HubParquet):
        return read_parquet(dataset, root)
    return read_text_table(dataset, root)
