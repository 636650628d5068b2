"""Source `text_table`: a user's own tables of sentences and labels."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow
import pyarrow.parquet

from whypretrain.data.sources.common import (
    TWICE,
    Splits,
    check_sentence,
    encode_labels,
    label_names,
    plain_labels,
)
from whypretrain.data.table import Row
from whypretrain.settings.data import TextTable

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


class _Columns(NamedTuple):
    texts: list[Any]
    labels: list[Any]


def read_text_table(dataset: TextTable, root: Path) -> Splits:
    """One file a split; labels are names, or numbers if `classes` names them.

    Raises
    ------
    ValueError
        If a file is of another kind or damaged, lacks a column, or a row is not usable.
    FileNotFoundError
        If a file is missing.
    """
    column = dataset.label_column
    columns = {
        name: _read(root / name, dataset.text_column, column)
        for name in (dataset.train, dataset.test)
    }
    columns = {
        name: _Columns(texts, plain_labels(values, f"{root / name}, column '{column}'"))
        for name, (texts, values) in columns.items()
    }
    classes = dataset.classes or label_names(columns[dataset.train].labels)
    rows = []
    for name, (texts, values) in columns.items():
        labels = encode_labels(
            values,
            classes,
            numbered=dataset.classes is not None,
            where=f"{root / name}, column '{column}'",
            remedy="correct the file, or give classes",
        )
        checked = [
            check_sentence(text, f"{root / name}, row {row}") for row, text in enumerate(texts)
        ]
        pairs = enumerate(zip(checked, labels, strict=True))
        rows.append([Row(f"{name}/{row:06d}", text, label) for row, (text, label) in pairs])
    return Splits("text", classes, *rows)


def _read(path: Path, text: str, label: str) -> _Columns:
    if not path.is_file():
        message = f"{path}: not found"
        raise FileNotFoundError(message)
    if path.suffix not in SUFFIXES:
        message = f"{path}: the name must end in one of {', '.join(SUFFIXES)}"
        raise ValueError(message)
    try:
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path)
            _check_once(path, table.column_names, text, label)
            return _pick(path, table.to_pylist(), text, label)
        # A byte order mark, as spreadsheets write it, is no part of the first column's name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".jsonl":
                return _pick(path, _json_lines(path, file), text, label)
            # In the TSV files of GLUE a quotation mark is a character like any other.
            tabs = path.suffix == ".tsv"
            reader = csv.DictReader(
                file,
                delimiter="\t" if tabs else ",",
                quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
                strict=True,
            )
            _check_once(path, reader.fieldnames or [], text, label)
            return _pick(path, reader, text, label)
    except UnicodeDecodeError as error:
        message = f"{path}: no text in UTF-8 ({error}); save it as UTF-8"
        raise ValueError(message) from error
    except (OSError, pyarrow.ArrowException, csv.Error) as error:
        message = f"{path}: cannot be read ({error})"
        raise ValueError(message) from error


def _check_once(path: Path, columns: Sequence[str], *wanted: str) -> None:
    for column in wanted:
        if columns.count(column) > 1:
            message = f"{path}: {TWICE.format(column)}"
            raise ValueError(message)


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[Any]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            message = f"{path}, line {number}: no JSON ({error})"
            raise ValueError(message) from error


def _pick(path: Path, records: Iterable[Any], text: str, label: str) -> _Columns:
    columns = _Columns([], [])
    for row, record in enumerate(records):
        # Where the csv module puts what has no column.
        if isinstance(record, dict) and None in record:
            message = f"{path}, row {row}: more fields than columns; quote those with a separator"
            raise ValueError(message)
        for column, values in ((text, columns.texts), (label, columns.labels)):
            if not isinstance(record, dict) or column not in record:
                there = ", ".join(map(str, record)) if isinstance(record, dict) else repr(record)
                message = f"{path}, row {row}: no column '{column}'; there are {there}"
                raise ValueError(message)
            values.append(record[column])
    return columns
