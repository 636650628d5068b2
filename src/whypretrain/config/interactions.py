"""Samples, players, baseline and the numerics of extraction."""

from typing import Literal

from pydantic import Field

from whypretrain.config.base import Section
from whypretrain.config.models import Architecture


class GridPlayers(Section):
    """Players are cells of a regular grid, drawn per sample."""

    kind: Literal["grid"] = "grid"
    """This kind of players."""
    n: int = Field(default=10, ge=1)
    """Players a sample; 2**n coalitions are evaluated."""
    cells: int = Field(default=8, ge=1)
    """Cells a side."""
    margin: int = Field(default=1, ge=0)
    """Rings of cells at the rim that no player is drawn from."""


class Sampling(Section):
    """Which test images are explained, and by which players."""

    per_class: int = Field(default=2, ge=1)
    """Samples a class, drawn from the test split whether or not a model is right about them."""
    seed: int = 0
    """Of the choice of samples and of players."""
    players: GridPlayers = GridPlayers()
    """What can be present or masked."""
    baseline: Literal["pixel_mean"] = "pixel_mean"
    """What a masked pixel shows: the mean of that pixel over the training images."""


class Extraction(Section):
    """How the 2**n outputs of a sample are computed."""

    batch_size: int = Field(default=256, ge=1)
    """Coalitions a forward pass."""
    background: Literal["keep", "mask"] = "keep"
    """Whether pixels of no player keep their value."""


class SamplesSettings(Section):
    """What the stage `samples` needs to know."""

    sampling: Sampling
    image_size: int
    channels: Literal[1, 3]


class ExtractSettings(Section):
    """What the stage `extract` needs to know."""

    architecture: Architecture
    extraction: Extraction
