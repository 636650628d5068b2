"""Source `image_folder`: one folder a class, in `train/` and `test/`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from whypretrain.data.sources.common import Splits, is_utf8, read_image
from whypretrain.data.table import Row
from whypretrain.files.progress import say

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
    beside = [p for p in (root / split).iterdir() if p.suffix.lower() in IMAGE_SUFFIXES]
    if stray := sorted(path.name for path in beside if path.is_file()):
        say(
            f"{root / split}: passed over images that are in no class's folder: {len(stray)}, the "
            f"first '{stray[0]}'"
        )
    others: Counter[str] = Counter()
    for label, name in enumerate(classes):
        for path in sorted((root / split / name).rglob("*")):
            # macOS leaves "._name.jpg" beside "name.jpg".
            if path.name.startswith(".") or not path.is_file():
                continue
            if path.suffix.lower() not in IMAGE_SUFFIXES:
                others[path.suffix.lower()] += 1
                continue
            relative = path.relative_to(root).as_posix()
            if not is_utf8(relative):
                message = f"{root}: the file name {relative!r} is no text in UTF-8; rename it"
                raise ValueError(message)
            encoded, _ = read_image(root, relative)
            yield Row(relative, encoded, label)
    if others:
        kinds = ", ".join(f"{suffix or 'no suffix'}: {n}" for suffix, n in sorted(others.items()))
        say(f"{root / split}: passed over what is no image by its suffix ({kinds})")
