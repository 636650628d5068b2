"""The prepared files of a dataset: one Parquet file a split, in the layout of the datasets hub.

Columns of images: `id` (string), `image` (struct of `bytes`, the encoded file, and `path`), `label`
(int64), `annotation` (string). Columns of text: `id`, `text` (string), `label`. The task and the
class names are in the file's metadata under `task` and `classes`, the names as JSON.

An annotation is JSON in pixels of the original image, or empty: `{"box": [x, y, width, height],
"parts": [[x, y], …], "size": [width, height]}`; `parts` are those that are visible.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow
import pyarrow.parquet

from whypretrain.files.artifacts import atomic_path, reading

# Not imported from the configuration: what reads a split shall not depend on how it was made.
Task = Literal["image", "text"]
"""What a dataset classifies."""
IMAGE = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
SCHEMAS: dict[Task, pyarrow.Schema] = {
    "image": pyarrow.schema(
        {"id": "string", "image": IMAGE, "label": "int64", "annotation": "string"}
    ),
    "text": pyarrow.schema({"id": "string", "text": "string", "label": "int64"}),
}
ROWS_AT_ONCE = 512  # a column of one batch holds at most 2 GiB


class Row(NamedTuple):
    """An image or a sentence: id (unique in the dataset), encoded or plain, class, annotation."""

    id: str
    content: bytes | str
    label: int
    annotation: str = ""


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


def class_order(names: Iterable[str]) -> list[str]:
    """Names of classes in order, each once: whole numbers by size, all others as text.

    >>> class_order(["10", "9", "9"]), class_order(["10", "9", "b"])
    (['9', '10'], ['10', '9', 'b'])
    """
    distinct = sorted(set(names))
    numbers = all(name.removeprefix("-").isdecimal() for name in distinct)
    return sorted(distinct, key=int) if numbers else distinct


class Split(NamedTuple):
    """One split in memory: images, still encoded, or texts; the other list is empty."""

    task: Task
    classes: list[str]
    ids: list[str]
    images: list[bytes]
    texts: list[str]
    labels: list[int]
    annotations: list[str]


def write_split(path: Path, rows: Sequence[Row], *, task: Task, classes: list[str]) -> None:
    """Write one split.

    Raises
    ------
    ValueError
        If there is no row, an id stands twice, or a label is no class.
    """
    _check([row.id for row in rows], [row.label for row in rows], classes)
    schema = SCHEMAS[task].with_metadata({"task": task, "classes": json.dumps(classes)})
    with atomic_path(path) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema) as writer:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            batch = [
                row._asdict()
                | {"text": row.content, "image": {"bytes": row.content, "path": row.id}}
                for row in rows[start : start + ROWS_AT_ONCE]
            ]
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))


def read_split(path: Path) -> Split:
    """Read one split.

    Raises
    ------
    ArtifactError
        If the file is damaged, of another layout, or contradicts itself.
    """
    with reading(path, "a prepared split"):
        # As a file: pyarrow would take a folder for a dataset, and names with = for its columns.
        table = pyarrow.parquet.ParquetFile(path).read()
        metadata = table.schema.metadata or {}
        task = next((task for task in SCHEMAS if metadata.get(b"task") == task.encode()), None)
        if task is None or b"classes" not in metadata:
            message = f"its metadata lacks task or classes (task {metadata.get(b'task')!r})"
            raise ValueError(message)
        if not table.schema.equals(SCHEMAS[task]):
            message = f"columns {_columns(table.schema)} rather than {_columns(SCHEMAS[task])}"
            raise ValueError(message)
        classes = [str(name) for name in json.loads(metadata[b"classes"])]
        columns = {name: table[name].to_pylist() for name in table.schema.names}
        images = [image["bytes"] for image in columns.get("image", [])]
        if any(value is None for column in (images, *columns.values()) for value in column):
            message = "a value is missing"
            raise ValueError(message)
        ids, labels, texts = columns["id"], columns["label"], columns.get("text", [])
        _check(ids, labels, classes)
    annotations = columns.get("annotation", [""] * len(ids))
    return Split(task, classes, ids, images, texts, labels, annotations)


def _columns(schema: pyarrow.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)


def _check(ids: list[str], labels: list[int], classes: list[str]) -> None:
    if not ids:
        message = "no rows"
        raise ValueError(message)
    [(name, count)] = Counter(ids).most_common(1)
    if count > 1:
        message = f"id '{name}' stands {count} times"
        raise ValueError(message)
    for name, label in zip(ids, labels, strict=True):
        if not 0 <= label < len(classes):
            message = f"label {label} of '{name}' is none of the {len(classes)} classes"
            raise ValueError(message)
