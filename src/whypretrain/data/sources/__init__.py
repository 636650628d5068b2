"""Where datasets come from: each source yields the rows of a train and a test split."""

from collections import Counter
from pathlib import Path

from whypretrain.data.sources.digits import read_digits
from whypretrain.data.sources.image_folder import read_image_folder
from whypretrain.data.sources.releases import read_cars, read_cub
from whypretrain.data.sources.tables import read_parquet, read_text_table
from whypretrain.data.table import Splits
from whypretrain.files.artifacts import check_download
from whypretrain.settings.base import configured_path
from whypretrain.settings.data import Dataset, Digits, HubParquet, TextTable

FOLDERS = {"image_folder": read_image_folder, "cub": read_cub, "cars": read_cars}


def load_source(dataset: Dataset, downloaded: Path | None = None) -> Splits:
    """Read a dataset from its source.

    Parameters
    ----------
    downloaded : folder that the stage `fetch` filled; needed unless the dataset is local

    Raises
    ------
    ValueError
        If a file is not what it should be, a class has no row in a split, a row stands in both
        splits, there are not as many classes or items as there must be, or a configured path has
        an environment variable that is not set.
    FileNotFoundError
        If a configured path is missing, or a file that the source's layout has.
    ArtifactError
        If the download is not complete, or a file is not as it was downloaded.
    """
    splits = _read(dataset, downloaded)
    _check_classes(splits)
    found = {"train": len(splits.train), "test": len(splits.test)}
    if not isinstance(dataset, Digits):
        if dataset.n_classes not in (None, len(splits.classes)):
            message = f"n_classes = {dataset.n_classes}: found {len(splits.classes)} classes"
            raise ValueError(message)
        if dataset.sizes and dataset.sizes.model_dump() != found:
            message = (
                f"sizes = {dataset.sizes.model_dump()}: found {found['train']} training and "
                f"{found['test']} test {splits.unit}s: take another revision, complete the files, "
                f"or correct sizes"
            )
            raise ValueError(message)
    for name, rows in (("train", splits.train), ("test", splits.test)):
        if empty := set(range(len(splits.classes))) - {row.label for row in rows}:
            missing = ", ".join(splits.classes[label] for label in sorted(empty))
            message = f"the {name} split has no {splits.unit} of class {missing}"
            raise ValueError(message)
        for row in rows:
            for what, text in (("the file name", row.id), ("the sentence", row.content)):
                if isinstance(text, str) and not _is_utf8(text):
                    message = f"{row.id!r}: {what} {text[:60]!r} is no text in UTF-8; correct it"
                    raise ValueError(message)
    if both := {row.id for row in splits.train} & {row.id for row in splits.test}:
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
    for name, count in Counter(splits.classes).items():
        if count > 1:
            message = f"two classes have the name {name!r}; rename one"
            raise ValueError(message)
        if not (name.strip() and _is_utf8(name)):
            message = f"the class {name!r} has no name that can be written; rename it"
            raise ValueError(message)


def _is_utf8(text: str) -> bool:
    """Whether a text can be written: halves of surrogate pairs come from broken escapes."""
    return text.encode(errors="replace").decode() == text


def _read(dataset: Dataset, downloaded: Path | None) -> Splits:
    if isinstance(dataset, Digits):
        return read_digits(dataset)
    root = _located(dataset.path, downloaded)
    if isinstance(dataset, HubParquet):
        return read_parquet(dataset, root)
    if isinstance(dataset, TextTable):
        return read_text_table(dataset, root)
    return FOLDERS[dataset.source](root)


def _located(path: str | None, downloaded: Path | None) -> Path:
    """The folder of a dataset: its local path, else where it was downloaded to."""
    if path is not None:
        root = configured_path(path, "datasets: path")
        if not root.is_dir():
            message = f"datasets: path = {path!r} is no folder"
            raise FileNotFoundError(message)
        return root
    if downloaded is None:
        message = "the dataset is to be downloaded: run the stage fetch and give --downloaded"
        raise ValueError(message)
    check_download(downloaded)
    return downloaded
