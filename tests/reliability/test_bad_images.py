# ruff: noqa: E501  (a case a line)
"""Odd images: handled as docs/bring-your-own.md says, or one line by the stage `prepare`."""

import io
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import small
from tests.data import layouts
from tests.reliability.stages import run_prepare, run_samples
from whypretrain.data.encoded import decode
from whypretrain.data.table import read_split

VGG = small("whypretrain_vgg")
RAMP = np.linspace(0, 255, 16).astype(np.uint8)[None].repeat(8, axis=0)


def encoded(pixels: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(RAMP, "JPEG", exif=exif, quality=100)


def with_alpha(mode: str) -> bytes:
    picture = Image.fromarray(RAMP).convert(mode)
    picture.putalpha(Image.new("L", picture.size, 9))
    return encoded(picture)


def animated(kind: str) -> bytes:
    frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    options = {"lossless": True} if kind == "WEBP" else {}
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)


def huge(side: int) -> bytes:
    """An image whose header promises side × side pixels."""
    small_one = bytearray(encoded(np.zeros((1, 1), dtype=np.uint8)))
    small_one[16:24] = side.to_bytes(4, "big") * 2
    small_one[29:33] = zlib.crc32(bytes(small_one[12:29])).to_bytes(4, "big")
    return bytes(small_one)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(pwned) (w) file\n"

# (what is odd, the file, what `prepare` says of it as a warning or "" if nothing need be said)
HANDLED: list[tuple[str, Callable[[], bytes], str]] = [
    ("grey", lambda: encoded(RAMP), ""),
    ("RGB", lambda: encoded(Image.fromarray(RAMP).convert("RGB")), ""),
    ("CMYK", lambda: encoded(Image.fromarray(RAMP).convert("RGB").convert("CMYK"), "TIFF"), ""),
    ("YCbCr", lambda: encoded(Image.fromarray(RAMP).convert("YCbCr"), "TIFF"), ""),
    ("a palette", lambda: encoded(Image.fromarray(RAMP).convert("P")), ""),
    ("16 bits, PNG", lambda: encoded(RAMP.astype(np.uint16) * 257), ""),
    ("16 bits, TIFF", lambda: encoded(RAMP.astype(np.uint16) * 257, "TIFF"), ""),
    ("grey with alpha", lambda: with_alpha("LA"), "is transparent, which is dropped"),
    ("RGB with alpha", lambda: with_alpha("RGBA"), "is transparent, which is dropped"),
    ("an opaque alpha", lambda: encoded(Image.fromarray(RAMP).convert("RGBA")), ""),
    ("turned by EXIF", turned, "carries a rotation in its EXIF data, which is not applied"),
    ("an animated PNG", lambda: animated("PNG"), "has several frames, of which the first is taken"),
    ("an animated WebP", lambda: animated("WEBP"), "has several frames"),
    ("pages of a TIFF", lambda: animated("TIFF"), "has several frames"),
    ("a GIF with another name", lambda: animated("GIF"), "has several frames"),
    ("progressive JPEG", lambda: encoded(RAMP, "JPEG", progressive=True, quality=100), ""),
]  # fmt: skip

