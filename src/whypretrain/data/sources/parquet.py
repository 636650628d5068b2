"""Source `parquet`: Parquet files in the hub's layout, or a folder that `datasets` saved."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from whypretrain.data.encoded import image_size
from whypretrain.data.sources.common import (
    TWICE,
    Splits,
    check_sentence,
    encode_labels,
    label_names,
    plain_labels,
)
from whypretrain.data.table import Row
from whypretrain.settings.data import HubParquet

ROWS_AT_ONCE = 256


def read_parquet(dataset: HubParquet, root: Path) -> Splits:
    """Two splits, each cut to so many rows a class.

    Labels are read before anything else, so that what is not drawn is not kept in memory.

    Raises
    ------
    ValueError
        If files or columns are not as configured, or a row is not usable.
    FileNotFoundError
        If a split has no file.
    """
    if (root / "dataset_dict.json").exists():
        with tempfile.TemporaryDirectory() as folder:
            _export(root, Path(folder))
            return read_parquet(dataset, Path(folder))
    parts = {split: _files(root, split) for split in (dataset.train_split, dataset.test_split)}
    column = dataset.label_column
    values = {
        split: plain_labels(
            (value.as_py() for value in _values(files, column)),
            f"{root}, split '{split}', column '{column}'",
        )
        for split, files in parts.items()
    }
    named = dataset.classes or _class_label(parts[dataset.train_split][0], column)
    classes = named or label_names(values[dataset.train_split])
    rows = []
    for split, most in (
        (dataset.train_split, dataset.max_train_per_class),
        (dataset.test_split, dataset.max_test_per_class),
    ):
        labels = encode_labels(
            values[split],
            classes,
            numbered=named is not None,
            where=f"{root}, split '{split}', column '{column}'",
            remedy="set train_split and test_split to others, such as 'validation' for testing",
        )
        kept = _draw(labels, most, dataset.seed)
        rows.append(_rows(dataset, parts[split], split, {index: labels[index] for index in kept}))
    return Splits(dataset.task, classes, *rows)


def _export(root: Path, target: Path) -> None:
    """Write a folder of `DatasetDict.save_to_disk` (Arrow files) as Parquet files."""
    # It can reach the hub but reads a local folder here; jobs run with the hub switched off.
    import datasets  # noqa: PLC0415  (seconds of start-up that other sources need not pay)

    try:
        for split, rows in datasets.load_from_disk(root).items():
            rows.to_parquet(target / f"{split}.parquet")
    except Exception as error:  # a damaged folder fails anywhere in the library
        message = f"{root}: cannot be read as a saved dataset ({error!r})"
        raise ValueError(message) from error


def _files(root: Path, split: str) -> list[Path]:
    """Parquet files of a split, in their order."""
    name = re.compile(rf"{re.escape(split)}(-\d+-of-\d+(-[0-9a-f]+)?)?\.parquet")
    found: list[Path] = []
    others: list[str] = []
    for path in sorted(root.rglob("*.parquet")):
        relative = path.relative_to(root)
        if any(part.startswith(".") for part in relative.parts):
            continue
        fits = name.fullmatch(path.name) or split in relative.parts[-2:-1]
        found += [path] if fits else []
        others.append(relative.as_posix())
    if not found:
        there = ", ".join(others[:6]) + (", …" if len(others) > 6 else "") or "none"
        message = (
            f"{root}: no file of split '{split}'; looked for **/{split}.parquet, "
            f"**/{split}-*-of-*.parquet and **/{split}/*.parquet; Parquet files there: {there}"
        )
        raise FileNotFoundError(message)
    folders = sorted({path.parent.relative_to(root).as_posix() for path in found})
    if len(folders) > 1:
        message = (
            f"{root}: split '{split}' is in several folders ({', '.join(folders)}); "
            f"let path or hub.files name one of them"
        )
        raise ValueError(message)
    _check_complete(found)
    return found


def _check_complete(files: list[Path]) -> None:
    """Raise ValueError if the names say that there are more files."""
    totals = {int(match[1]) for file in files if (match := re.search(r"-of-(\d+)", file.name))}
    if totals and totals != {len(files)}:
        message = (
            f"{files[0].parent}: {len(files)} files of the split such as {files[0].name}, "
            f"whose names say that there are {max(totals)}"
        )
        raise ValueError(message)


def _open(path: Path, column: str) -> pyarrow.parquet.ParquetFile:
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        message = f"{path}: cannot be read as Parquet ({error})"
        raise ValueError(message) from error
    if file.schema_arrow.names.count(column) > 1:
        message = f"{path}: {TWICE.format(column)}"
        raise ValueError(message)
    if column not in file.schema_arrow.names:
        message = f"{path}: no column '{column}'; there are {', '.join(file.schema_arrow.names)}"
        raise ValueError(message)
    return file


def _values(files: list[Path], column: str) -> Iterator[Any]:
    """A column's values over all files, a batch in memory at a time."""
    for path in files:
        file = _open(path, column)
        try:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=[column]):
                yield from batch.column(0)
        except (OSError, pyarrow.ArrowException) as error:
            message = f"{path}: cannot be read as Parquet ({error})"
            raise ValueError(message) from error


def _class_label(path: Path, column: str) -> list[str] | None:
    """Names of the labels that the hub's library stores in a file, if it did."""
    metadata = _open(path, column).schema_arrow.metadata or {}
    try:
        described = json.loads(metadata.get(b"huggingface", b"{}"))
        names = described.get("info", {}).get("features", {}).get(column, {}).get("names")
    except (ValueError, AttributeError, RecursionError) as error:
        message = f"{path}: its description by the hub's library cannot be read ({error})"
        raise ValueError(message) from error
    if not (names is None or (isinstance(names, list) and all(isinstance(n, str) for n in names))):
        message = f"{path}: names of the classes in its metadata are {names!r}; give classes"
        raise ValueError(message)
    return names


def _draw(labels: list[int], most: int | None, seed: int) -> list[int]:
    """Indices of the rows to keep, at most so many of each class, in order."""
    if most is None:
        return list(range(len(labels)))
    array = np.array(labels)
    drawn = [
        # One generator a class, cut after shuffling: more rows keep those drawn before.
        np.random.default_rng([seed, label]).permutation(np.flatnonzero(array == label))[:most]
        for label in np.unique(array)
    ]
    return sorted(int(index) for index in np.concatenate(drawn))


def _rows(
    dataset: HubParquet, files: list[Path], split: str, label_of: dict[int, int]
) -> list[Row]:
    column = dataset.image_column if dataset.task == "image" else dataset.text_column
    rows: list[Row] = []
    for index, value in enumerate(_values(files, column)):
        if index not in label_of:
            continue
        name = f"{split}/{index:06d}"
        where = f"{files[0].parent}, split '{split}', row {index}"
        if dataset.task == "text":
            rows.append(Row(name, check_sentence(value.as_py(), where), label_of[index]))
            continue
        encoded = value.as_py()
        encoded = encoded.get("bytes") if isinstance(encoded, dict) else encoded
        if not isinstance(encoded, bytes):
            message = (
                f"{where}: column '{column}' holds {value.type}, not an encoded image; "
                f"is image_column right?"
            )
            raise ValueError(message)
        image_size(encoded, where)
        rows.append(Row(name, encoded, label_of[index]))
    return rows
