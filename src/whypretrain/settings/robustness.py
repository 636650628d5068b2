"""How test inputs are changed to see what networks withstand."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from whypretrain.settings.base import Section, Seed
from whypretrain.settings.models import Architecture, ImageArchitecture

Shift = Literal["none", "noise", "rotation", "masked_words"]
"""A kind of change of test inputs."""


def _check_levels(levels: list[float]) -> list[float]:
    if levels != sorted(set(levels)):
        message = f"{levels} must increase strictly"
        raise ValueError(message)
    return levels


Levels = AfterValidator(_check_levels)


class Robustness(Section):
    """Shifts of the test split, each at several levels; an empty list leaves one out."""

    noise: Annotated[list[Annotated[float, Field(gt=0)]], Levels] = [0.1, 0.2, 0.3]
    """Images: standard deviations of Gaussian noise on each pixel, as shares of the range from
    black to white."""
    rotation: Annotated[list[Annotated[float, Field(gt=0, le=180)]], Levels] = [15, 30]
    """Images: degrees by which they are turned, to a side drawn for each image."""
    masked_words: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Levels] = [0.1, 0.3]
    """Sentences: probabilities with which each word is replaced by the mask token."""
    seed: Seed = 0
    """Of noise, sides and words, together with the id of each test item."""


class RobustnessSettings(Section):
    """What the stage `robustness` needs to know."""

    architecture: Architecture
    robustness: Robustness

    def shifts(self) -> list[tuple[Shift, float]]:
        """Kinds and levels of the shifts that the architecture's inputs can have, `none` first."""
        chosen = self.robustness
        found: list[tuple[Shift, float]] = [("none", 0.0)]
        if isinstance(self.architecture, ImageArchitecture):
            found += [("noise", level) for level in chosen.noise]
            found += [("rotation", level) for level in chosen.rotation]
        else:
            found += [("masked_words", level) for level in chosen.masked_words]
        return found
