"""The prepared files: what comes back, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from whypretrain.data.table import ROWS_AT_ONCE, SCHEMAS, Row, read_split, write_split
from whypretrain.files.artifacts import ArtifactError

IMAGES = [Row("a.png", b"\x89one", 0, '{"box": [1, 2, 3, 4]}'), Row("b.png", b"two", 1)]
TEXTS = [Row("t/0", "ein schöner Film", 1), Row("t/1", "a bad one", 0)]


def test_images_come_back(tmp_path: Path) -> None:
    write_split(tmp_path / "x.parquet", IMAGES, task="image", classes=["cat", "dog"])
    split = read_split(tmp_path / "x.parquet")
    assert split.task == "image"
    assert (split.classes, split.ids, split.labels) == (["cat", "dog"], ["a.png", "b.png"], [0, 1])
    assert split.images == [b"\x89one", b"two"]
    assert split.annotations == [IMAGES[0].annotation, ""]
    assert split.texts == []


def test_texts_come_back(tmp_path: Path) -> None:
    write_split(tmp_path / "x.parquet", TEXTS, task="text", classes=["negative", "positive"])
    split = read_split(tmp_path / "x.parquet")
    assert split.task == "text"
    assert split.texts == ["ein schöner Film", "a bad one"]
    assert split.images == []
    assert split.annotations == ["", ""]
    assert split.labels == [1, 0]


def test_more_rows_than_one_batch_stay_in_order(tmp_path: Path) -> None:
    rows = [Row(str(index), str(index), index % 2) for index in range(2 * ROWS_AT_ONCE + 3)]
    write_split(tmp_path / "x.parquet", rows, task="text", classes=["even", "odd"])
    assert read_split(tmp_path / "x.parquet").ids == [row.id for row in rows]


MISTAKES: list[tuple[list[Row], str]] = [
    ([], "no rows"),
    ([TEXTS[0], TEXTS[0]], "id 't/0' stands 2 times"),
    ([TEXTS[0], Row("t/9", "text", 2)], "label 2 of 't/9' is none of the 2 classes"),
    ([TEXTS[0], Row("t/9", "text", -1)], "label -1 of 't/9' is none of the 2 classes"),
]


@pytest.mark.parametrize(("rows", "message"), MISTAKES)
def test_rows_that_contradict_themselves_are_neither_written_nor_read(
    rows: list[Row], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(ValueError, match=message):
        write_split(path, rows, task="text", classes=["no", "yes"])
    assert not list(tmp_path.iterdir())
    records = [{"id": row.id, "text": row.content, "label": row.label} for row in rows]
    write_raw(path, records, {"task": "text", "classes": json.dumps(["no", "yes"])})
    with pytest.raises(ArtifactError, match=rf"not a prepared split \({message}\); mend it"):
        read_split(path)


def write_raw(path: Path, records: list[dict[str, Any]], metadata: dict[str, str]) -> None:
    schema = SCHEMAS["text"].with_metadata(metadata)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records, schema=schema), path)


def test_another_layout_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    record = {"id": "1", "text": "good", "label": 0}
    classes = json.dumps(["no", "yes"])
    for metadata, message in (
        ({"classes": classes}, "lacks task or classes"),
        ({"task": "sound", "classes": classes}, r"lacks task or classes \(task b'sound'\)"),
        (
            {"task": "image", "classes": classes},
            r"columns id \(string\), text .* rather than",
        ),
        ({"task": "text", "classes": "{"}, "not a prepared split"),
    ):
        write_raw(path, [record], metadata)
        with pytest.raises(ArtifactError, match=message):
            read_split(path)
    write_raw(path, [record | {"text": None}], {"task": "text", "classes": classes})
    with pytest.raises(ArtifactError, match="a value is missing"):
        read_split(path)
    with pytest.raises(ArtifactError, match=r"none\.parquet: not a prepared split"):
        read_split(tmp_path / "none.parquet")
