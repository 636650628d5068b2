"""Digits and folders of images: splits, ids, and what is refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from whypretrain.config.data import Digits, ImageFolder
from whypretrain.data.sources import load_source


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
    pixels = np.asarray(Image.open(io.BytesIO(row.image)))
    np.testing.assert_array_equal(np.round(pixels / 255 * 16), images[int(row.id)].reshape(8, 8))


def test_the_seed_decides_the_split() -> None:
    def ids(seed: int) -> list[str]:
        digits = Digits(source="digits", classes=[0, 1], train_per_class=5, seed=seed)
        return [row.id for row in load_source(digits).train]

    assert ids(0) == ids(0)
    assert ids(0) != ids(1)


def test_a_class_without_test_images_is_refused() -> None:
    with pytest.raises(ValueError, match="train_per_class = 500: digit 0 has 178 images"):
        load_source(Digits(source="digits", classes=[0, 1], train_per_class=500))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            target = tmp_path / split / name
            target.mkdir(parents=True)
            for index in range(3):
                Image.new("RGB", (9, 7), (index, 0, 0)).save(target / f"{index}.png")
            (target / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_of_images_is_a_dataset(folder: Path) -> None:
    splits = load_source(ImageFolder(source="image_folder", path=str(folder)))
    assert splits.classes == ["cat", "dog"]
    assert [row.label for row in splits.train] == [0, 0, 0, 1, 1, 1]
    assert splits.test[4].id == "test/dog/1.png"


def test_a_folders_mistakes_are_named(folder: Path) -> None:
    dataset = ImageFolder(source="image_folder", path=str(folder))
    broken = folder / "train" / "cat" / "9.jpg"
    broken.write_bytes(b"\xff\xd8 cut off")
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
    with pytest.raises(FileNotFoundError, match="'/no/such/folder' is no folder"):
        load_source(ImageFolder(source="image_folder", path="/no/such/folder"))
