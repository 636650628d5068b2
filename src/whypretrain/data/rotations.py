"""Rotation prediction, a self-supervised upstream task (Gidaris et al., 2018, arXiv:1803.07728)."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from whypretrain.data.images import Images

N_ROTATIONS = 4


class Rotations(Dataset[tuple[Tensor, int]]):
    """Every image four times, turned counter-clockwise by 0, 90, 180 and 270 degrees.

    Item 4·i + k is image i, augmented if it is, after k quarter turns; its label is k. The classes
    of the images are not used.

    Attributes
    ----------
    cached : as of the images
    """

    def __init__(self, images: Images) -> None:
        self.images, self.cached = images, images.cached

    def __len__(self) -> int:
        return N_ROTATIONS * len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        position, turns = divmod(index, N_ROTATIONS)
        pixels, _ = self.images[position]
        return torch.rot90(pixels, turns, dims=(1, 2)), turns
