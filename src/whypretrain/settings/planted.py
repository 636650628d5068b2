"""Options of the check with planted interactions."""

from pydantic import Field

from whypretrain.settings.base import Section, Seed


class Planted(Section):
    """The check with networks whose interactions are known; no suite depends on it."""

    n: int = Field(default=10, ge=1, le=16)
    """Players of each sample."""
    samples: int = Field(default=4, ge=1)
    """Samples of each network; they show different symbols, so that their interactions differ."""
    seed: Seed = 0
    """Seed of what is planted: inputs, coalitions and weights."""
