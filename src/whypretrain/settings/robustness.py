"""Shifts of test inputs, under which the accuracy of networks is measured."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from whypretrain.settings.base import Section, Seed, check_increasing
from whypretrain.settings.models import Architecture, ImageArchitecture

Shift = Literal["none", "noise", "rotation", "adversarial", "masked_words"]
"""A kind of change of test inputs."""
Levels = AfterValidator(check_increasing)


class Robustness(Section):
    """Shifts of the test split, each at several levels; an empty list turns a shift off."""

    noise: Annotated[list[Annotated[float, Field(gt=0)]], Levels] = [0.1, 0.2, 0.3]
    """Images: standard deviations of Gaussian noise on each pixel; the range from black to white is
    1."""
    rotation: Annotated[list[Annotated[float, Field(gt=0, le=180)]], Levels] = [15, 30]
    """Images: degrees of rotation; the direction is drawn for each image."""
    adversarial: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Levels] = [0.01, 0.03]
    """Images: how far each intensity is changed to mislead the network, in one step along the sign
    of the gradient (FGSM, Goodfellow et al., 2015); the range from black to white is 1."""
    masked_words: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Levels] = [0.1, 0.3]
    """Sentences: probabilities with which each word is replaced by the mask token, or the
    model's `baseline_token`."""
    seed: Seed = 0
    """Seed for noise, directions and masked words, combined with the id of each test item."""


class RobustnessSettings(Section):
    architecture: Architecture
    robustness: Robustness

    def shifts(self) -> list[tuple[Shift, float]]:
        """Kinds and levels of the shifts for the architecture's inputs, `none` first."""
        image = isinstance(self.architecture, ImageArchitecture)
        kinds: list[Shift] = ["noise", "rotation", "adversarial"] if image else ["masked_words"]
        levels = [(kind, level) for kind in kinds for level in getattr(self.robustness, kind)]
        return [("none", 0.0), *levels]

    def n_passes(self) -> int:
        """Forward passes of each item under all shifts; a step along a gradient costs two more."""
        return sum(3 if kind == "adversarial" else 1 for kind, _ in self.shifts())
