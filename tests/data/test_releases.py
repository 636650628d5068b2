"""CUB-200-2011 and Stanford Cars in the layouts of their releases."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.data import layouts
from whypretrain.data.sources import load_source
from whypretrain.settings.data import Cars, Cub

ASSETS = os.environ.get("WHYPRETRAIN_ASSETS")
"""A folder with real datasets, for those who have them."""


def test_birds_keep_the_official_split_their_boxes_and_visible_parts(tmp_path: Path) -> None:
    splits = load_source(Cub(source="cub", path=str(layouts.cub(tmp_path)), n_classes=2))
    assert splits.classes == ["002.Laysan_Albatross", "005.Crested_Auklet"]
    assert [row.id[-8:] for row in splits.train] == ["0001.jpg", "0002.jpg", "0004.jpg", "0005.jpg"]
    assert [row.label for row in splits.train] == [0, 0, 1, 1]
    assert [row.label for row in splits.test] == [0, 1]
    assert json.loads(splits.test[1].annotation) == {
        "box": [1, 2, 6, 4.5],
        "parts": [[3, 4], [5.5, 6]],
        "size": [26, 10],
    }
    direct = load_source(Cub(source="cub", path=str(tmp_path / "CUB_200_2011")))
    assert direct == splits


def test_what_is_wrong_with_birds_is_named(tmp_path: Path) -> None:
    dataset = Cub(source="cub", path=str(layouts.cub(tmp_path)))
    folder = tmp_path / "CUB_200_2011"

    def refused(file: str, old: str, new: str, message: str) -> None:
        path = folder / file
        kept = path.read_text()
        assert old in kept
        path.write_text(kept.replace(old, new))
        with pytest.raises(ValueError, match=message):
            load_source(dataset)
        path.write_text(kept)

    refused("image_class_labels.txt", "6 5", "", "no line for id 6")
    refused("image_class_labels.txt", "6 5", "6 7", r"classes\.txt: no line for id 7")
    refused("image_class_labels.txt", "6 5", "6 2", "test split has no image of class 005")
    refused("bounding_boxes.txt", "2 1.0 2.0", "2 1.0", r"bounding_boxes\.txt, line 2: .*\(not en")
    refused("parts/part_locs.txt", "1 1 3.0", "1 1 x", r"part_locs\.txt, line 1: .*\(could not")
    refused("images.txt", "1 002", "one 002", r"images\.txt, line 1: .* is no id and a value")
    refused("images.txt", "0003.jpg", "0001.jpg", "1 images are in both splits")
    image = folder / "images" / "005.Crested_Auklet" / "0004.jpg"
    image.write_bytes(b"")
    with pytest.raises(ValueError, match=r"0004\.jpg: no image that can be decoded"):
        load_source(dataset)
    image.unlink()
    with pytest.raises(FileNotFoundError, match=r"0004\.jpg: this image is listed but not there"):
        load_source(dataset)
    (folder / "bounding_boxes.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"bounding_boxes\.txt not found; looked for the"):
        load_source(dataset)


@pytest.mark.parametrize("deeper", [False, True])
def test_cars_have_boxes_that_count_from_zero(tmp_path: Path, deeper: bool) -> None:
    root = layouts.cars(tmp_path)
    if deeper:
        shutil.move(root / "cars_train", root / "moved")
        (root / "cars_train").mkdir()
        shutil.move(root / "moved", root / "cars_train" / "cars_train")
    splits = load_source(Cars(source="cars", path=str(root)))
    assert splits.classes == ["Audi TT 2011", "Fiat 500 2012"]
    assert [row.id for row in splits.train] == ["cars_train/00001.jpg", "cars_train/00002.jpg"]
    assert [row.label for row in splits.test] == [0, 1]
    # Pixels 3 to 10 and 4 to 9, counted from 1.
    expected = {"box": [2, 3, 8, 6], "parts": [], "size": [30, 20]}
    assert json.loads(splits.test[0].annotation) == expected


def test_what_is_wrong_with_cars_is_named(tmp_path: Path) -> None:
    beyond = layouts.cars(tmp_path / "beyond", test_class=3)
    with pytest.raises(ValueError, match=r"class 3 of 00002\.jpg is none of 1 to 2"):
        load_source(Cars(source="cars", path=str(beyond)))
    root = layouts.cars(tmp_path / "cars")
    dataset = Cars(source="cars", path=str(root))
    labels = root / "cars_test_annos_withlabels.mat"
    kept = labels.read_bytes()
    for content in (kept[:100], b"", (root / "devkit" / "cars_meta.mat").read_bytes()):
        labels.write_bytes(content)
        with pytest.raises(ValueError, match=r"withlabels\.mat: cannot be read as a MATLAB file"):
            load_source(dataset)
    labels.rename(root / "cars_test_annos.mat")
    with pytest.raises(FileNotFoundError, match=r"\(cars_test_annos\.mat has no labels\)"):
        load_source(dataset)
    (root / "devkit" / labels.name).write_bytes(kept)
    assert len(load_source(dataset).test) == 2
    shutil.rmtree(root / "cars_test")
    with pytest.raises(FileNotFoundError, match=r"cars_test/00001\.jpg: .* not there"):
        load_source(dataset)


@pytest.mark.skipif(ASSETS is None, reason="WHYPRETRAIN_ASSETS names no folder of real datasets")
def test_real_birds() -> None:
    splits = load_source(Cub(source="cub", path="$WHYPRETRAIN_ASSETS/cub20", n_classes=20))
    assert len(splits.train) + len(splits.test) == 1115
    for row in splits.train + splits.test:
        known = json.loads(row.annotation)
        (x, y, width, height), size = known["box"], known["size"]
        # Two of the boxes reach out of their images, as released.
        assert 0 <= x < x + width <= size[0] + 10
        assert 0 <= y < y + height <= size[1] + 10
        assert all(0 <= px <= size[0] and 0 <= py <= size[1] for px, py in known["parts"])
        assert 1 <= len(known["parts"]) <= 15
