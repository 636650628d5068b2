# ruff: noqa: E501  (a case a line)
"""Odd tables, releases and annotations: read, or one line by the stage that reads them first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from tests.conftest import SENTENCES, small, write_encoder
from tests.data import layouts
from tests.reliability.stages import run_prepare, run_samples
from whypretrain.data.table import read_split
from whypretrain.settings.models import ImageArchitecture

VGG = small("whypretrain_vgg")


# (what is wrong, name of the file, its content, what `prepare` ends with)
TABLES: list[tuple[str, str, bytes, str]] = [
    ("an empty file", "x.csv", b"", "no column 'label'; there are none"),
    ("a header alone", "x.csv", b"sentence,label\n", "found none among the 0 training sentences"),
    ("one class", "x.csv", b"sentence,label\na b,good\nc d,good\n", "at least two classes are needed, found 'good'"),
    ("other columns", "x.csv", b"text,label\na,good\n", "no column 'sentence'; there are text, label"),
    ("semicolons", "x.csv", b"sentence;label\na;good\n", "no column 'label'; there are sentence;label"),
    ("a column twice", "x.csv", b"sentence,label,label\na,good,bad\n", "two columns 'label', of which one"),
    ("Latin-1", "x.csv", "sentence,label\né,good\n".encode("latin-1"), "save it as UTF-8"),
    ("UTF-16", "x.csv", "sentence,label\na,good\n".encode("utf-16"), "save it as UTF-8"),
    ("an open quote", "x.csv", b'sentence,label\n"a,good\n', "cannot be read"),
    ("commas without quotes", "x.csv", b"sentence,label\na, b,good\n", "more fields than columns; quote those"),
    ("a missing label", "x.csv", b"sentence,label\na,good\nb,bad\nc\n", "row 2: label None is none of the 2"),
    ("a blank label", "x.csv", b"sentence,label\na,good\nb,bad\nc,  \n", "row 2: label None is none of"),
    ("an empty sentence", "x.csv", b"sentence,label\na,good\n,bad\n", "row 1: the sentence is ''; remove the row"),
    ("a blank sentence", "x.csv", b"sentence,label\na,good\n \t,bad\n", "row 1: the sentence is ' \\t'"),
    ("a field of a megabyte", "x.csv", b"sentence,label\n" + b"a" * 2**20 + b",good\n", "cannot be read (field larger"),
    ("no JSON", "x.jsonl", b'{"sentence": "a", "label": 0}\n{', "x.jsonl, line 2: no JSON"),
    ("a deep JSON", "x.jsonl", b"[" * 100_000, "x.jsonl, line 1: no JSON (maximum recursion"),
    ("a number of 5000 digits", "x.jsonl", b'{"label": ' + b"9" * 5000 + b"}", "x.jsonl, line 1: no JSON (Exceeds"),
    ("a list for a row", "x.jsonl", b"[1, 2]\n", "x.jsonl, line 1: no column 'label'; there are [1, 2]"),
    ("a list for a label", "x.jsonl", b'{"sentence": "a", "label": [1]}\n', "label [1] is neither text nor a whole number"),
    ("a fraction for a label", "x.jsonl", b'{"sentence": "a", "label": 0.5}\n', "label 0.5 is neither text nor"),
    ("null for a sentence", "x.jsonl", b'{"sentence": null, "label": 0}\n{"sentence": "a", "label": 1}\n', "the sentence is None"),
    ("a number for a sentence", "x.jsonl", b'{"sentence": 7, "label": 0}\n{"sentence": "a", "label": 1}\n', "the sentence is 7"),
    ("half a surrogate pair", "x.jsonl", b'{"sentence": "\\ud800", "label": 0}\n{"sentence": "a", "label": 1}\n', "is no text in UTF-8; correct it"),
    ("such a label", "x.jsonl", b'{"sentence": "a", "label": "\\ud800"}\n{"sentence": "b", "label": 1}\n', "the class '\\ud800' has no name that can be written"),
    ("no Parquet", "x.parquet", b"PAR1 nothing", "cannot be read"),
    ("a spreadsheet", "x.xlsx", b"PK", "the name must end in one of .csv, .tsv, .jsonl, .parquet"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "message"), [c[1:] for c in TABLES], ids=[c[0] for c in TABLES]
)
def test_a_table_that_is_none_is_named(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"other{name}").write_bytes(content)
    said = run_prepare(
        tmp_path / "out", source="text_table", path=str(tmp_path), train=name, test=f"other{name}"
    )
    assert message in said
    assert not (tmp_path / "out").exists()


# (what is odd, name, content, labels of the training rows, classes)
ODD_TABLES: list[tuple[str, str, bytes, list[int], list[str]]] = [
    ("a byte order mark", "x.csv", b"\xef\xbb\xbfsentence,label\na,good\nb,bad\n", [1, 0], ["bad", "good"]),
    ("Windows line ends", "x.csv", b"sentence,label\r\na,good\r\nb,bad\r\n", [1, 0], ["bad", "good"]),
    ("quotes and newlines", "x.csv", b'sentence,label\n"a ""b""\nc, d",good\nb,bad\n', [1, 0], ["bad", "good"]),
    ("more columns", "x.csv", b"id,label,sentence\n7,good,a\n8,bad,b\n", [1, 0], ["bad", "good"]),
    ("numbers by size", "x.csv", b"sentence,label\na,10\nb,9\n", [1, 0], ["9", "10"]),
    ("quotes in TSV", "x.tsv", b'sentence\tlabel\na "b\tgood\nc\tbad\n', [1, 0], ["bad", "good"]),
    ("blank lines", "x.jsonl", b'{"sentence": "a", "label": 1}\n\n{"sentence": "b", "label": 0}\n\n', [1, 0], ["0", "1"]),
    ("floats of a spreadsheet", "x.jsonl", b'{"sentence": "a", "label": 1.0}\n{"sentence": "b", "label": 0.0}\n', [1, 0], ["0", "1"]),
    ("class names that are no file names", "x.csv", b'sentence,label\na,../x/y\nb,"$(touch pwned); \'`"\n', [1, 0], ["$(touch pwned); '`", "../x/y"]),
    ("class names that are formulas", "x.csv", b"sentence,label\na,=1+1\nb,@x\n", [0, 1], ["=1+1", "@x"]),
    ("class names of any script", "x.csv", "sentence,label\na,좋다\nb,بد\n".encode(), [1, 0], ["بد", "좋다"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "labels", "classes"),
    [c[1:] for c in ODD_TABLES],
    ids=[c[0] for c in ODD_TABLES],
)
def test_an_odd_table_is_read(
    name: str, content: bytes, labels: list[int], classes: list[str], tmp_path: Path
) -> None:
    for file in (name, f"other{name}"):
        (tmp_path / file).write_bytes(content)
    table = {"path": str(tmp_path), "train": name, "test": f"other{name}"}
    assert run_prepare(tmp_path, source="text_table", **table) == ""
    split = read_split(tmp_path / "train.parquet")
    assert (split.labels, split.classes) == (labels, classes)


def parquet(path: Path, columns: dict[str, Any], metadata: dict[str, str] | None = None) -> None:
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)


def described(names: object) -> dict[str, str]:
    return {"huggingface": json.dumps({"info": {"features": {"label": {"names": names}}}})}


GOOD = {"sentence": ["a", "b"], "label": [0, 1]}
# (what is wrong, columns of the training split, metadata, what `prepare` ends with)
PARQUETS: list[tuple[str, dict[str, Any], dict[str, str] | None, str]] = [
    ("NaN for a label", {"sentence": ["a", "b", "c"], "label": [0.0, 1.0, float("nan")]}, None, "row 2: label None is none of"),
    ("a date for a label", {"sentence": ["a"], "label": [pd.Timestamp("2026-01-01")]}, None, "is neither text nor a whole number"),
    ("bytes for a label", {"sentence": ["a"], "label": [b"x"]}, None, "label b'x' is neither text nor"),
    ("a label outside", {"sentence": ["a", "b"], "label": [0, 7]}, described(["n", "y"]), "label 7 is none of the 2 classes"),
    ("a negative label", {"sentence": ["a", "b"], "label": [0, -1]}, described(["n", "y"]), "is published without labels"),
    ("two classes of one name", GOOD, described(["n", "n"]), "two classes have the name 'n'; rename one"),
    ("a class without a name", GOOD, described(["n", " "]), "the class ' ' has no name that can be written"),
    ("numbers for names", GOOD, described([1, 2]), "names of the classes in its metadata are [1, 2]"),
    ("a broken description", GOOD, {"huggingface": "{"}, "its description by the hub's library cannot be read"),
    ("another description", GOOD, {"huggingface": "[]"}, "its description by the hub's library cannot be read"),
    ("no row", {"sentence": pyarrow.array([], "string"), "label": pyarrow.array([], "int64")}, None, "found none among"),
    ("one class", {"sentence": ["a", "b"], "label": [1, 1]}, None, "at least two classes are needed, found '1'"),
    ("no label column", {"sentence": ["a"]}, None, "no column 'label'; there are sentence"),
    ("a missing sentence", {"sentence": ["a", None], "label": [0, 1]}, None, "row 1: the sentence is None"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "metadata", "message"), [c[1:] for c in PARQUETS], ids=[c[0] for c in PARQUETS]
)
def test_a_parquet_file_that_is_wrong_is_named(
    columns: dict[str, Any], metadata: dict[str, str] | None, message: str, tmp_path: Path
) -> None:
    parquet(tmp_path / "train.parquet", columns, metadata)
    parquet(tmp_path / "test.parquet", columns, metadata)
    said = run_prepare(tmp_path / "out", source="parquet", path=str(tmp_path), task="text")
    assert message in said


def test_a_column_of_one_name_twice_is_named(tmp_path: Path) -> None:
    table = pyarrow.table([["a", "b"], [0, 1], [1, 0]], names=["sentence", "label", "label"])
    for split in ("train", "test"):
        pyarrow.parquet.write_table(table, tmp_path / f"{split}.parquet")
    said = run_prepare(tmp_path / "out", source="parquet", path=str(tmp_path), task="text")
    assert "two columns 'label', of which one would be ignored" in said


def line(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / "CUB_200_2011" / file
        text = path.read_text()
        assert old in text
        path.write_bytes(text.replace(old, new, 1).encode("latin-1"))

    return change


# (what is wrong, what is done to a release of CUB, what `prepare` ends with)
RELEASES: list[tuple[str, Callable[[Path], None], str]] = [
    ("a box outside", line("bounding_boxes.txt", "1 1.0 2.0 1.0 4.5", "1 90.0 2.0 1.0 4.5"), "lies outside the image of 21×10 pixels"),
    ("a box of no size", line("bounding_boxes.txt", "1 1.0 2.0 1.0 4.5", "1 1.0 2.0 0.0 4.5"), "lies outside the image"),
    ("a box that is not finite", line("bounding_boxes.txt", "1 1.0 2.0", "1 nan 2.0"), "a number that is not finite"),
    ("a part at infinity", line("parts/part_locs.txt", "1 1 3.0", "1 1 inf"), "a number that is not finite"),
    ("an image up the tree", line("images.txt", "002.Laysan_Albatross/0001.jpg", "../../x.jpg"), "lies outside; correct the list"),
    ("an absolute path", line("images.txt", "002.Laysan_Albatross/0001.jpg", "/etc/x.jpg"), "lies outside; correct the list"),
    ("a missing image", line("images.txt", "0001.jpg", "9999.jpg"), "this image is listed but not there"),
    ("an id twice", line("images.txt", "2 002", "1 002"), "images.txt, line 2: id 1 stands twice"),
    ("an image twice", line("images.txt", "0002.jpg", "0001.jpg"), "stands 2 times"),
    ("a third split", line("train_test_split.txt", "1 1", "1 2"), "'2' is neither 0 (test) nor 1 (train)"),
    ("no UTF-8", line("classes.txt", "Laysan", "Läysan"), "classes.txt: no text in UTF-8"),
    ("a class without a name", line("classes.txt", "5 005", "6 005"), "classes.txt: no line for id 5"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"), [c[1:] for c in RELEASES], ids=[c[0] for c in RELEASES]
)
def test_a_release_that_was_changed_is_named(
    change: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    change(layouts.cub(tmp_path / "cub"))
    assert message in run_prepare(tmp_path / "out", source="cub", path=str(tmp_path / "cub"))


BOX = [[[0, 0], [0, 1]], [[5, 5]]]
# (what is wrong, sampling, annotations as a file's text, what `samples` ends with)
SAMPLES: list[tuple[str, dict[str, Any], str | None, str]] = [
    ("too few images", {"per_class": 999, "players": {"n": 2}}, None, "999 samples of class 5 are asked for, but only"),
    ("a region outside", {"players": {"n": 2}}, json.dumps({"{id}": [[[0, 0]], [[28, 0]]]}), "player 1 has pixel [28, 0], outside the image of 28×28"),
    ("regions that overlap", {"players": {"n": 2}}, json.dumps({"{id}": [[[0, 0]], [[0, 0]]]}), "players 0 and 1 overlap at pixel [0, 0]; correct the file"),
    ("an empty region", {"players": {"n": 2}}, json.dumps({"{id}": [[[0, 0]], []]}), "player 1: must be a list of pixels"),
    ("another number of regions", {"players": {"n": 3}}, json.dumps({"{id}": BOX}), "n_players = 3: 2 regions are drawn; correct the file"),
    ("an unknown id", {"players": {"n": 2}}, json.dumps({"nobody": BOX}), "can have 2 players of kind 'annotations'"),
    ("a deep file", {"players": {"n": 2}}, "[" * 100_000, "no JSON file of annotations (maximum recursion"),
    ("more than 64 bits", {"players": {"n": 2}}, json.dumps({"{id}": [[[0, 0]], [[2**70, 0]]]}), "player 1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sampling", "text", "message"), [c[1:] for c in SAMPLES], ids=[c[0] for c in SAMPLES]
)
def test_samples_that_cannot_be_drawn_are_named(
    sampling: dict[str, Any], text: str | None, message: str, tmp_path: Path
) -> None:
    digits = {"source": "digits", "classes": [5, 6], "train_per_class": 4}
    assert run_prepare(tmp_path, **digits) == ""
    if text is not None:
        ids = read_split(tmp_path / "test.parquet").ids
        named = {i: json.loads(text)["{id}"] for i in ids} if "{id}" in text else None
        path = tmp_path / "players.json"
        path.write_text(json.dumps(named) if named else text)
        sampling = {"players": {"kind": "annotations", "path": str(path), **sampling["players"]}}
    said = run_samples(tmp_path, VGG, **sampling)
    assert message in said
    assert text is None or "players.json" in said or "sampling: " in said
    assert not (tmp_path / "samples.h5").exists()


def test_a_bird_of_less_than_a_pixel_is_passed_over(tmp_path: Path) -> None:
    root = layouts.cub(tmp_path / "cub")
    line("bounding_boxes.txt", "3 1.0 2.0 3.0 4.5", "3 1.0 2.0 0.01 0.01")(root)
    assert run_prepare(tmp_path, source="cub", path=str(root)) == ""
    parts = {"kind": "parts", "n": 2}
    said = run_samples(
        tmp_path, ImageArchitecture(timm="x", image_size=28), per_class=1, players=parts
    )
    assert "only 0 of its 1 test samples can have 2 players of kind 'parts'" in said


def test_sentences_shorter_than_n_are_passed_over_or_named(tmp_path: Path) -> None:
    rows = pd.DataFrame(SENTENCES, columns=["sentence", "label"])
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.to_csv(tmp_path / "b.csv", index=False)
    table = {"source": "text_table", "path": str(tmp_path), "train": "a.csv", "test": "b.csv"}
    assert run_prepare(tmp_path, **table) == ""
    encoder = write_encoder(tmp_path / "bert", "bert")
    words = {"per_class": 2, "baseline": "mask_token"}
    assert run_samples(tmp_path, encoder, players={"kind": "words", "n": 8}, **words) == ""
    said = run_samples(tmp_path, encoder, players={"kind": "words", "n": 16}, **words)
    assert "only 0 of its 3 test samples can have 16 players of kind 'words'" in said
