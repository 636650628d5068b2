"""From encoded images to a network's input."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import small
from whypretrain.config.models import Architecture
from whypretrain.config.training import Augmentation
from whypretrain.data.images import Images, decode, normalise
from whypretrain.data.table import Split


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK", "P", "1"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_colour_mode_is_decoded(mode: str, channels: int) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 9), (200, 200, 200)).convert(mode).save(buffer, format="TIFF")
    pixels = decode(buffer.getvalue(), size=8, channels=channels)
    assert pixels.shape == (channels, 8, 8)
    assert pixels.dtype == np.uint8


def test_normalise_standardises_each_channel() -> None:
    architecture = Architecture(timm="x", mean=[0.1, 0.2, 0.3], std=[1.0, 2.0, 4.0])
    pixels = torch.full((2, 3, 4, 4), 0.5)
    expected = torch.tensor([0.4, 0.15, 0.05])
    torch.testing.assert_close(normalise(pixels, architecture)[0, :, 0, 0], expected)


def test_augmentation_changes_training_images_only_and_follows_the_seed(
    digits: tuple[Split, Split],
) -> None:
    plain = Images(digits[0], small("whypretrain_vgg"))
    shaken = Images(
        digits[0], small("whypretrain_vgg"), Augmentation(rotate=15, translate=0.1, flip=True)
    )
    torch.manual_seed(0)
    first = shaken[0][0]
    assert not torch.equal(first, plain[0][0])
    assert not torch.equal(first, shaken[0][0])
    torch.manual_seed(0)
    assert torch.equal(first, shaken[0][0])
    assert torch.equal(plain[0][0], plain[0][0])
