"""Tiny copies of the layouts in which datasets are published."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image
from scipy.io import savemat


def picture(width: int = 9, height: int = 7, red: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (red, 0, 0)).save(buffer, format="JPEG")
    return buffer.getvalue()


def image_folder(root: Path) -> Path:
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            target = root / split / name
            target.mkdir(parents=True)
            for index in range(3):
                Image.new("RGB", (9, 7), (index, 0, 0)).save(target / f"{index}.png")
            (target / "notes.txt").write_text("no image")
            (target / "._0.png").write_bytes(b"what macOS leaves behind")
    return root


def cub(root: Path) -> Path:
    """Classes 2 and 5, each with two training images and one for testing."""
    folder = root / "CUB_200_2011"
    (folder / "parts").mkdir(parents=True)
    names = {2: "002.Laysan_Albatross", 5: "005.Crested_Auklet"}
    lines: dict[str, list[str]] = {name: [] for name in ("images", "labels", "split", "boxes")}
    parts: list[str] = []
    for image in range(1, 7):
        number = 2 if image <= 3 else 5
        name = f"{names[number]}/{image:04d}.jpg"
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(20 + image, 10, image))
        lines["images"].append(f"{image} {name}")
        lines["labels"].append(f"{image} {number}")
        lines["split"].append(f"{image} {int(image % 3 != 0)}")
        lines["boxes"].append(f"{image} 1.0 2.0 {image}.0 4.5")
        parts += [f"{image} 1 3.0 4.0 1", f"{image} 2 0.0 0.0 0", f"{image} 3 5.5 {image}.0 1"]
    for file, content in (
        ("images.txt", lines["images"]),
        ("image_class_labels.txt", lines["labels"]),
        ("train_test_split.txt", lines["split"]),
        ("bounding_boxes.txt", lines["boxes"]),
        ("classes.txt", [f"{number} {name}" for number, name in names.items()]),
        ("parts/part_locs.txt", parts),
    ):
        (folder / file).write_text("\n".join(content) + "\n")
    return root


def cars(root: Path, test_class: int = 2) -> Path:
    """Two classes with one image each in both splits; the test labels beside the devkit."""
    (root / "devkit").mkdir(parents=True)
    names = np.array(["Audi TT 2011", "Fiat 500 2012"], dtype=object)
    savemat(root / "devkit" / "cars_meta.mat", {"class_names": names[None]})
    for images, target, last in (
        ("cars_train", root / "devkit" / "cars_train_annos.mat", 2),
        ("cars_test", root / "cars_test_annos_withlabels.mat", test_class),
    ):
        (root / images).mkdir()
        rows = []
        for index, number in enumerate((1, last), start=1):
            (root / images / f"{index:05d}.jpg").write_bytes(picture(30, 20, index))
            rows.append((3, 4, 10, 9, number, f"{index:05d}.jpg"))
        fields = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]
        array = np.array([rows], dtype=[(field, object) for field in fields]).reshape(1, -1)
        savemat(target, {"annotations": array})
    return root


def parquet(
    path: Path, column: str, values: Sequence[Any], labels: Sequence[Any], names: list[str] | None
) -> None:
    """A file as the hub's library writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table({column: list(values), "label": list(labels)})
    if names is not None:
        feature = {"label": {"names": names, "_type": "ClassLabel"}}
        described = json.dumps({"info": {"features": feature}})
        table = table.replace_schema_metadata({"huggingface": described})
    pyarrow.parquet.write_table(table, path)
