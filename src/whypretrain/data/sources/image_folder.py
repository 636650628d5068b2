"""Source `image_folder`: one folder a class, in `train/` and `test/`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from whypretrain.data.encoded import image_size
from whypretrain.data.table import Row, Splits, class_order
from whypretrain.files.progress import say

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}


def read_image_folder(root: Path) -> Splits:
    """Classes are the folders, in :func:`class_order`; files that are no images are passed over.

    Raises
    ------
    ValueError
        If the splits differ in their classes or an image cannot be decoded.
    """
    # Hidden folders are tools' own, such as a notebook's checkpoints.
    train, test = (
        class_order(path.name for path in (root / split).glob("[!.]*") if path.is_dir())
        for split in ("train", "test")
    )
    if train != test or len(train) < 2:
        message = (
            f"{root}: train/ and test/ must hold the same two or more class folders; "
            f"train has {train}, test has {test}"
        )
        raise ValueError(message)
    return Splits("image", train, *(list(_rows(root, s, train)) for s in ("train", "test")))


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
            encoded = path.read_bytes()
            image_size(encoded, path)
            yield Row(path.relative_to(root).as_posix(), encoded, label)
    if others:
        kinds = ", ".join(f"{suffix or 'no suffix'}: {n}" for suffix, n in sorted(others.items()))
        say(f"{root / split}: passed over what is no image by its suffix ({kinds})")
