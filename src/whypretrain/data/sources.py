"""Where images come from: each source yields the rows of a train and a test split."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from sklearn.datasets import load_digits

from whypretrain.config.data import Dataset, Digits, ImageFolder
from whypretrain.data.table import Row

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}


class Splits(NamedTuple):
    """A dataset before it is written: names of the classes, and the rows of both splits."""

    classes: list[str]
    train: list[Row]
    test: list[Row]


def load_source(dataset: Dataset) -> Splits:
    """Read a dataset from its source.

    Raises
    ------
    ValueError
        If a class has no image in a split, the classes of the splits differ, or an image cannot be
        decoded.
    FileNotFoundError
        If a configured path is missing.
    """
    splits = _digits(dataset) if isinstance(dataset, Digits) else _image_folder(dataset)
    for name, rows in (("train", splits.train), ("test", splits.test)):
        empty = set(range(len(splits.classes))) - {row.label for row in rows}
        if empty:
            missing = ", ".join(splits.classes[label] for label in sorted(empty))
            message = f"the {name} split has no image of class {missing}"
            raise ValueError(message)
    return splits


def _digits(dataset: Digits) -> Splits:
    images, targets = load_digits(return_X_y=True)
    generator = np.random.default_rng(dataset.seed)
    train: list[Row] = []
    test: list[Row] = []
    for label, digit in enumerate(dataset.classes):
        found = generator.permutation(np.flatnonzero(targets == digit))
        n_train = dataset.train_per_class or len(found) - round(
            (dataset.test_fraction or 0) * len(found)
        )
        if n_train >= len(found):
            message = (
                f"train_per_class = {n_train}: digit {digit} has {len(found)} images, "
                f"and at least one must be left for testing"
            )
            raise ValueError(message)
        for split, indices in ((train, found[:n_train]), (test, found[n_train:])):
            for index in np.sort(indices):
                # Intensities run from 0 to 16.
                pixels = np.round(images[index].reshape(8, 8) * (255 / 16)).astype(np.uint8)
                split.append(Row(f"{index:04d}", _png(pixels), label))
    return Splits([str(digit) for digit in dataset.classes], train, test)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def _image_folder(dataset: ImageFolder) -> Splits:
    root = Path(dataset.path)
    if not root.is_dir():
        message = f"datasets: path = '{dataset.path}' is no folder"
        raise FileNotFoundError(message)
    found = {split: _class_folders(root / split) for split in ("train", "test")}
    if found["train"] != found["test"] or len(found["train"]) < 2:
        message = (
            f"{root}: train/ and test/ must hold the same two or more class folders; "
            f"train has {found['train']}, test has {found['test']}"
        )
        raise ValueError(message)
    classes = found["train"]
    train, test = (list(_folder_rows(root, split, classes)) for split in ("train", "test"))
    return Splits(classes, train, test)


def _class_folders(folder: Path) -> list[str]:
    return (
        sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    )


def _folder_rows(root: Path, split: str, classes: list[str]) -> Iterator[Row]:
    for label, name in enumerate(classes):
        for path in sorted((root / split / name).rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                encoded = path.read_bytes()
                try:
                    Image.open(io.BytesIO(encoded)).load()
                except (UnidentifiedImageError, OSError) as error:
                    message = f"{path}: no image that can be decoded ({error})"
                    raise ValueError(message) from error
                yield Row(path.relative_to(root).as_posix(), encoded, label)
