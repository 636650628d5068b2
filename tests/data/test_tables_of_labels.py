"""Parquet files in the hub's layout and a user's own tables: columns, labels, subsets."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tests.data.layouts import parquet, picture
from whypretrain.data.sources import load_source
from whypretrain.data.table import Splits
from whypretrain.settings.data import HubParquet, TextTable

ASSETS = os.environ.get("WHYPRETRAIN_ASSETS")
needs_assets = pytest.mark.skipif(
    ASSETS is None, reason="WHYPRETRAIN_ASSETS names no folder of real datasets"
)
NAMES = ["negative", "positive"]


def images(count: int) -> list[dict[str, Any]]:
    return [{"bytes": picture(red=index), "path": None} for index in range(count)]


def load(root: Path, **values: Any) -> Splits:
    return load_source(HubParquet(source="parquet", path=str(root), **values))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two shards to train on, one to test on."""
    for shard in range(2):
        path = tmp_path / "plain_text" / f"train-0000{shard}-of-00002.parquet"
        parquet(path, "image", images(6), [0, 1, 2] * 2, ["cat", "dog", "cow"])
    path = tmp_path / "plain_text" / "test-00000-of-00001.parquet"
    parquet(path, "image", images(6), [2, 1, 0] * 2, ["cat", "dog", "cow"])
    return tmp_path


def test_shards_are_one_split_with_the_names_of_the_files(pets: Path) -> None:
    splits = load(pets, n_classes=3)
    assert (splits.task, splits.classes) == ("image", ["cat", "dog", "cow"])
    assert [row.label for row in splits.train] == [0, 1, 2] * 4
    assert splits.train[7].id == "train/000007"
    assert splits.train[7].content == picture(red=1)


def test_a_subset_has_so_many_of_each_class_and_grows_without_change(pets: Path) -> None:
    few, more = (load(pets, max_train_per_class=count, seed=3) for count in (2, 3))
    assert Counter(row.label for row in few.train) == {0: 2, 1: 2, 2: 2}
    assert {row.id for row in few.train} < {row.id for row in more.train}
    assert few.train == sorted(few.train)
    assert len(few.test) == 6
    assert len({tuple(load(pets, max_train_per_class=1, seed=s).train) for s in range(9)}) > 1
    every = {row.id: row for row in load(pets).train}
    assert all(every[row.id] == row for row in few.train)
    assert len(load(pets, max_test_per_class=1).test) == 3


@pytest.mark.parametrize("name", ["{}.parquet", "default/{}/0000.parquet", "data/{}/part.parquet"])
def test_other_layouts_of_the_hub_are_found(tmp_path: Path, name: str) -> None:
    root = tmp_path / "train"  # a name that is no hint
    for split in ("train", "validation", "test"):
        texts = [f"{split} 0", f"{split} 1"]
        parquet(root / name.format(split), "sentence", texts, [0, 1], NAMES)
    parquet(root / ".cache" / "train.parquet", "sentence", ["x"], [0], NAMES)
    splits = load(root, task="text", test_split="validation")
    assert [row.content for row in splits.train] == ["train 0", "train 1"]
    assert [row.content for row in splits.test] == ["validation 0", "validation 1"]


def test_a_split_without_labels_is_refused_with_the_way_out(tmp_path: Path) -> None:
    for split, labels in (("train", [0, 1]), ("validation", [1, 0]), ("test", [-1, -1])):
        parquet(tmp_path / f"{split}.parquet", "sentence", ["good", "bad"], labels, NAMES)
    with pytest.raises(ValueError, match=r"split 'test'.* label -1 .*without labels: .*'validat"):
        load(tmp_path, task="text")
    assert load(tmp_path, task="text", test_split="validation").classes == NAMES


