"""What a person should know of a dataset that can be used as it is."""

from collections.abc import Iterator, Sequence

from PIL import ExifTags, Image

from whypretrain.data.encoded import opened
from whypretrain.data.sources.common import Splits
from whypretrain.data.table import Row

FORMULA = ("=", "+", "-", "@")
"""How a cell begins that spreadsheets compute."""


def remarks(splits: Splits) -> list[str]:
    """One line a remark, with how many rows it is true of and the first of them."""
    found = [*_repeats(splits)]
    if splits.task == "image":
        found += _pictures(splits)
    if names := [name for name in splits.classes if name.startswith(FORMULA)]:
        found.append(
            f"class '{names[0]}' begins like a formula: import the CSV files into a spreadsheet "
            f"as text"
        )
    return found


def _repeats(splits: Splits) -> Iterator[str]:
    in_train: dict[bytes | str, Row] = {}
    torn = []
    for row in splits.train:
        first = in_train.setdefault(_content(row), row)
        if first.label != row.label:
            torn.append((first, row))
    both = [(in_train[key], row) for row in splits.test if (key := _content(row)) in in_train]
    unit = splits.unit
    if both:
        yield (
            f"{len(both)} test {unit}s are training {unit}s too, the first '{both[0][1].id}' and "
            f"'{both[0][0].id}': test accuracy counts what was seen"
        )
    if torn:
        yield (
            f"{len(torn)} training {unit}s stand twice with different labels, the first "
            f"'{torn[0][0].id}' and '{torn[0][1].id}'"
        )


def _content(row: Row) -> bytes | str:
    return row.content if isinstance(row.content, bytes) else " ".join(row.content.split())


def _pictures(splits: Splits) -> Iterator[str]:
    turned, animated, transparent = [], [], []
    for row in (*splits.train, *splits.test):
        assert isinstance(row.content, bytes)
        with opened(row.content) as picture:
            if picture.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1):
                turned.append(row)
            # What cameras put behind a JPEG (MPO) is no second frame.
            if getattr(picture, "is_animated", False) and picture.format != "MPO":
                animated.append(row)
            if picture.has_transparency_data and _shows_through(picture):
                transparent.append(row)
    yield from _counted(
        turned, "carries a rotation in its EXIF data, which is not applied: rotate its pixels"
    )
    yield from _counted(animated, "has several frames, of which the first is taken")
    yield from _counted(
        transparent, "is transparent, which is dropped: what the file has there shows"
    )


def _shows_through(picture: Image.Image) -> bool:
    return any(picture.convert("RGBA").getchannel("A").histogram()[:255])


def _counted(rows: Sequence[Row], what: str) -> Iterator[str]:
    if rows:
        yield f"{len(rows)} of the images, the first '{rows[0].id}': each {what}"
