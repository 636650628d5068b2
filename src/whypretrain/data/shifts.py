"""Test inputs as they were not seen in training: with noise, turned, or with words masked.

What is drawn depends on the seed and the id of an item alone, so that every network meets the same
inputs. Levels build on one another: stronger noise is the same noise scaled, an image is turned to
the same side by every angle, and words masked at one rate are masked at all higher ones.
"""

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from whypretrain.data.images import Images, normalise
from whypretrain.data.inputs import inputs_of
from whypretrain.data.table import Split
from whypretrain.data.texts import Texts
from whypretrain.settings.base import derived_seed
from whypretrain.settings.models import Architecture, ImageArchitecture, TextArchitecture
from whypretrain.settings.robustness import Shift


class ShiftedImages(Images):
    """Images with noise (clipped to the range from black to white), or turned (corners are black).

    Parameters
    ----------
    level : standard deviation of the noise, for intensities in [0, 1]; or degrees
    """

    def __init__(
        self, split: Split, architecture: ImageArchitecture, shift: Shift, level: float, seed: int
    ) -> None:
        super().__init__(split, architecture)
        self.shift, self.level, self.seed = shift, level, seed

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = self.intensities(index)
        drawn_from = derived_seed(self.seed, self.shift, self.split.ids[index])
        generator = torch.Generator().manual_seed(drawn_from)
        if self.shift == "noise":
            noise = torch.randn(pixels.shape, generator=generator)
            pixels = (pixels + self.level * noise).clamp(0, 1)
        else:
            side = 1 if torch.rand(1, generator=generator) < 0.5 else -1
            angle = side * self.level
            pixels = functional.rotate(pixels, angle, interpolation=v2.InterpolationMode.BILINEAR)
        return normalise(pixels, self.architecture), self.split.labels[index]


class MaskedTexts(Texts):
    """Sentences in which each word is replaced by the mask token, all its tokens, at a rate."""

    def __init__(
        self, split: Split, architecture: TextArchitecture, *, rate: float, seed: int
    ) -> None:
        super().__init__(split, architecture)
        for index, (name, text) in enumerate(zip(split.ids, split.texts, strict=True)):
            tokens = self._tokenizer(text)
            drawn_from = derived_seed(seed, "masked_words", name)
            chosen = np.random.default_rng(drawn_from).random(len(tokens.words)) < rate
            masked = np.isin(tokens.word_of_token, np.flatnonzero(chosen))
            ids = np.where(masked, self._tokenizer.mask, tokens.ids)
            self._tokens[index] = torch.from_numpy(ids)


def shifted(
    split: Split, architecture: Architecture, shift: Shift, level: float, seed: int
) -> Images | Texts:
    """A split as the input of an architecture, with one shift at one level.

    Raises
    ------
    ValueError
        If the split's task is not the architecture's, or its inputs have no such shift.
    """
    if shift == "none":
        return inputs_of(split, architecture)
    is_image = isinstance(architecture, ImageArchitecture)
    if split.task != ("image" if is_image else "text") or is_image == (shift == "masked_words"):
        message = f"shift '{shift}': there is none of a dataset of task '{split.task}'"
        raise ValueError(message)
    if isinstance(architecture, ImageArchitecture):
        return ShiftedImages(split, architecture, shift, level, seed)
    return MaskedTexts(split, architecture, rate=level, seed=seed)