@pytest.mark.parametrize(
    ("labels", "classes", "names", "found"),
    [
        ([0, 1], ["bad", "good"], ["bad", "good"], [0, 1]),
        ([3, 12], None, ["3", "12"], [0, 1]),
        (["n", "y"], None, ["n", "y"], [0, 1]),
        (["n", "y"], ["y", "n"], ["y", "n"], [1, 0]),
        ([True, False], None, ["False", "True"], [1, 0]),
    ],
)
def test_labels_without_names_in_the_file(
    tmp_path: Path, labels: list[Any], classes: list[str] | None, names: list[str], found: list[int]
) -> None:
    for split in ("train", "test"):
        parquet(tmp_path / f"{split}.parquet", "sentence", ["a", "b"], labels, None)
    splits = load(tmp_path, task="text", classes=classes)
    assert splits.classes == names
    assert [row.label for row in splits.test] == found


@pytest.mark.parametrize("value", [7, -2, None])
def test_a_label_outside_the_classes_is_refused(tmp_path: Path, value: int | None) -> None:
    for names in (NAMES, None):
        parquet(tmp_path / "train.parquet", "sentence", ["a", "b"], [0, 1], names)
        parquet(tmp_path / "test.parquet", "sentence", ["a", "b", "c"], [0, 1, value], names)
        with pytest.raises(ValueError, match=rf"row 2: label {value} is none of the 2 classes"):
            load(tmp_path, task="text")


