"""Options of the planted truth."""

from pydantic import Field

from whypretrain.settings.base import Section, Seed


class Planted(Section):
    """The check with networks whose interactions are known; no suite's results depend on it."""

    n: int = Field(default=10, ge=1, le=16)
    """Players a sample."""
    samples: int = Field(default=4, ge=1)
    """Samples a network; they show different symbols, so that their interactions differ."""
    seed: Seed = 0
    """Of what is planted: inputs, coalitions and weights."""
