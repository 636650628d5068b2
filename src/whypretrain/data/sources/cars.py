"""Source `cars`: the release of Stanford Cars, with boxes."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from whypretrain.data.sources.common import Splits, annotation, read_image
from whypretrain.data.table import Row

ANNOTATIONS = {"cars_train": "cars_train_annos.mat", "cars_test": "cars_test_annos_withlabels.mat"}
FIELDS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class")


def read_cars(root: Path) -> Splits:
    """The official split; classes in the order of the release.

    Raises
    ------
    ValueError
        If a .mat file is damaged or of another layout, or an image cannot be decoded.
    FileNotFoundError
        If a file of the release is missing.
    """
    meta = _find(root, "cars_meta.mat")
    classes = [str(name) for name in _variable(meta, "class_names")]
    train, test = (
        _rows(root, images, _find(root, file), len(classes)) for images, file in ANNOTATIONS.items()
    )
    return Splits("image", classes, train, test)


def _find(root: Path, file: str) -> Path:
    # The labels of the test images were released later, beside the devkit.
    places = [root / "devkit" / file, root / file]
    for path in places:
        if path.is_file():
            return path
    hint = " (cars_test_annos.mat has no labels)" if "withlabels" in file else ""
    message = f"{root}: {file} not found{hint}; looked for {places[0]} and {places[1]}"
    raise FileNotFoundError(message)


def _variable(path: Path, name: str) -> list[Any]:
    try:
        return list(np.atleast_1d(loadmat(path, squeeze_me=True)[name]))
    except Exception as error:  # a damaged file fails anywhere in SciPy's parser
        message = f"{path}: cannot be read as a MATLAB file with variable {name} ({error!r})"
        raise ValueError(message) from error


def _rows(root: Path, images: str, path: Path, n_classes: int) -> list[Row]:
    # Some copies of the release have the images one folder deeper.
    folder = root / images / images if (root / images / images).is_dir() else root / images
    if not folder.is_dir():
        message = f"{root}: {images}/ not found"
        raise FileNotFoundError(message)
    rows: list[Row] = []
    for entry in _variable(path, "annotations"):
        try:
            left, top, right, bottom, number = (int(entry[field]) for field in FIELDS)
            name = str(entry["fname"])
        except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
            message = f"{path}: an annotation lacks a field or its value ({error})"
            raise ValueError(message) from error
        if not 1 <= number <= n_classes:
            message = f"{path}: class {number} of {name} is none of 1 to {n_classes}"
            raise ValueError(message)
        encoded, size = read_image(folder, name)
        # MATLAB counts pixels from 1, and the last is within the box.
        box = [left - 1, top - 1, right - left + 1, bottom - top + 1]
        known = annotation(box, size, [], folder / name)
        rows.append(Row(f"{images}/{name}", encoded, number - 1, known))
    return rows
