"""Options of intervals and null controls."""

from pydantic import Field

from whypretrain.settings.base import Section, Seed


class Statistics(Section):
    """How sure the numbers are, and what unrelated models would give."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of every interval."""
    n_resamples: int = Field(default=2000, ge=100)
    """Draws of samples, with replacement, that a bootstrap interval is taken from."""
    n_permutations: int = Field(default=100, ge=1)
    """Draws that the permutation null is averaged over."""
    simulated_worlds: int = Field(default=500, ge=1)
    """Worlds without transfer by which `results/simulation/rates.csv` tests the verdicts; a tenth
    as many of each other kind."""
    seed: Seed = 0
    """Of both kinds of draws."""
