"""Encoded images: opened in known formats alone, checked, decoded and resized."""

import io
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is opened, whatever a file is called; Pillow knows more, and for EPS it runs a program."""
CONVERTIBLE = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
"""Pillow's names of 8-bit pixels that can become grey and RGB."""
SIXTEEN_BITS = {"I;16", "I;16L", "I;16B", "I;16N"}


def opened(encoded: bytes) -> Image.Image:
    """An image whose header was read; of several frames, the first."""
    return Image.open(io.BytesIO(encoded), formats=FORMATS)


def image_size(encoded: bytes, name: object) -> tuple[int, int]:
    """Width and height of an encoded image, decoded whole to see that it can be.

    Raises
    ------
    ValueError
        If it cannot, has more pixels than Pillow finds safe, or pixels whose range is not known;
        the message names it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = opened(encoded)
        with picture:
            picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        message = f"{name}: {error} Scale the image down"
        raise ValueError(message) from error
    # Pillow's decoders raise anything on broken files.
    except Exception as error:
        reason = " ".join(str(error).split())
        message = f"{name}: no image that can be decoded ({reason}); replace or remove it"
        raise ValueError(message) from error
    if picture.mode not in CONVERTIBLE | SIXTEEN_BITS:
        message = (
            f"{name}: pixels of mode '{picture.mode}' have no known range; "
            f"save the image with 8 or 16 bits a channel"
        )
        raise ValueError(message)
    return picture.size


def eight_bits(picture: Image.Image) -> Image.Image:
    """The image with 8 bits a channel; Pillow's own conversion would cut 16 bits off at 255."""
    if picture.mode not in SIXTEEN_BITS:
        return picture
    return Image.fromarray((np.asarray(picture).astype(np.uint16) // 257).astype(np.uint8))


def decode(encoded: bytes, *, size: int, channels: int) -> NDArray[np.uint8]:
    """Decode an image and resize it: array of shape (channels, size, size).

    Bilinear with antialiasing; height and width are scaled apart, so nothing is cropped.
    """
    picture = eight_bits(opened(encoded)).convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def pixel_mean(images: Sequence[bytes], *, size: int, channels: int) -> NDArray[np.float32]:
    """Mean of every pixel over images: array of shape (channels, size, size), in [0, 1]."""
    total = np.zeros((channels, size, size), dtype=np.float64)
    for encoded in images:
        total += decode(encoded, size=size, channels=channels)
    return (total / (255 * len(images))).astype(np.float32)
