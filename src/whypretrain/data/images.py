"""From encoded images to a network's input: decoded once, then batch by batch on the device."""

import math
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from whypretrain.data.augment import WHITE, affines, augment, draw
from whypretrain.data.batches import Inputs, normalise
from whypretrain.data.encoded import decode, opened
from whypretrain.data.table import Split
from whypretrain.settings.models import ImageArchitecture
from whypretrain.settings.training import Augmentation

SHARE_OF_MEMORY = 1 / 4
"""Of all memory that a device has, what a split may take. (Not of what is free: results would
depend on what else runs.)"""
CROPPED_FROM = 8 / 7  # of the input's side: crops are then about as sharp as whole images
CHUNK = 4  # images that a CPU prepares at a time, so that they stay in its caches


class Images(Inputs):
    """Images of a split, normalised, of shape (batch, channels, size, size).

    They are decoded once, by as many threads as torch has, and kept as bytes on the device, or in a
    file where they do not fit. They have the size of the input, but where they are smaller and
    augmented, or do not fit: then they are enlarged batch by batch.
    """

    def __init__(
        self,
        split: Split,
        architecture: ImageArchitecture,
        augmentation: Augmentation | None = None,
        *,
        device: torch.device,
    ) -> None:
        self.architecture, self.device = architecture, device
        self.labels = torch.tensor(split.labels, device=device)
        self.augmentation = augmentation or Augmentation()
        self.augmented = self.augmentation != Augmentation()
        cropped = self.augmentation.crop_min_scale < 1
        side = round(architecture.image_size * (CROPPED_FROM if cropped else 1))
        room = SHARE_OF_MEMORY * _memory(device)
        shape = (len(self), architecture.channels, side, side)
        if self.augmented or math.prod(shape) > room:
            smaller = min(side, _side(split.images))
            shape = (*shape[:2], smaller, smaller)
        on_disk = math.prod(shape) > room
        self.pixels = _decoded(split.images, shape, on_disk=on_disk)
        if not on_disk:
            self.pixels = self.pixels.to(device)
        self.ahead = on_disk and device.type == "cuda"

    def batch(self, index: Tensor, drawn: Tensor | None) -> Tensor:
        """Normalised images."""
        architecture, size = self.architecture, self.architecture.image_size
        if drawn is None:
            return normalise(self.intensities(index), architecture)
        made = torch.empty(len(index), architecture.channels, size, size, device=self.device)
        maps = affines(drawn.to(self.device, non_blocking=True), self.augmentation)
        step = CHUNK if self.device.type == "cpu" else len(index)
        for at in range(0, len(index), step):
            here = slice(at, at + step)
            pixels = self._levels(index[here])
            pixels = augment(pixels, drawn[here], self.augmentation, size, maps[here])
            normalise(pixels, architecture, white=WHITE, out=made[here])
        return made

    def intensities(self, index: Tensor) -> Tensor:
        """Images before augmentation: (batch, channels, size, size), float32 in [0, 1]."""
        pixels, size = self._levels(index), self.architecture.image_size
        if (kept := pixels.shape[-1]) != size:  # larger where training crops
            smaller = kept > size
            pixels = functional.interpolate(pixels, size, mode="bilinear", antialias=smaller)
            pixels = pixels.round()
        return pixels / WHITE

    def _levels(self, index: Tensor) -> Tensor:
        """Images as they are kept, float32 in [0, 255], on the device."""
        if not self.ahead:
            return self.pixels[index.to(self.device)].float()
        return self.pixels[index].pin_memory().to(self.device, non_blocking=True).float()

    def draw(self, generator: torch.Generator) -> Tensor | None:
        """Parameters of the augmentation."""
        return draw(len(self), generator, self.augmentation) if self.augmented else None


def _side(images: Sequence[bytes]) -> int:
    """Height and width of all images if all are square and of one size, else a large number."""
    sides = {side for encoded in images for side in opened(encoded).size}
    return sides.pop() if len(sides) == 1 else sys.maxsize


def _decoded(images: Sequence[bytes], shape: tuple[int, ...], *, on_disk: bool) -> Tensor:
    """All images, uint8, of a shape (n_images, channels, side, side)."""
    if on_disk:
        with tempfile.NamedTemporaryFile() as file:  # stays readable after it is deleted
            pixels: NDArray[np.uint8] = np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)
    else:
        pixels = np.empty(shape, dtype=np.uint8)

    def fill(index: int) -> None:
        pixels[index] = decode(images[index], size=shape[2], channels=shape[1])

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        list(threads.map(fill, range(len(images))))
    return torch.from_numpy(pixels)


def _memory(device: torch.device) -> int:
    """Bytes of memory that a device has."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return int(psutil.virtual_memory().total)
