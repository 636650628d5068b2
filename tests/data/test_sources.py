"""Digits and folders of images: splits, ids, and what is refused by every source."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError
from sklearn.datasets import load_digits

from tests.data import layouts
from whypretrain.data.sources import load_source
from whypretrain.data.table import read_split
from whypretrain.files.artifacts import ArtifactError
from whypretrain.settings.data import Dataset, Digits, ImageFolder, PrepareSettings
from whypretrain.stages import prepare


def test_digits_are_split_without_overlap_and_completely() -> None:
    splits = load_source(Digits(source="digits", classes=[5, 6, 7, 8, 9], train_per_class=20))
    _, targets = load_digits(return_X_y=True)
    assert splits.classes == ["5", "6", "7", "8", "9"]
    train, test = ({row.id for row in rows} for rows in (splits.train, splits.test))
    assert not train & test
    assert len(train) == 100
    assert len(train) + len(test) == (targets >= 5).sum()
    for row in splits.train + splits.test:
        assert targets[int(row.id)] == row.label + 5


def test_digits_keep_their_sixteen_grey_levels() -> None:
    splits = load_source(Digits(source="digits", classes=[0, 1], test_fraction=0.5))
    images, _ = load_digits(return_X_y=True)
    row = splits.train[3]
    assert isinstance(row.content, bytes)
    pixels = np.asarray(Image.open(io.BytesIO(row.content)))
    np.testing.assert_array_equal(np.round(pixels / 255 * 16), images[int(row.id)].reshape(8, 8))


def test_the_seed_decides_the_split() -> None:
    def ids(seed: int) -> list[str]:
        digits = Digits(source="digits", classes=[0, 1], train_per_class=5, seed=seed)
        return [row.id for row in load_source(digits).train]

    assert ids(0) == ids(0)
    assert ids(0) != ids(1)


def test_a_class_without_test_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"train_per_class = 500, .*: digit 0 has 178 images"):
        load_source(Digits(source="digits", classes=[0, 1], train_per_class=500))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return layouts.image_folder(tmp_path)


def test_a_folder_of_images_is_a_dataset(folder: Path) -> None:
    splits = load_source(ImageFolder(source="image_folder", path=str(folder)))
    assert splits.task == "image"
    assert splits.classes == ["cat", "dog"]
    assert [row.label for row in splits.train] == [0, 0, 0, 1, 1, 1]
    assert splits.test[4].id == "test/dog/1.png"


def test_class_folders_that_are_numbers_come_by_size(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / split / "cat").rename(folder / split / "10")
        (folder / split / "dog").rename(folder / split / "9")
    splits = load_source(ImageFolder(source="image_folder", path=str(folder)))
    assert splits.classes == ["9", "10"]


def test_a_folders_mistakes_are_named(folder: Path) -> None:
    dataset = ImageFolder(source="image_folder", path=str(folder))
    broken = folder / "train" / "cat" / "9.jpg"
    for content in (b"\xff\xd8 cut off", b"", layouts.picture(64, 64)[:-40]):
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=r"9\.jpg: no image that can be decoded"):
            load_source(dataset)
    broken.unlink()
    for path in (folder / "test" / "dog").glob("*.png"):
        path.unlink()
    with pytest.raises(ValueError, match="the test split has no image of class dog"):
        load_source(dataset)
    (folder / "test" / "bird").mkdir()
    with pytest.raises(ValueError, match="must hold the same two or more class folders"):
        load_source(dataset)


def test_the_number_of_classes_is_checked(folder: Path) -> None:
    with pytest.raises(ValueError, match="n_classes = 3: found 2 classes"):
        load_source(ImageFolder(source="image_folder", path=str(folder), n_classes=3))
    sizes = {"train": 6, "test": 7}
    said = r"sizes = \{'train': 6, 'test': 7\}: found 6 training and \d test images: take another"
    with pytest.raises(ValueError, match=said):
        load_source(dataset_of(source="image_folder", path=str(folder), sizes=sizes))


def test_a_path_may_name_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", str(folder.parent))
    dataset = ImageFolder(source="image_folder", path=f"${{IMAGES}}/{folder.name}")
    assert load_source(dataset).classes == ["cat", "dog"]
    monkeypatch.delenv("IMAGES")
    with pytest.raises(ValueError, match=r"the environment variable \${IMAGES} is not set"):
        load_source(dataset)
    with pytest.raises(FileNotFoundError, match="'/no/such/folder' is no folder"):
        load_source(ImageFolder(source="image_folder", path="/no/such/folder"))


ARCHIVE = {"url": "https://example.org/cub.tgz", "sha256": "0" * 64}
HUB = {"repo": "someone/pets", "revision": "a" * 40, "files": ["*"]}


def dataset_of(**values: object) -> Dataset:
    adapter: TypeAdapter[Dataset] = TypeAdapter(Dataset)
    return adapter.validate_python(values)


def test_a_download_is_read_once_it_is_complete(folder: Path) -> None:
    dataset = dataset_of(source="image_folder", hub=HUB)
    assert dataset.download_folder("pets") == "resources/datasets/pets"
    with pytest.raises(ValueError, match="give --downloaded"):
        load_source(dataset)
    with pytest.raises(ArtifactError, match=r"fetched\.json: not the record .*No such file.*mend"):
        load_source(dataset, folder)
    (folder / "fetched.json").write_text("{}")
    assert load_source(dataset, folder).classes == ["cat", "dog"]


def test_what_is_local_is_not_downloaded() -> None:
    assert dataset_of(source="cars", path="cars").download_folder("cars") is None
    assert (
        dataset_of(source="digits", classes=[0, 1], test_fraction=0.1).download_folder("x") is None
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "cub"}, "give one of path, hub, archive; given: none"),
        ({"source": "cub", "path": "x", "archive": ARCHIVE}, "given: path, archive"),
        ({"source": "cars", "path": "x", "hub": HUB}, "give one of path, hub; given: path, hub"),
        ({"source": "cars", "hub": HUB | {"revision": "main"}}, "hub.revision"),
        ({"source": "cub", "archive": ARCHIVE | {"url": "http://x.org/a"}}, "archive.url"),
        ({"source": "parquet", "path": "x", "classes": ["a", "a"]}, "a name is given twice"),
        ({"source": "imagenet", "path": "x"}, "'digits', 'image_folder', 'parquet', 'cub'"),
    ],
)
def test_a_wrong_configuration_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        dataset_of(**values)
    lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in caught.value.errors()]
    assert message in "\n".join(lines)


def test_every_source_has_a_task() -> None:
    table = {"source": "text_table", "path": "x", "train": "a", "test": "b"}
    assert dataset_of(**table).task == "text"
    assert dataset_of(source="parquet", path="x", task="text").task == "text"
    for source in ("cub", "cars", "image_folder", "parquet"):
        assert dataset_of(source=source, path="x").task == "image"


def test_the_stage_writes_what_the_source_has(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "fetched.json").write_text("{}")
    settings = PrepareSettings(dataset=dataset_of(source="image_folder", hub=HUB))
    train, test = tmp_path / "out" / "train.parquet", tmp_path / "out" / "test.parquet"
    arguments = ["--train", train, "--test", test, "--downloaded", folder]
    monkeypatch.setattr(
        sys, "argv", ["prepare", "--settings", settings.to_json(), *map(str, arguments)]
    )
    prepare.main()
    assert read_split(train).labels == [0, 0, 0, 1, 1, 1]
    assert read_split(test).ids[0] == "test/cat/0.png"
