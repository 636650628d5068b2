"""What a person should know of a dataset that can be used as it is."""

from collections.abc import Iterator, Sequence

from PIL import ExifTags, Image

from whypretrain.data.encoded import opened
from whypretrain.data.table import Row, Splits


def remarks(splits: Splits) -> list[str]:
    """One line a remark, with how many rows it is true of and the first of them."""
    found = [*_repeats(splits)]
    if splits.task == "image":
        found += _pictures((*splits.train, *splits.test))
    # What spreadsheets compute.
    if names := [name for name in splits.classes if name.startswith(("=", "+", "-", "@"))]:
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
            torn.append((first.id, row.id))
    both = [(row.id, in_train[key].id) for row in splits.test if (key := _content(row)) in in_train]
    unit = splits.unit
    if both:
        yield (
            f"{len(both)} test {unit}s are training {unit}s too, the first '{both[0][0]}' and "
            f"'{both[0][1]}': test accuracy counts what was seen"
        )
    if torn:
        yield (
            f"{len(torn)} training {unit}s stand twice with different labels, the first "
            f"'{torn[0][0]}' and '{torn[0][1]}'"
        )


def _content(row: Row) -> bytes | str:
    return row.content if isinstance(row.content, bytes) else " ".join(row.content.split())


def _pictures(rows: Sequence[Row]) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for row in rows:
        assert isinstance(row.content, bytes)
        with opened(row.content) as picture:
            for what in _oddities(picture):
                found.setdefault(what, []).append(row.id)
    for what, ids in found.items():
        yield f"{len(ids)} of the images, the first '{ids[0]}': each {what}"


def _oddities(picture: Image.Image) -> Iterator[str]:
    if picture.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1):
        yield "carries a rotation in its EXIF data, which is not applied: rotate its pixels"
    # What cameras put behind a JPEG (MPO) is no second frame.
    if getattr(picture, "is_animated", False) and picture.format != "MPO":
        yield "has several frames, of which the first is taken"
    if picture.has_transparency_data:
        alpha = picture.convert("RGBA").getchannel("A")
        if any(alpha.histogram()[:255]):
            yield "is transparent, which is dropped: what the file has there shows"
