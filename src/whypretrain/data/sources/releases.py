"""Sources `cub` (Caltech-UCSD Birds 200-2011, with boxes and parts) and `cars` (Stanford Cars)."""

import json
import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy.io import loadmat

from whypretrain.data.encoded import image_size
from whypretrain.data.table import Row, Splits

T = TypeVar("T")
BIRDS = "CUB_200_2011"
BIRD_FILES = ["images.txt", "classes.txt", "image_class_labels.txt", "train_test_split.txt"]
BIRD_FILES += ["bounding_boxes.txt", "parts/part_locs.txt", "images"]
CAR_LABELS = {"cars_train": "cars_train_annos.mat", "cars_test": "cars_test_annos_withlabels.mat"}
CAR_FIELDS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class")


def read_cub(root: Path) -> Splits:
    """The official split; classes in the order of their ids, those without any image left out.

    Raises
    ------
    ValueError
        If a line cannot be read, an image lacks one, or an image cannot be decoded.
    FileNotFoundError
        If a file of the release is missing.
    """
    folder = root / BIRDS if (root / BIRDS).is_dir() else root
    if missing := [file for file in BIRD_FILES if not (folder / file).exists()]:
        message = (
            f"{folder}: {', '.join(missing)} not found; looked for the release in "
            f"{root} and {root / BIRDS}"
        )
        raise FileNotFoundError(message)
    images = _by_id(folder / "images.txt", str)
    class_of = _by_id(folder / "image_class_labels.txt", int, images)
    kept = sorted({class_of[image] for image in images})
    names = _by_id(folder / "classes.txt", str, kept)
    in_train = _by_id(folder / "train_test_split.txt", _zero_or_one, images)
    boxes = _by_id(folder / "bounding_boxes.txt", _four_numbers, images)
    parts: dict[int, list[list[float]]] = {}
    for _, image, (_, x, y, visible) in _lines(folder / "parts" / "part_locs.txt", _four_numbers):
        if visible:
            parts.setdefault(image, []).append([x, y])
    splits = Splits("image", [names[number] for number in kept], [], [])
    for image, name in images.items():
        encoded, known = _image(folder / "images", name, boxes[image], parts.get(image, []))
        row = Row(name, encoded, kept.index(class_of[image]), known)
        (splits.train if in_train[image] else splits.test).append(row)
    return splits


def _lines(path: Path, parse: Callable[[str], T]) -> list[tuple[int, int, T]]:
    """Number of each line, the id it begins with, and the value of the rest."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        message = f"{path}: no text in UTF-8 ({error})"
        raise ValueError(message) from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            key, value = line.strip().split(" ", 1)
            found.append((number, int(key), parse(value)))
        except ValueError as error:
            message = f"{path}, line {number}: '{line.strip()}' is no id and a value ({error})"
            raise ValueError(message) from error
    return found


def _by_id(path: Path, parse: Callable[[str], T], needed: Collection[int] = ()) -> dict[int, T]:
    """Values by id; those that are needed must be there."""
    values: dict[int, T] = {}
    for number, key, value in _lines(path, parse):
        if key in values:
            message = f"{path}, line {number}: id {key} stands twice"
            raise ValueError(message)
        values[key] = value
    if missing := set(needed) - values.keys():
        message = f"{path}: no line for id {min(missing)}"
        raise ValueError(message)
    return values


def _zero_or_one(text: str) -> int:
    if text not in ("0", "1"):
        message = f"'{text}' is neither 0 (test) nor 1 (train)"
        raise ValueError(message)
    return int(text)


def _four_numbers(text: str) -> list[float]:
    first, second, third, fourth = map(float, text.split())
    return [first, second, third, fourth]


def read_cars(root: Path) -> Splits:
    """The official split; classes in the order of the release.

    Raises
    ------
    ValueError
        If a .mat file is damaged or of another layout, or an image cannot be decoded.
    FileNotFoundError
        If a file of the release is missing.
    """
    classes = [str(name) for name in _variable(root, "cars_meta.mat", "class_names")[1]]
    splits = Splits("image", classes, [], [])
    for (images, file), rows in zip(CAR_LABELS.items(), splits[2:], strict=True):
        # Some copies of the release have the images one folder deeper.
        deeper = root / images / images
        folder = deeper if deeper.is_dir() else root / images
        path, entries = _variable(root, file, "annotations")
        for entry in entries:
            try:
                left, top, right, bottom, number = (int(entry[field]) for field in CAR_FIELDS)
                name = str(entry["fname"])
            except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
                message = f"{path}: an annotation lacks a field or its value ({error})"
                raise ValueError(message) from error
            if not 1 <= number <= len(classes):
                message = f"{path}: class {number} of {name} is none of 1 to {len(classes)}"
                raise ValueError(message)
            # MATLAB counts pixels from 1, and the last is within the box.
            box = [left - 1, top - 1, right - left + 1, bottom - top + 1]
            encoded, known = _image(folder, name, box)
            rows.append(Row(f"{images}/{name}", encoded, number - 1, known))
    return splits


def _variable(root: Path, file: str, name: str) -> tuple[Path, list[Any]]:
    """A MATLAB file of the release and its variable."""
    # The labels of the test images were released later, beside the devkit.
    places = [root / "devkit" / file, root / file]
    for path in filter(Path.is_file, places):
        try:
            return path, list(np.atleast_1d(loadmat(path, squeeze_me=True)[name]))
        except Exception as error:  # a damaged file fails anywhere in SciPy's parser
            message = f"{path}: cannot be read as a MATLAB file with variable {name} ({error!r})"
            raise ValueError(message) from error
    hint = " (cars_test_annos.mat has no labels)" if "withlabels" in file else ""
    message = f"{root}: {file} not found{hint}; looked for {places[0]} and {places[1]}"
    raise FileNotFoundError(message)


def _image(
    folder: Path, name: str, box: Sequence[float], parts: Sequence[Sequence[float]] = ()
) -> tuple[bytes, str]:
    """A listed image's bytes, and its annotation as :mod:`whypretrain.data.table` stores it."""
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        message = f"{folder}: the image '{name}' that is listed lies outside; correct the list"
        raise ValueError(message)
    if not path.is_file():
        message = f"{path}: this image is listed but not there"
        raise FileNotFoundError(message)
    encoded = path.read_bytes()
    size = image_size(encoded, path)
    if not all(map(math.isfinite, [*box, *(value for part in parts for value in part)])):
        message = f"{path}: its box or a part has a number that is not finite"
        raise ValueError(message)
    left, top, width, height = box
    if min(left + width, size[0]) <= max(left, 0) or min(top + height, size[1]) <= max(top, 0):
        message = (
            f"{path}: its box (left, top, width, height) = ({left:g}, {top:g}, {width:g}, "
            f"{height:g}) lies outside the image of {size[0]}×{size[1]} pixels"
        )
        raise ValueError(message)
    annotation = {"box": list(box), "parts": [list(part) for part in parts], "size": size}
    return encoded, json.dumps(annotation)
