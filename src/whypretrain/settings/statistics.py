"""Options of intervals and chance levels."""

from pydantic import Field

from whypretrain.settings.base import Section, Seed


class Statistics(Section):
    """Intervals of the numbers, and the chance levels that they are compared with."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence level of every interval."""
    n_resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples of the samples for each interval."""
    n_permutations: int = Field(default=100, ge=1)
    """Random permutations of the sets that chance levels are averaged over."""
    simulated_worlds: int = Field(default=500, ge=1)
    """Simulated worlds without transfer that test the verdicts (`results/simulation/rates.csv`);
    of every other kind of world there are a tenth as many."""
    seed: Seed = 0
    """Seed of resamples and permutations."""