def test_what_is_wrong_with_parquet_files_is_named(pets: Path) -> None:
    with pytest.raises(ValueError, match="no column 'img'; there are image, label"):
        load(pets, image_column="img")
    with pytest.raises(ValueError, match=r"column 'label' holds int, not an encoded image"):
        load(pets, image_column="label")
    with pytest.raises(FileNotFoundError, match=r"no file of split 'dev'; looked for .*dev\.parq"):
        load(pets, test_split="dev")
    with pytest.raises(ValueError, match="n_classes = 4: found 3"):
        load(pets, n_classes=4)
    test = pets / "plain_text" / "test-00000-of-00001.parquet"
    broken = [*images(2), {"bytes": b"nothing", "path": None}]
    parquet(test, "image", broken, [0, 1, 2], ["cat", "dog", "cow"])
    with pytest.raises(ValueError, match="split 'test', row 2: no image that can be decoded"):
        load(pets)
    parquet(test, "image", images(2), [0, 1], None)
    with pytest.raises(ValueError, match="the test split has no image of class cow"):
        load(pets)
    test.write_bytes(test.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"test-.*\.parquet: cannot be read"):
        load(pets)
    (pets / "plain_text" / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(ValueError, match=r"1 files of the split .* say that there are 2"):
        load(pets)
    parquet(pets / "other" / "train.parquet", "image", images(2), [0, 1], None)
    with pytest.raises(ValueError, match=r"several folders \(other, plain_text\)"):
        load(pets)


@pytest.mark.parametrize("sentence", ["", "  \t", None])
def test_an_empty_sentence_is_refused(tmp_path: Path, sentence: str | None) -> None:
    parquet(tmp_path / "train.parquet", "sentence", ["a", sentence], [0, 1], NAMES)
    parquet(tmp_path / "test.parquet", "sentence", ["a", "b"], [0, 1], NAMES)
    with pytest.raises(ValueError, match="split 'train', row 1: the sentence is"):
        load(tmp_path, task="text")


ROWS = [('a "quoted" film', "good"), ("dull, long", "bad"), ("fine", "good")]


def write_table(path: Path, rows: list[tuple[str, str]]) -> None:
    if path.suffix == ".csv":
        lines = [f'"{text.replace(chr(34), chr(34) * 2)}",{label}' for text, label in rows]
        path.write_text("\ufeffsentence,label\r\n" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    elif path.suffix == ".tsv":
        path.write_text("sentence\tlabel\n" + "\n".join("\t".join(row) for row in rows) + "\n")
    elif path.suffix == ".jsonl":
        records = [json.dumps({"sentence": text, "label": label}) for text, label in rows]
        path.write_text("\n".join(records) + "\n\n")
    else:
        columns = [list(column) for column in zip(*rows, strict=True)]
        table = pyarrow.table(columns, names=["sentence", "label"])
        pyarrow.parquet.write_table(table, path)


def tables(root: Path, suffix: str, **values: Any) -> TextTable:
    train, test = f"train{suffix}", f"test{suffix}"
    return TextTable(source="text_table", path=str(root), train=train, test=test, **values)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_tables_of_ones_own(tmp_path: Path, suffix: str) -> None:
    dataset = tables(tmp_path, suffix)
    for name in (dataset.train, dataset.test):
        write_table(tmp_path / name, ROWS)
    splits = load_source(dataset)
    assert (splits.task, splits.classes) == ("text", ["bad", "good"])
    assert [(row.content, splits.classes[row.label]) for row in splits.test] == ROWS
    assert splits.train[2].id == f"{dataset.train}/000002"


def test_numbers_in_a_table_of_text_are_positions_in_classes(tmp_path: Path) -> None:
    rows = [("one", "1"), ("nought", "0")]
    for name in ("train.csv", "test.csv"):
        write_table(tmp_path / name, rows)
    named = load_source(tables(tmp_path, ".csv", classes=NAMES))
    assert [row.label for row in named.train] == [1, 0]
    assert load_source(tables(tmp_path, ".csv")).classes == ["0", "1"]
    write_table(tmp_path / "test.csv", [*rows, ("two", "2")])
    with pytest.raises(
        ValueError, match=r"row 2: label '2' is none of the 2 classes \(negative, p"
    ):
        load_source(tables(tmp_path, ".csv", classes=NAMES))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na,good\n", "no column 'sentence'; there are text, label"),
        ("sentence,label\na, b,good\n", "row 0: more fields than columns"),
        ("sentence,label\n,good\nb,bad\n", "row 0: the sentence is ''"),
        ("sentence,label\na\n", "row 0: label None is none of the 2 classes"),
        ("sentence,label\na,good\n", "the test split has no sentence of class bad"),
        ("sentence,label\n", "the test split has no sentence of class bad, good"),
        ('sentence,label\n"a,good\n', "cannot be read"),
        ("sentence,label\n\xe9,good\n", "save it as UTF-8"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(tmp_path: Path, content: str, message: str) -> None:
    write_table(tmp_path / "train.csv", ROWS)
    (tmp_path / "test.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=message):
        load_source(tables(tmp_path, ".csv"))


def test_files_of_tables_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train\.csv: cannot be read \(.*No such file"):
        load_source(tables(tmp_path, ".csv"))
    (tmp_path / "train.xlsx").touch()
    with pytest.raises(ValueError, match=r"must end in one of \.csv, \.tsv, \.jsonl, \.parquet"):
        load_source(tables(tmp_path, ".xlsx"))
    for content, message in (("{", "train.jsonl, line 1: no JSON"), ("[1]", r"there are \[1\]")):
        (tmp_path / "train.jsonl").write_text(content)
        with pytest.raises(ValueError, match=message):
            load_source(tables(tmp_path, ".jsonl"))


@needs_assets
def test_real_cifar() -> None:
    splits = load(
        Path("$WHYPRETRAIN_ASSETS/cifar10"),
        image_column="img",
        n_classes=10,
        max_train_per_class=20,
        max_test_per_class=5,
    )
    assert (len(splits.train), len(splits.test)) == (200, 50)
    assert splits.classes[0] == "airplane"


@needs_assets
def test_real_sst2() -> None:
    splits = load(Path("$WHYPRETRAIN_ASSETS/sst2"), task="text", test_split="validation")
    assert (len(splits.train), len(splits.test)) == (67349, 872)
    assert splits.classes == NAMES


def test_a_folder_that_datasets_saved(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features(
        {"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    rows = {"sentence": ["dull", "witty", "slow", "warm"], "label": [0, 1, 0, 1]}
    split = datasets.Dataset.from_dict(rows, features=features)
    saved = datasets.DatasetDict({"train": split, "test": split.select([0, 1])})
    saved.save_to_disk(tmp_path / "saved")
    dataset = HubParquet(source="parquet", task="text", path=str(tmp_path / "saved"))
    found = load_source(dataset)
    assert found.classes == ["bad", "good"]
    assert [row.content for row in found.train] == rows["sentence"]
    assert [row.label for row in found.test] == [0, 1]
    (tmp_path / "saved" / "train" / "data-00000-of-00001.arrow").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"data-00000-of-00001\.arrow: .*cannot be read"):
        load_source(dataset)