# (what is wrong, the file, what `prepare` ends with)
REFUSED_IMAGES: list[tuple[str, Callable[[], bytes], str]] = [
    ("nothing", lambda: b"", "no image that can be decoded"),
    ("text", lambda: b"not an image", "no image that can be decoded"),
    ("half a file", lambda: encoded(np.random.default_rng(0).integers(0, 256, (9, 9), np.uint8))[:90], "no image that can be decoded"),
    ("half a JPEG", lambda: layouts.picture(64, 64)[:-40], "no image that can be decoded"),
    ("a bomb", lambda: huge(60_000), "decompression bomb DOS attack. Scale the image down"),
    ("a small bomb", lambda: huge(10_000), "decompression bomb DOS attack. Scale the image down"),
    ("no pixel", lambda: huge(0), "no image that can be decoded"),
    ("32-bit numbers", lambda: encoded(RAMP.astype(np.int32), "TIFF"), "pixels of mode 'I' have no known range"),
    ("floats", lambda: encoded((RAMP / 255).astype(np.float32), "TIFF"), "pixels of mode 'F' have no known range"),
    ("LAB", lambda: encoded(Image.new("LAB", (4, 4)), "TIFF"), "pixels of mode 'LAB' have no known range"),
    ("PostScript", lambda: EPS, "no image that can be decoded"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return layouts.image_folder(tmp_path / "images")


def prepare_folder(folder: Path, out: Path) -> str:
    return run_prepare(out, source="image_folder", path=str(folder))


@pytest.mark.parametrize(("file", "remark"), [c[1:] for c in HANDLED], ids=[c[0] for c in HANDLED])
def test_an_odd_image_is_handled(
    file: Callable[[], bytes],
    remark: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "train" / "cat" / "odd.png").write_bytes(file())
    assert prepare_folder(folder, tmp_path / "out") == ""
    said = [line for line in capsys.readouterr().err.splitlines() if "odd.png" in line]
    assert (remark in said[0]) if remark else not said
    split = read_split(tmp_path / "out" / "train.parquet")
    stored = split.images[split.ids.index("train/cat/odd.png")]
    for channels in (1, 3):
        pixels = decode(stored, size=16, channels=channels)
        assert pixels.shape == (channels, 16, 16)
        # A ramp from black to white in every form; CMYK and JPEG round.
        assert np.abs(pixels[:, 8].astype(int) - RAMP[0]).max() <= 6


@pytest.mark.parametrize(
    ("file", "message"), [c[1:] for c in REFUSED_IMAGES], ids=[c[0] for c in REFUSED_IMAGES]
)
def test_an_image_that_is_none_is_named(
    file: Callable[[], bytes], message: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "test" / "dog" / "odd.png").write_bytes(file())
    said = prepare_folder(folder, tmp_path / "out")
    assert f"{folder}/test/dog/odd.png: " in said
    assert message in said
    assert not (tmp_path / "out").exists()


def test_a_one_pixel_image_is_an_image(folder: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            for path in (folder / split / name).glob("[0-9].png"):
                path.write_bytes(encoded(RAMP[:1, :1] + len(name) + int(path.stem)))
    assert prepare_folder(folder, tmp_path) == ""
    for players in ({"n": 4, "cells": 4, "margin": 0}, {"kind": "superpixels", "n": 5}):
        assert run_samples(tmp_path, VGG, per_class=2, players=players) == ""
    assert len(pd.read_csv(tmp_path / "samples.csv")) == 4


def image(folder: Path, name: str, content: bytes | None = None) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(layouts.picture() if content is None else content)


def without(pattern: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def to_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder")


def to_gif(folder: Path) -> None:
    for path in list((folder / "test" / "dog").glob("[0-9].png")):
        path.rename(path.with_suffix(".gif"))


# (what is wrong, what is done to a folder of images, what `prepare` ends with)
FOLDERS: list[tuple[str, Callable[[Path], None], str]] = [
    ("no folder", shutil.rmtree, "is no folder"),
    ("a file for a folder", to_a_file, "is no folder"),
    ("an empty folder", without("*"), "train/ and test/ must hold the same two or more class folders; train has []"),
    ("no test folder", without("test"), "must hold the same two or more class folders"),
    ("one class", without("*/dog"), "train has ['cat'], test has ['cat']"),
    ("a class in one split alone", lambda f: image(f, "test/bird/0.png"), "test has ['bird', 'cat', 'dog']"),
    ("an empty class", without("test/dog/*.png"), "the test split has no image of class dog"),
    ("images of no known suffix", to_gif, "the test split has no image of class dog"),
    ("a file name that is no text", lambda f: image(f, "train/cat/\udcff.png"), "the file name 'train/cat/\\udcff.png' is no text in UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"), [c[1:] for c in FOLDERS], ids=[c[0] for c in FOLDERS]
)
def test_a_folder_that_is_no_dataset_is_named(
    change: Callable[[Path], None], message: str, folder: Path, tmp_path: Path
) -> None:
    change(folder)
    assert message in prepare_folder(folder, tmp_path / "out")


def test_odd_things_in_a_folder_are_passed_over(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "train" / "cat" / "deep.png").mkdir()
    os.mkfifo(folder / "train" / "cat" / "pipe.png")
    image(folder, "train/cat/deep.png/inside.png")
    image(folder, "train/cat/film.GIF")
    image(folder, "train/cat/none")
    (folder / "train" / "cat" / "gone.png").symlink_to("nowhere.png")
    assert prepare_folder(folder, tmp_path) == ""
    assert "train/cat/deep.png/inside.png" in read_split(tmp_path / "train.parquet").ids
    said = capsys.readouterr().err
    assert (
        "train: passed over what is no image by its suffix (no suffix: 1, .gif: 1, .txt: 2)" in said
    )


def test_repeated_samples_are_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = encoded(RAMP)
    for name in ("train/cat/x.png", "train/dog/y.png", "test/dog/z.png"):
        image(folder, name, same)
    assert prepare_folder(folder, tmp_path) == ""
    said = capsys.readouterr().err
    assert "test images are training images too" in said
    assert (
        "1 training images stand twice with different labels" not in said
    )  # those of the layout do, too
    assert "training images stand twice with different labels, the first '" in said
