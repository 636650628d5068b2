"""From encoded images to a network's input."""

import io
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import small
from whypretrain.data import images as images_module
from whypretrain.data.batches import normalise
from whypretrain.data.encoded import decode
from whypretrain.data.images import Images
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


CPU = torch.device("cpu")
VGG = small("whypretrain_vgg")


def joined(images: Images, seed: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    batches = list(images.batches(5, seed=seed))
    return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])


def test_images_are_those_of_the_samples(digits: tuple[Split, Split]) -> None:
    """Bit for bit: a network is explained on what it is trained and tested on."""
    decoded = [decode(encoded, size=28, channels=1) for encoded in digits[0].images]
    expected = normalise(torch.from_numpy(np.stack(decoded)).float() / 255, VGG)
    assert torch.equal(joined(Images(digits[0], VGG, device=CPU))[0], expected)


def test_labels_go_with_their_images_in_any_order(digits: tuple[Split, Split]) -> None:
    images = Images(digits[0], VGG, device=CPU)
    plain = {tuple(x.flatten().tolist()): int(y) for x, y in zip(*joined(images), strict=True)}
    shuffled = {
        tuple(x.flatten().tolist()): int(y) for x, y in zip(*joined(images, seed=3), strict=True)
    }
    assert plain == shuffled
    assert not torch.equal(joined(images)[1], joined(images, seed=3)[1])


def test_random_changes_follow_the_seed_alone(digits: tuple[Split, Split]) -> None:
    changed = Augmentation(crop_min_scale=0.5, rotate=15, translate=0.1, flip=True, jitter=0.3)
    images = Images(digits[0], VGG, changed, device=CPU)
    first, second = (joined(images, seed=0)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, joined(images, seed=1)[0])
    larger = torch.cat([x for x, _ in images.batches(7, seed=0)])  # the order is the same
    torch.testing.assert_close(larger, first)


def test_a_last_batch_that_is_short_can_be_dropped(digits: tuple[Split, Split]) -> None:
    images = Images(digits[0], VGG, device=CPU)
    sizes = [len(y) for _, y in images.batches(5, seed=0, drop_last=True)]
    assert sizes == [5, 5]
    assert [len(y) for _, y in images.batches(5, seed=0)] == [5, 5, 2]


@pytest.fixture
def large(digits: tuple[Split, Split], monkeypatch: pytest.MonkeyPatch) -> Split:
    """A split that does not fit in memory at the size of the input."""
    n = len(digits[0].ids)
    memory = int(n * 28 * 28 / images_module.SHARE_OF_MEMORY) - 1
    monkeypatch.setattr(images_module, "_memory", lambda _: memory)
    return digits[0]


def test_small_images_are_enlarged_as_they_are_augmented(digits: tuple[Split, Split]) -> None:
    images = Images(digits[0], VGG, Augmentation(translate=0.1), device=CPU)
    assert images.pixels.shape[2:] == (8, 8)
    assert joined(images, seed=0)[0].shape == (len(images), 1, 28, 28)


def test_small_images_that_do_not_fit_enlarged_are_kept_as_they_are(large: Split) -> None:
    images = Images(large, VGG, device=CPU)
    assert images.pixels.shape[2:] == (8, 8)
    decoded = [decode(encoded, size=28, channels=1) for encoded in large.images]
    expected = torch.from_numpy(np.stack(decoded)).float()
    found = joined(images)[0] * 0.35 + 0.3  # normalised, back to intensities
    assert (found * 255 - expected).abs().max() < 1.01  # a level of 255, by rounding


def test_images_that_do_not_fit_at_all_are_read_from_disk(
    large: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [joined(Images(large, VGG, device=CPU), seed=seed) for seed in (None, 1)]
    monkeypatch.setattr(images_module, "_memory", lambda _: 0)
    on_disk = Mock(wraps=np.memmap)
    monkeypatch.setattr(np, "memmap", on_disk)
    images = Images(large, VGG, device=CPU)
    on_disk.assert_called_once()
    found = [joined(images, seed=seed) for seed in (None, 1)]
    for (pixels, labels), (before, as_before) in zip(found, expected, strict=True):
        assert torch.equal(pixels, before)
        assert torch.equal(labels, as_before)


def test_images_kept_larger_for_crops_come_unaugmented_at_the_size_of_the_input(
    digits: tuple[Split, Split],
) -> None:
    """Nearly as without any augmentation, but for how they are scaled down."""
    architecture = VGG.model_copy(update={"image_size": 7})
    crops = Augmentation(crop_min_scale=0.5, flip=True)
    cropped = Images(digits[0], architecture, crops, device=CPU)
    assert cropped.pixels.shape[-1] == 8
    plain = Images(digits[0], architecture, device=CPU)
    found, labels = next(cropped.batches(100, seed=1, augmented=False))
    expected, same = next(plain.batches(100, seed=1))
    assert torch.equal(labels, same)
    torch.testing.assert_close(found, expected, atol=0.2, rtol=0)
