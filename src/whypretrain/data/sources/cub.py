"""Source `cub`: the release of Caltech-UCSD Birds 200-2011, with boxes and part locations."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from whypretrain.data.sources.common import Splits, annotation, read_image, release_folder
from whypretrain.data.table import Row

T = TypeVar("T")
FILES = [
    "images.txt",
    "classes.txt",
    "image_class_labels.txt",
    "train_test_split.txt",
    "bounding_boxes.txt",
    "parts/part_locs.txt",
    "images",
]


def read_cub(root: Path) -> Splits:
    """The official split; classes in the order of their ids, those without any image left out.

    Raises
    ------
    ValueError
        If a line cannot be read, an image lacks one, or an image cannot be decoded.
    FileNotFoundError
        If a file of the release is missing.
    """
    folder = release_folder(root, "CUB_200_2011", FILES)
    images = _lines(folder / "images.txt", str)
    names = _lines(folder / "classes.txt", str)
    class_of = _lines(folder / "image_class_labels.txt", int)
    in_train = _lines(folder / "train_test_split.txt", _zero_or_one)
    boxes = _lines(folder / "bounding_boxes.txt", _box)
    for file, lines in (
        ("image_class_labels.txt", class_of),
        ("train_test_split.txt", in_train),
        ("bounding_boxes.txt", boxes),
    ):
        if missing := images.keys() - lines.keys():
            message = f"{folder / file}: no line for image {min(missing)}"
            raise ValueError(message)
    if unnamed := {class_of[image] for image in images} - names.keys():
        message = f"{folder / 'classes.txt'}: no name for class {min(unnamed)}"
        raise ValueError(message)
    parts = _visible_parts(folder / "parts" / "part_locs.txt")
    kept = sorted({class_of[image] for image in images})
    label_of = {number: label for label, number in enumerate(kept)}
    splits = Splits("image", [names[number] for number in kept], [], [])
    for image, name in images.items():
        encoded, size = read_image(folder / "images", name)
        known = annotation(boxes[image], size, parts.get(image, []), folder / "images" / name)
        row = Row(name, encoded, label_of[class_of[image]], known)
        (splits.train if in_train[image] else splits.test).append(row)
    return splits


def _read_lines(path: Path) -> Iterator[tuple[int, int, str]]:
    """Number of the line, the id it begins with, and the rest."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        message = f"{path}: no text in UTF-8 ({error})"
        raise ValueError(message) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        first, _, rest = line.strip().partition(" ")
        if not first.isdecimal() or not rest:
            message = f"{path}, line {number}: '{line.strip()}' is no id and a value"
            raise ValueError(message)
        yield number, int(first), rest


def _lines(path: Path, parse: Callable[[str], T]) -> dict[int, T]:
    """Values by id."""
    values: dict[int, T] = {}
    for number, key, rest in _read_lines(path):
        if key in values:
            message = f"{path}, line {number}: id {key} stands twice"
            raise ValueError(message)
        try:
            values[key] = parse(rest)
        except ValueError as error:
            message = f"{path}, line {number}: {error}"
            raise ValueError(message) from error
    return values


def _zero_or_one(text: str) -> int:
    if text not in ("0", "1"):
        message = f"'{text}' is neither 0 (test) nor 1 (train)"
        raise ValueError(message)
    return int(text)


def _box(text: str) -> list[float]:
    x, y, width, height = map(float, text.split())
    return [x, y, width, height]


def _visible_parts(path: Path) -> dict[int, list[list[float]]]:
    """Locations of the visible parts by image."""
    parts: dict[int, list[list[float]]] = {}
    for number, image, rest in _read_lines(path):
        try:
            _, x, y, visible = map(float, rest.split())
        except ValueError as error:
            message = f"{path}, line {number}: {error}"
            raise ValueError(message) from error
        if visible:
            parts.setdefault(image, []).append([x, y])
    return parts
