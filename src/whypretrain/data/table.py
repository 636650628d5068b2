"""The prepared files of a dataset: one Parquet file a split, in the layout of the datasets hub.

Columns: `id` (string), `image` (struct of `bytes`, the encoded file, and `path`), `label` (int64).
The class names are in the file's metadata under `classes`, as JSON.
"""

import json
from pathlib import Path
from typing import NamedTuple

import pyarrow
import pyarrow.parquet

from whypretrain.artifacts import ArtifactError, atomic_path

SCHEMA = pyarrow.schema(
    [
        ("id", pyarrow.string()),
        ("image", pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])),
        ("label", pyarrow.int64()),
    ]
)


class Row(NamedTuple):
    """One image: its id (unique in the dataset), encoded bytes and class."""

    id: str
    image: bytes
    label: int


class Split(NamedTuple):
    """One split in memory, images still encoded."""

    classes: list[str]
    ids: list[str]
    images: list[bytes]
    labels: list[int]


def write_split(path: Path, rows: list[Row], classes: list[str]) -> None:
    """Write one split."""
    schema = SCHEMA.with_metadata({"classes": json.dumps(classes)})
    columns = [
        [row.id for row in rows],
        [{"bytes": row.image, "path": row.id} for row in rows],
        [row.label for row in rows],
    ]
    table = pyarrow.table(columns, schema=schema)
    with atomic_path(path) as temporary:
        pyarrow.parquet.write_table(table, temporary)


def read_split(path: Path) -> Split:
    """Read one split.

    Raises
    ------
    ArtifactError
        If the file is damaged or of another layout.
    """
    try:
        table = pyarrow.parquet.read_table(path)
        classes = json.loads(table.schema.metadata[b"classes"])
        images = [image["bytes"] for image in table["image"].to_pylist()]
        return Split(classes, table["id"].to_pylist(), images, table["label"].to_pylist())
    except (pyarrow.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        message = f"{path}: not a prepared split ({error}); delete it and run snakemake again"
        raise ArtifactError(message) from error
