"""From encoded images to a network's input."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import small
from whypretrain.data import images as images_module
from whypretrain.data.images import Images, decode, normalise
from whypretrain.data.table import Split
from whypretrain.settings.models import ImageArchitecture
from whypretrain.settings.training import Augmentation


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK", "P", "1"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_colour_mode_is_decoded(mode: str, channels: int) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 9), (200, 200, 200)).convert(mode).save(buffer, format="TIFF")
    pixels = decode(buffer.getvalue(), size=8, channels=channels)
    assert pixels.shape == (channels, 8, 8)
    assert pixels.dtype == np.uint8


def test_normalise_standardises_each_channel() -> None:
    architecture = ImageArchitecture(timm="x", mean=[0.1, 0.2, 0.3], std=[1.0, 2.0, 4.0])
    pixels = torch.full((2, 3, 4, 4), 0.5)
    expected = torch.tensor([0.4, 0.15, 0.05])
    torch.testing.assert_close(normalise(pixels, architecture)[0, :, 0, 0], expected)


def test_augmentation_changes_training_images_only_and_follows_the_seed(
    digits: tuple[Split, Split],
) -> None:
    plain = Images(digits[0], small("whypretrain_vgg"))
    augmentation = Augmentation(
        crop_min_scale=0.5, rotate=15, translate=0.1, scale=0.1, flip=True, jitter=0.3
    )
    shaken = Images(digits[0], small("whypretrain_vgg"), augmentation)
    torch.manual_seed(0)
    first = shaken[0][0]
    assert first.shape == plain[0][0].shape
    assert not torch.equal(first, plain[0][0])
    assert not torch.equal(first, shaken[0][0])
    torch.manual_seed(0)
    assert torch.equal(first, shaken[0][0])
    assert torch.equal(plain[0][0], plain[0][0])


def test_a_crop_keeps_at_least_the_share_asked_for(digits: tuple[Split, Split]) -> None:
    """An image whose value is its height: how far it reaches is how much of it was kept."""
    ramp = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[:, None], 128, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, format="PNG")
    split = digits[0]._replace(images=[buffer.getvalue()])
    architecture = ImageArchitecture(timm="x", image_size=64, channels=1, mean=[0.0], std=[1.0])
    cropped = Images(split, architecture, Augmentation(crop_min_scale=0.25))
    torch.manual_seed(0)
    reach = [float(pixels.max() - pixels.min()) for pixels, _ in (cropped[0] for _ in range(60))]
    # With an aspect ratio of 3/4 to 4/3, a quarter of the area has at least 0.43 of the height.
    assert 0.40 < min(reach) < 0.55
    assert max(reach) > 0.9


def test_images_are_cached_as_bytes_if_all_fit(
    digits: tuple[Split, Split], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted(encoded: bytes, **options: int) -> object:
        calls.append(1)
        return decode(encoded, **options)

    monkeypatch.setattr(images_module, "decode", counted)
    n_images, n_pixels = len(digits[0].ids), 28 * 28
    for capacity, n_calls in ((n_images * n_pixels, 1), (n_images * n_pixels - 1, 2)):
        monkeypatch.setattr(images_module, "CACHE_BYTES", capacity)
        data = Images(digits[0], small("whypretrain_vgg"))
        calls.clear()
        assert torch.equal(data[0][0], data[0][0])
        assert len(calls) == n_calls
        assert data.cached == (n_calls == 1)
        assert all(pixels.dtype == torch.uint8 for pixels in data._cache.values())
