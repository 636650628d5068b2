"""Test inputs as they were not seen in training: with noise, turned, or with words masked.

What is drawn depends on the seed and the id of an item alone, so that every network meets the same
inputs. Levels build on one another: stronger noise is the same noise scaled, an image is turned to
the same side by every angle, and words masked at one rate are masked at all higher ones.
"""

import numpy as np
import torch
from torch import Tensor

from whypretrain.data.affine import turn, warp
from whypretrain.data.images import Images
from whypretrain.data.table import Split
from whypretrain.data.texts import Texts
from whypretrain.settings.base import derived_seed
from whypretrain.settings.robustness import Shift


class ShiftedImages(Images):
    """Images with noise (clipped to the range from black to white), or turned (corners are black).

    Parameters
    ----------
    level : standard deviation of the noise, for intensities in [0, 1]; or degrees
    """

    def __init__(
        self, images: Images, split: Split, *, shift: Shift, level: float, seed: int
    ) -> None:
        vars(self).update(vars(images))  # whose pixels are decoded already
        self.shift, self.level = shift, level
        self.seeds = [derived_seed(seed, shift, name) for name in split.ids]

    def intensities(self, index: Tensor) -> Tensor:
        """Shifted images."""
        pixels = super().intensities(index)
        drawn = [torch.Generator().manual_seed(self.seeds[item]) for item in index.tolist()]
        if self.shift == "noise":
            shape = pixels.shape[1:]
            noise = torch.stack([torch.randn(shape, generator=generator) for generator in drawn])
            return (pixels + self.level * noise.to(self.device)).clamp(0, 1)
        left = torch.cat([torch.rand(1, generator=generator) < 0.5 for generator in drawn])
        degrees = torch.where(left, -self.level, self.level).to(self.device)
        return warp(pixels, turn(degrees), pixels.shape[-1])


class MaskedTexts(Texts):
    """Sentences in which each word is replaced by the mask token, all its tokens, at a rate."""

    def __init__(self, texts: Texts, split: Split, *, rate: float, seed: int) -> None:
        vars(self).update(vars(texts))
        self.ids = texts.ids.clone()
        for index, (name, text) in enumerate(zip(split.ids, split.texts, strict=True)):
            tokens = self.tokenizer(text)
            drawn_from = derived_seed(seed, "masked_words", name)
            chosen = np.random.default_rng(drawn_from).random(len(tokens.words)) < rate
            masked = np.isin(tokens.word_of_token, np.flatnonzero(chosen))
            self.ids[index, torch.from_numpy(np.flatnonzero(masked))] = self.tokenizer.mask


def shifted(
    inputs: Images | Texts, split: Split, shift: Shift, level: float, seed: int
) -> Images | Texts:
    """A split's inputs with one shift at one level.

    Raises
    ------
    ValueError
        If inputs of their kind have no such shift.
    """
    if shift == "none":
        return inputs
    if isinstance(inputs, Images) and shift in ("noise", "rotation"):
        return ShiftedImages(inputs, split, shift=shift, level=level, seed=seed)
    if isinstance(inputs, Texts) and shift == "masked_words":
        return MaskedTexts(inputs, split, rate=level, seed=seed)
    message = f"shift '{shift}': there is none of a dataset of task '{split.task}'"
    raise ValueError(message)
