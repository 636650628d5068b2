"""Options of the stage `knowledge`: what is salient, intervals and chance levels."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from whypretrain.settings.base import Section, Seed, check_increasing

Shares = Annotated[list[Annotated[float, Field(ge=0, lt=1)]], AfterValidator(check_increasing)]


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


class Metrics(Section):
    """Which interactions are salient. Every reading of the ratio is always computed."""

    salience_threshold: float = Field(default=0.05, ge=0, lt=1)
    """Share of the largest strength that the strength of a salient interaction exceeds."""
    salience_thresholds: Shares = Field(default=[0.01, 0.02, 0.05, 0.1, 0.2], min_length=1)
    """Shares for the table `salience`: how well salient interactions alone give the outputs."""
    salience_scale: Literal["sample", "model"] = "sample"
    """Whether the largest strength is that of the sample, or of the network over all samples."""


class MetricsSettings(Section):
    experiment: str
    metrics: Metrics
    statistics: Statistics
    least_scratch_accuracy: float | None = None
