"""Source `image_folder`: one folder a class, in `train/` and `test/`."""

from collections.abc import Iterator
from pathlib import Path

from whypretrain.data.sources.common import Splits, read_image
from whypretrain.data.table import Row

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}


def read_image_folder(root: Path) -> Splits:
    """Classes are the folders, by name; what is no image by its suffix is passed over.

    Raises
    ------
    ValueError
        If the splits differ in their classes or an image cannot be decoded.
    """
    found = {split: _class_folders(root / split) for split in ("train", "test")}
    if found["train"] != found["test"] or len(found["train"]) < 2:
        message = (
            f"{root}: train/ and test/ must hold the same two or more class folders; "
            f"train has {found['train']}, test has {found['test']}"
        )
        raise ValueError(message)
    classes = found["train"]
    train, test = (list(_rows(root, split, classes)) for split in ("train", "test"))
    return Splits("image", classes, train, test)


def _class_folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    # Hidden folders are tools' own, such as a notebook's checkpoints.
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _rows(root: Path, split: str, classes: list[str]) -> Iterator[Row]:
    for label, name in enumerate(classes):
        for path in sorted((root / split / name).rglob("*")):
            # macOS leaves "._name.jpg" beside "name.jpg".
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
                encoded, _ = read_image(path)
                yield Row(path.relative_to(root).as_posix(), encoded, label)
