"""Sources `parquet` (the hub's layout, or a folder that `datasets` saved) and `text_table`."""

import csv
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from whypretrain.data.encoded import image_size
from whypretrain.data.table import Row, Splits, Task, class_order
from whypretrain.settings.data import HubParquet, TextTable

ROWS_AT_ONCE = 256
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


class _Part(NamedTuple):
    """A split: its name, its files, what messages call it, its largest number of rows a class."""

    name: str
    files: list[Path]
    where: str
    most: int | None = None


def read_parquet(dataset: HubParquet, root: Path) -> Splits:
    """Two splits, each cut to so many rows a class.

    Raises
    ------
    ValueError
        If files or columns are not as configured, or a row is not usable.
    FileNotFoundError
        If a split has no file.
    """
    limits = {
        dataset.train_split: dataset.max_train_per_class,
        dataset.test_split: dataset.max_test_per_class,
    }
    parts = [
        _Part(split, _files(root, split), f"{root}, split '{split}'", most)
        for split, most in limits.items()
    ]
    names = dataset.classes or _class_names(parts[0].files[0], dataset.label_column)
    column = dataset.image_column if dataset.task == "image" else dataset.text_column
    remedy = "set train_split and test_split to others, such as 'validation' for testing"
    return _splits(dataset, parts, names, column, remedy=remedy, seed=dataset.seed)


def read_text_table(dataset: TextTable, root: Path) -> Splits:
    """One file a split; labels are names, or numbers if `classes` names them.

    Raises
    ------
    ValueError
        If a file is missing, of another kind or damaged, lacks a column, or a row is not usable.
    """
    parts = [_Part(name, [root / name], f"{root / name}") for name in (dataset.train, dataset.test)]
    for part in parts:
        if Path(part.name).suffix not in SUFFIXES:
            message = f"{part.where}: the name must end in one of {', '.join(SUFFIXES)}"
            raise ValueError(message)
    remedy = "correct the file, or give classes"
    return _splits(dataset, parts, dataset.classes, dataset.text_column, remedy=remedy)


def _splits(
    dataset: HubParquet | TextTable,
    parts: list[_Part],
    names: list[str] | None,
    column: str,
    *,
    remedy: str,
    seed: int = 0,
) -> Splits:
    """Labels are read before anything else, so that what is not drawn is not kept in memory."""
    wheres = [f"{part.where}, column '{dataset.label_column}'" for part in parts]
    values = [
        [
            _plain_label(value, f"{where}, row {row}")
            for row, value in enumerate(_values(part.files, dataset.label_column))
        ]
        for part, where in zip(parts, wheres, strict=True)
    ]
    # Labels that have no names are named after their values.
    classes = names or class_order(str(value) for value in values[0] if value is not None)
    splits = Splits(dataset.task, classes, [], [])
    for part, where, found, rows in zip(parts, wheres, values, splits[2:], strict=True):
        labels = _encoded(found, classes, numbered=names is not None, where=where, remedy=remedy)
        kept = _drawn(labels, part.most, seed)
        for index, value in enumerate(_values(part.files, column)):
            if kept[index]:
                content = _content(value, dataset.task, f"{part.where}, row {index}", column)
                rows.append(Row(f"{part.name}/{index:06d}", content, labels[index]))
    return splits


def _files(root: Path, split: str) -> list[Path]:
    """Files of a split, in their order: Parquet, or the Arrow files of `save_to_disk`."""
    parquet = re.compile(rf"{re.escape(split)}(-\d+-of-\d+(-[0-9a-f]+)?)?\.parquet")
    saved = re.compile(r"data-\d+-of-\d+\.arrow")  # beside it may be caches of the library
    found: list[Path] = []
    others: list[str] = []
    for path in sorted([*root.rglob("*.parquet"), *root.rglob("*.arrow")]):
        relative = path.relative_to(root)
        if any(part.startswith(".") for part in relative.parts):
            continue
        within = split in relative.parts[-2:-1]
        is_table = path.suffix == ".parquet" or saved.fullmatch(path.name)
        found += [path] if parquet.fullmatch(path.name) or (within and is_table) else []
        others.append(relative.as_posix())
    if not found:
        there = ", ".join(others[:6]) + (", …" if len(others) > 6 else "") or "none"
        message = (
            f"{root}: no file of split '{split}'; looked for **/{split}.parquet, "
            f"**/{split}-*-of-*.parquet and **/{split}/*.parquet; files there: {there}"
        )
        raise FileNotFoundError(message)
    folders = sorted({path.parent.relative_to(root).as_posix() for path in found})
    if len(folders) > 1:
        message = (
            f"{root}: split '{split}' is in several folders ({', '.join(folders)}); "
            f"let path or hub.files name one of them"
        )
        raise ValueError(message)
    totals = {int(match[1]) for path in found if (match := re.search(r"-of-(\d+)", path.name))}
    if totals and totals != {len(found)}:
        message = (
            f"{found[0].parent}: {len(found)} files of the split such as {found[0].name}, "
            f"whose names say that there are {max(totals)}"
        )
        raise ValueError(message)
    return found


