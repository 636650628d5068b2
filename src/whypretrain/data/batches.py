"""Inputs of a split on a device, batch by batch."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from whypretrain.settings.models import Architecture, ImageArchitecture


class Inputs(ABC):
    """All items of a split, prepared once.

    Subclasses say how a batch is made; it lies where `device` says.

    Attributes
    ----------
    labels : (n_items,), int64, on the device
    device : where batches are made
    ahead : whether a thread makes the next batch while the last one is used
    """

    labels: Tensor
    device: torch.device
    ahead = False

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def batch(self, index: Tensor, drawn: Tensor | None) -> Tensor:
        """Inputs of the items at an index of shape (batch,), int64 on the CPU.

        Changed at random where parameters were drawn for these items, (batch, n_parameters) on
        the CPU.
        """

    def order(self, batch_size: int, generator: torch.Generator | None) -> Tensor:
        """In which order the items are taken, (n_items,); at random with a generator."""
        del batch_size
        if generator is None:
            return torch.arange(len(self))
        return torch.randperm(len(self), generator=generator)

    def draw(self, generator: torch.Generator) -> Tensor | None:
        """Parameters of the random changes of every item in an epoch, if there are any."""
        del generator
        return None

    def batches(
        self,
        batch_size: int,
        *,
        seed: int | None = None,
        augmented: bool = True,
        drop_last: bool = False,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Pairs of inputs and labels, (batch,) int64, on the device.

        With a seed they are shuffled and, if `augmented`, changed at random. An item's changes
        depend on the seed and its place in the split alone, not on the batch it is in.
        """
        generator = drawn = None
        if seed is not None:
            generator = torch.Generator().manual_seed(seed)
            drawn = self.draw(generator) if augmented else None

        def made(index: Tensor) -> tuple[Tensor, Tensor]:
            of_items = None if drawn is None else drawn[index]
            return self.batch(index, of_items), self.labels[index.to(self.device)]

        indices = self.order(batch_size, generator).split(batch_size)
        if drop_last and len(indices[-1]) < batch_size:
            indices = indices[:-1]
        if not self.ahead:
            yield from map(made, indices)
            return
        with ThreadPoolExecutor(1) as thread:
            coming = thread.submit(made, indices[0])
            for index in indices[1:]:
                ready, coming = coming, thread.submit(made, index)
                yield ready.result()
            yield coming.result()


def normalise(
    pixels: Tensor, architecture: ImageArchitecture, *, white: float = 1, out: Tensor | None = None
) -> Tensor:
    """Standardise pixel values in [0, white]: (…, channels, height, width) to the same shape."""
    mean, std = (
        _column(tuple(values), pixels.device) for values in (architecture.mean, architecture.std)
    )
    return torch.div(torch.sub(pixels, white * mean, out=out), white * std, out=out)


@cache  # a card would have to wait for the copy of every batch
def _column(values: tuple[float, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):
        return torch.tensor(values, device=device)[:, None, None]


def network_input(
    sites: NDArray[Any], architecture: Architecture, device: torch.device
) -> torch.Tensor:
    """What the network takes: a normalised float32 image, or token ids as they are."""
    tensor = torch.from_numpy(sites).to(device)
    if not isinstance(architecture, ImageArchitecture):
        return tensor
    pixels = tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor
    return normalise(pixels, architecture)
