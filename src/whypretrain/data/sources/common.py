"""What sources share: where their files are, and checks of images, sentences and labels."""

import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from whypretrain.data.table import Row, Task
from whypretrain.downloads import FETCHED, check_download


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
        root = Path(os.path.expandvars(path)).expanduser()
        if "$" in str(root):
            message = f"datasets: path = '{path}': an environment variable in it is not set"
            raise ValueError(message)
        if not root.is_dir():
            message = f"datasets: path = '{path}' is no folder"
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


def image_size(encoded: bytes, name: object) -> tuple[int, int]:
    """Width and height of an encoded image, decoded whole to see that it can be.

    Raises
    ------
    ValueError
        If it cannot; the message names it.
    """
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            picture.load()
            return picture.size
    # Pillow's decoders raise the last two on broken files.
    except (OSError, ValueError, Image.DecompressionBombError, SyntaxError, EOFError) as error:
        message = f"{name}: no image that can be decoded ({error})"
        raise ValueError(message) from error


def read_image(path: Path) -> tuple[bytes, tuple[int, int]]:
    """An image file's bytes, its width and height. Raises ValueError or FileNotFoundError."""
    try:
        encoded = path.read_bytes()
    except FileNotFoundError as error:
        message = f"{path}: this image is listed but not there"
        raise FileNotFoundError(message) from error
    return encoded, image_size(encoded, path)


def annotation(
    box: Sequence[float], size: tuple[int, int], parts: Iterable[Sequence[float]] = ()
) -> str:
    """What is known of an image, as :mod:`whypretrain.data.table` stores it."""
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
    return sentence


def label_names(values: Iterable[object]) -> list[str]:
    """Names for labels that have none: the distinct values as text, numbers by size."""
    names = {str(value) for value in values if value is not None and value != ""}
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
