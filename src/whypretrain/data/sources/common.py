"""What sources share: where their files are, and checks of images, sentences and labels."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from whypretrain.data.encoded import image_size
from whypretrain.data.table import Row, Task
from whypretrain.files.artifacts import FETCHED, check_download
from whypretrain.settings.base import configured_path

TWICE = "there are two columns '{}', of which one would be ignored; rename one"


class Splits(NamedTuple):
    """A dataset before it is written: its task, names of the classes, the rows of both splits."""

    task: Task
    classes: list[str]
    train: list[Row]
    test: list[Row]

    @property
    def unit(self) -> str:
        """What one row is called."""
        return "image" if self.task == "image" else "sentence"


def located(path: str | None, downloaded: Path | None) -> Path:
    """The folder of a dataset: its local path, else where it was downloaded to.

    Raises
    ------
    ValueError
        If the path has an environment variable that is not set, or a download is needed and none
        was given.
    FileNotFoundError
        If the path is no folder, or the download is not complete.
    ArtifactError
        If a file is not as it was downloaded.
    """
    if path is not None:
        root = configured_path(path, "datasets: path")
        if not root.is_dir():
            message = f"datasets: path = {path!r} is no folder"
            raise FileNotFoundError(message)
        return root
    if downloaded is None:
        message = "the dataset is to be downloaded: run the stage fetch and give --downloaded"
        raise ValueError(message)
    if not (downloaded / FETCHED).is_file():
        message = f"{downloaded}: no complete download, {FETCHED} is missing; run the stage fetch"
        raise FileNotFoundError(message)
    check_download(downloaded)
    return downloaded


def release_folder(root: Path, subfolder: str, files: Sequence[str]) -> Path:
    """`root` or its subfolder, whichever holds the files of an official release.

    Raises
    ------
    FileNotFoundError
        If neither holds all of them; the message names those missing.
    """
    folders = [root, root / subfolder]
    missing = [[file for file in files if not (folder / file).exists()] for folder in folders]
    for folder, absent in zip(folders, missing, strict=True):
        if not absent:
            return folder
    # Where most was found is where the rest is missed.
    folder, absent = min(zip(folders, missing, strict=True), key=lambda pair: len(pair[1]))
    message = (
        f"{folder}: {', '.join(absent)} not found; looked for the release in "
        f"{folders[0]} and {folders[1]}"
    )
    raise FileNotFoundError(message)


def read_image(folder: Path, name: str) -> tuple[bytes, tuple[int, int]]:
    """A listed image's bytes, its width and height.

    Raises
    ------
    ValueError
        If it cannot be decoded, or its name leads out of the folder.
    FileNotFoundError
        If it is not there.
    """
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        message = f"{folder}: the image '{name}' that is listed lies outside; correct the list"
        raise ValueError(message)
    try:
        encoded = path.read_bytes()
    except FileNotFoundError as error:
        message = f"{path}: this image is listed but not there"
        raise FileNotFoundError(message) from error
    return encoded, image_size(encoded, path)


def annotation(
    box: Sequence[float], size: tuple[int, int], parts: Sequence[Sequence[float]], name: object
) -> str:
    """What is known of an image, as :mod:`whypretrain.data.table` stores it.

    Raises
    ------
    ValueError
        If a number is not finite or the box lies outside the image; the message names it.
    """
    left, top, width, height = box
    if not all(map(math.isfinite, [*box, *(value for part in parts for value in part)])):
        message = f"{name}: its box or a part has a number that is not finite"
        raise ValueError(message)
    if min(left + width, size[0]) <= max(left, 0) or min(top + height, size[1]) <= max(top, 0):
        message = (
            f"{name}: its box (left, top, width, height) = ({left:g}, {top:g}, {width:g}, "
            f"{height:g}) lies outside the image of {size[0]}×{size[1]} pixels"
        )
        raise ValueError(message)
    return json.dumps({"box": list(box), "parts": [list(part) for part in parts], "size": size})


def check_sentence(sentence: object, name: str) -> str:
    """A sentence that says something.

    Raises
    ------
    ValueError
        If it is empty or no text; the message names it.
    """
    if not isinstance(sentence, str) or not sentence.strip():
        message = f"{name}: the sentence is {sentence!r}; remove the row"
        raise ValueError(message)
    if not is_utf8(sentence):
        message = f"{name}: the sentence {sentence[:60]!r} is no text in UTF-8; correct the row"
        raise ValueError(message)
    return sentence


def is_utf8(text: str) -> bool:
    """Whether a text can be written: halves of surrogate pairs come from broken escapes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain_labels(values: Iterable[object], where: str) -> list[str | int | None]:
    """Labels as text or whole numbers; None where there is none.

    A column of whole numbers in which some are missing comes as floats with NaN.

    Raises
    ------
    ValueError
        If a value is of another kind.
    """
    found: list[str | int | None] = []
    for row, value in enumerate(values):
        plain = value
        if isinstance(value, str):
            plain = value if value.strip() else None
        elif isinstance(value, float) and math.isnan(value):
            plain = None
        elif isinstance(value, float) and value.is_integer():
            plain = int(value)
        if not (plain is None or isinstance(plain, str | int)) or not is_utf8(str(plain)):
            message = f"{where}, row {row}: label {value!r} is neither text nor a whole number"
            raise ValueError(message)
        found.append(plain)
    return found


def label_names(values: Iterable[object]) -> list[str]:
    """Names for labels that have none: the distinct values as text, numbers by size."""
    names = {str(value) for value in values if value is not None}
    numbers = all(name.removeprefix("-").isdecimal() for name in names)
    return sorted(names, key=int) if numbers else sorted(names)


def encode_labels(
    values: Sequence[object], classes: list[str], *, numbered: bool, where: str, remedy: str
) -> list[int]:
    """Labels as indices of classes.

    Parameters
    ----------
    numbered : whether numbers among the values are indices; else they are names
    where, remedy : for the message

    Raises
    ------
    ValueError
        If a value is no class.
    """
    indices = {name: index for index, name in enumerate(classes)}
    if numbered:
        # Names first: a file of text may well hold the names.
        indices = {str(index): index for index in range(len(classes))} | indices
    labels: list[int] = []
    for row, value in enumerate(values):
        label: int | None
        if numbered and isinstance(value, int) and not isinstance(value, bool):
            label = value if 0 <= value < len(classes) else None
        else:
            label = indices.get(str(value))
        if label is None:
            unlabelled = value in (None, -1, "-1", "")
            why = "is published without labels" if unlabelled else "does not fit the classes"
            known = ", ".join(classes[:12]) + (", …" if len(classes) > 12 else "")
            message = (
                f"{where}, row {row}: label {value!r} is none of the {len(classes)} classes "
                f"({known}); the split {why}: {remedy}"
            )
            raise ValueError(message)
        labels.append(label)
    return labels
