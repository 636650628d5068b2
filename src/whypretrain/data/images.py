"""From encoded images to a network's input: decode, resize, augment, normalise."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from whypretrain.data.encoded import eight_bits, opened
from whypretrain.data.table import Split
from whypretrain.settings.models import ImageArchitecture
from whypretrain.settings.training import Augmentation

CACHE_BYTES = 512 * 2**20
"""Datasets whose decoded images fit in this are decoded once."""
CROPPED_FROM = 8 / 7  # of the input's side: crops are then about as sharp as whole images


def decode(encoded: bytes, *, size: int, channels: int) -> NDArray[np.uint8]:
    """Decode an image and resize it: array of shape (channels, size, size).

    Bilinear with antialiasing; height and width are scaled apart, so nothing is cropped.
    """
    picture = eight_bits(opened(encoded)).convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def normalise(pixels: Tensor, architecture: ImageArchitecture) -> Tensor:
    """Standardise pixel values in [0, 1]: (…, channels, height, width) to the same shape."""
    mean = torch.tensor(architecture.mean, device=pixels.device)[:, None, None]
    std = torch.tensor(architecture.std, device=pixels.device)[:, None, None]
    return (pixels - mean) / std


class Images(Dataset[tuple[Tensor, int]]):
    """A split as (normalised image of shape (channels, size, size), label) pairs.

    Attributes
    ----------
    cached : whether decoded images are kept, as uint8; workers would each keep their own
    """

    def __init__(
        self,
        split: Split,
        architecture: ImageArchitecture,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.split, self.architecture = split, architecture
        settings = augmentation or Augmentation()
        self.augment = _augmenter(settings, architecture.image_size)
        cropped = settings.crop_min_scale < 1
        self.side = round(architecture.image_size * (CROPPED_FROM if cropped else 1))
        self.cached = len(split.ids) * architecture.channels * self.side**2 <= CACHE_BYTES
        self._cache: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.split.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = self.intensities(index)
        if self.augment:
            pixels = self.augment(pixels)
        return normalise(pixels, self.architecture), self.split.labels[index]

    def intensities(self, index: int) -> Tensor:
        """An image before augmentation: (channels, side, side), float32 in [0, 1]."""
        if (pixels := self._cache.get(index)) is None:
            encoded, channels = self.split.images[index], self.architecture.channels
            pixels = torch.from_numpy(decode(encoded, size=self.side, channels=channels).copy())
            if self.cached:
                self._cache[index] = pixels
        return pixels.float() / 255


def pixel_mean(images: Sequence[bytes], *, size: int, channels: int) -> NDArray[np.float32]:
    """Mean of every pixel over images: array of shape (channels, size, size), in [0, 1]."""
    total = np.zeros((channels, size, size), dtype=np.float64)
    for encoded in images:
        total += decode(encoded, size=size, channels=channels)
    return (total / (255 * len(images))).astype(np.float32)


def _augmenter(settings: Augmentation, size: int) -> v2.Compose | None:
    steps: list[torch.nn.Module] = []
    if settings.crop_min_scale < 1:  # of an aspect ratio between 3:4 and 4:3
        steps.append(v2.RandomResizedCrop(size, scale=(settings.crop_min_scale, 1)))
    if settings.rotate or settings.translate or settings.scale:
        affine = v2.RandomAffine(
            degrees=settings.rotate,
            translate=(settings.translate, settings.translate),
            scale=(1 - settings.scale, 1 + settings.scale),
            interpolation=v2.InterpolationMode.BILINEAR,
        )
        steps.append(affine)
    if settings.flip:
        steps.append(v2.RandomHorizontalFlip())
    if jitter := settings.jitter:
        steps.append(v2.ColorJitter(brightness=jitter, contrast=jitter, saturation=jitter))
    return v2.Compose(steps) if steps else None
