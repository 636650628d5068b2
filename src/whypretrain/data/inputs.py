"""A split as the input of an architecture, whichever its family."""

from whypretrain.data.images import Images
from whypretrain.data.rotations import Rotations
from whypretrain.data.table import Split
from whypretrain.data.texts import Texts
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.settings.training import Augmentation, PretrainSettings


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