def _values(files: list[Path], column: str) -> Iterator[Any]:
    """A column's values over all files, a batch in memory at a time."""
    for path in files:
        try:
            if path.suffix in (".csv", ".tsv", ".jsonl"):
                yield from _text_values(path, column)
            else:
                schema, batches = _opened(path, column)
                _check_column(path, schema.names, column)
                for batch in batches:
                    yield from batch.column(column).to_pylist()
        except (OSError, UnicodeDecodeError, pyarrow.ArrowException, csv.Error) as error:
            remedy = "; save it as UTF-8" if isinstance(error, UnicodeDecodeError) else ""
            message = f"{path}: cannot be read ({error}){remedy}"
            raise ValueError(message) from error


def _opened(path: Path, column: str) -> tuple[pyarrow.Schema, Iterable[pyarrow.RecordBatch]]:
    if path.suffix == ".arrow":
        import datasets  # noqa: PLC0415  (seconds of start-up that other files need not pay)

        saved = datasets.Dataset.from_file(str(path)).data
        return saved.schema, saved.table.to_batches()
    file = pyarrow.parquet.ParquetFile(path)
    return file.schema_arrow, file.iter_batches(batch_size=ROWS_AT_ONCE, columns=[column])


def _text_values(path: Path, column: str) -> Iterator[Any]:
    # A byte order mark, as spreadsheets write it, is no part of the first column's name.
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix == ".jsonl":
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    message = f"{path}, line {number}: no JSON ({error})"
                    raise ValueError(message) from error
                names = record if isinstance(record, dict) else [record]
                _check_column(f"{path}, line {number}", names, column)
                yield record[column]
            return
        # In the TSV files of GLUE a quotation mark is a character like any other.
        tabs = path.suffix == ".tsv"
        reader = csv.DictReader(
            file,
            delimiter="\t" if tabs else ",",
            quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
            strict=True,
        )
        _check_column(path, reader.fieldnames or [], column)
        for row, record in enumerate(reader):
            if None in record:  # where the csv module puts what has no column
                message = (
                    f"{path}, row {row}: more fields than columns; quote those with a separator"
                )
                raise ValueError(message)
            yield record[column]


def _check_column(where: object, names: Collection[Any], column: str) -> None:
    if (count := list(names).count(column)) != 1:
        message = f"{where}: no column '{column}'; there are {', '.join(map(str, names)) or 'none'}"
        if count:
            message = f"{where}: two columns '{column}', of which one would be ignored; rename one"
        raise ValueError(message)


def _class_names(path: Path, column: str) -> list[str] | None:
    """Names of the labels that the hub's library stores in a file, if it did."""
    try:
        metadata = _opened(path, column)[0].metadata or {}
        described = json.loads(metadata.get(b"huggingface", b"{}"))
        names = described.get("info", {}).get("features", {}).get(column, {}).get("names")
    except (OSError, ValueError, AttributeError, RecursionError, pyarrow.ArrowException) as error:
        message = f"{path}: its description by the hub's library cannot be read ({error})"
        raise ValueError(message) from error
    if not (names is None or (isinstance(names, list) and all(isinstance(n, str) for n in names))):
        message = f"{path}: names of the classes in its metadata are {names!r}; give classes"
        raise ValueError(message)
    return names


def _plain_label(value: object, where: str) -> str | int | None:
    """A label as text or a whole number; None if there is none."""
    if isinstance(value, float):  # so come columns of whole numbers in which some are missing
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    if isinstance(value, str) and not value.strip():
        return None
    if not (value is None or isinstance(value, str | int)):
        message = f"{where}: label {value!r} is neither text nor a whole number"
        raise ValueError(message)
    return value


def _encoded(
    values: Sequence[object], classes: list[str], *, numbered: bool, where: str, remedy: str
) -> list[int]:
    """Labels as indices of classes; numbers among them are indices if `numbered`, else names."""
    known: dict[object, int] = {name: index for index, name in enumerate(classes)}
    if numbered:
        # Names first: a file of text may well hold the names.
        known = {key: i for i in range(len(classes)) for key in (i, str(i))} | known
    labels: list[int] = []
    for row, value in enumerate(values):
        label = known.get(value if numbered and type(value) is int else str(value))
        if label is None:
            unlabelled = value in (None, -1, "-1", "")
            why = "is published without labels" if unlabelled else "does not fit the classes"
            names = ", ".join(classes[:12]) + (", …" if len(classes) > 12 else "")
            message = (
                f"{where}, row {row}: label {value!r} is none of the {len(classes)} classes "
                f"({names}); the split {why}: {remedy}"
            )
            raise ValueError(message)
        labels.append(label)
    return labels


def _drawn(labels: list[int], most: int | None, seed: int) -> NDArray[np.bool_]:
    """Which rows to keep, at most so many of each class: array of shape (n_rows,)."""
    array, kept = np.array(labels), np.zeros(len(labels), dtype=bool)
    for label in np.unique(array):
        # One generator a class, cut after shuffling: more rows keep those drawn before.
        shuffled = np.random.default_rng([seed, label]).permutation(np.flatnonzero(array == label))
        kept[shuffled[:most]] = True
    return kept


def _content(value: Any, task: Task, where: str, column: str) -> bytes | str:
    if task == "text":
        if not isinstance(value, str) or not value.strip():
            message = f"{where}: the sentence is {value!r}; remove the row"
            raise ValueError(message)
        return value
    encoded = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(encoded, bytes):
        message = (
            f"{where}: column '{column}' holds {type(value).__name__}, not an encoded image; "
            f"is image_column right?"
        )
        raise ValueError(message)
    image_size(encoded, where)
    return encoded
