"""Options of the check with planted interactions."""

from pydantic import Field

from whypretrain.settings.base import Section, Seed


class Planted(Section):
    """The check with networks whose interactions are known; it is part of no suite."""

    n: int = Field(default=10, ge=1, le=16)
    """Number of players of each sample."""
    samples: int = Field(default=4, ge=1)
    """Number of samples of each network; they show different symbols, so their interactions
    differ."""
    seed: Seed = 0
    """Seed for everything planted: inputs, coalitions and weights."""
