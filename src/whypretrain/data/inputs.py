"""A split as the input of an architecture, whichever its family, and of rotation prediction."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from whypretrain.data.images import Images
from whypretrain.data.table import Split
from whypretrain.data.texts import Texts
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.settings.training import Augmentation, PretrainSettings

N_ROTATIONS = 4


class Rotations(Dataset[tuple[Tensor, int]]):
    """Every image four times, turned counter-clockwise by 0, 90, 180 and 270 degrees.

    A self-supervised upstream task (Gidaris et al., 2018, arXiv:1803.07728). Item 4·i + k is image
    i, augmented if it is, after k quarter turns; its label is k. Classes are not used.
    """

    def __init__(self, images: Images) -> None:
        self.images, self.cached = images, images.cached

    def __len__(self) -> int:
        return N_ROTATIONS * len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        position, turns = divmod(index, N_ROTATIONS)
        pixels, _ = self.images[position]
        return torch.rot90(pixels, turns, dims=(1, 2)), turns


def inputs_of(
    split: Split, architecture: Architecture, augmentation: Augmentation | None = None
) -> Images | Texts:
    """Images, augmented if asked for, or tokenised sentences.

    Raises
    ------
    ValueError
        If the split's task is not the architecture's.
    """
    expected = "image" if isinstance(architecture, ImageArchitecture) else "text"
    if split.task != expected:
        message = f"a {expected} model on a dataset of task '{split.task}'"
        raise ValueError(message)
    if isinstance(architecture, ImageArchitecture):
        return Images(split, architecture, augmentation)
    return Texts(split, architecture)


def upstream_inputs(
    split: Split, settings: PretrainSettings, augmentation: Augmentation | None = None
) -> Images | Texts | Rotations:
    """Inputs with what is to be learnt of them as labels.

    Raises
    ------
    ValueError
        If the rotation of sentences is asked for.
    """
    inputs = inputs_of(split, settings.architecture, augmentation)
    if settings.labels == "classes":
        return inputs
    if not isinstance(inputs, Images):
        message = "labels = 'rotation': only images can be turned"
        raise ValueError(message)
    return Rotations(inputs)
