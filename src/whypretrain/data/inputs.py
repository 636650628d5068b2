"""A split as the input of an architecture, whichever its family, and of rotation prediction."""

import torch
from torch import Tensor

from whypretrain.data.augment import draw
from whypretrain.data.batches import Inputs
from whypretrain.data.images import Images
from whypretrain.data.table import Split
from whypretrain.data.texts import Texts
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.settings.training import Augmentation, PretrainSettings

N_ROTATIONS = 4


class Rotations(Inputs):
    """Every image four times, turned counter-clockwise by 0, 90, 180 and 270 degrees.

    A self-supervised upstream task (Gidaris et al., 2018, arXiv:1803.07728). Item 4·i + k is image
    i, augmented if it is, after k quarter turns; its label is k. Classes are not used.
    """

    def __init__(self, images: Images) -> None:
        self.images, self.device, self.ahead = images, images.device, images.ahead
        self.labels = torch.arange(N_ROTATIONS, device=self.device).repeat(len(images))

    def batch(self, index: Tensor, drawn: Tensor | None) -> Tensor:
        """Turned images."""
        pixels = self.images.batch(index // N_ROTATIONS, drawn)
        turns = index % N_ROTATIONS
        for k in range(1, N_ROTATIONS):
            here = (turns == k).to(self.device)
            pixels[here] = torch.rot90(pixels[here], k, dims=(2, 3))
        return pixels

    def draw(self, generator: torch.Generator) -> Tensor | None:
        """Parameters of the augmentation."""
        images = self.images
        return draw(len(self), generator, images.augmentation) if images.augmented else None


def inputs_of(
    split: Split,
    architecture: Architecture,
    augmentation: Augmentation | None = None,
    *,
    device: torch.device,
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
        return Images(split, architecture, augmentation, device=device)
    return Texts(split, architecture, device=device)


def upstream_inputs(
    split: Split,
    settings: PretrainSettings,
    augmentation: Augmentation | None = None,
    *,
    device: torch.device,
) -> Inputs:
    """Inputs with what is to be learnt of them as labels.

    Raises
    ------
    ValueError
        If the rotation of sentences is asked for.
    """
    inputs = inputs_of(split, settings.architecture, augmentation, device=device)
    if settings.labels == "classes":
        return inputs
    if not isinstance(inputs, Images):
        message = "labels = 'rotation': only images can be turned"
        raise ValueError(message)
    return Rotations(inputs)
