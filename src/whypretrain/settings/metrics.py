"""Options of the stage `knowledge`: which interactions are salient."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from whypretrain.settings.base import Section, check_increasing
from whypretrain.settings.statistics import Statistics

Thresholds = Annotated[
    list[Annotated[float, Field(ge=0, lt=1)]],
    Field(min_length=1),
    AfterValidator(check_increasing),
]
"""Shares of the largest strength of an interaction, increasing."""


class Metrics(Section):
    """Which interactions are salient. Every reading of the ratio is always computed."""

    salience_threshold: float = Field(default=0.05, ge=0, lt=1)
    """Share of the largest strength that the strength of a salient interaction exceeds."""
    salience_thresholds: Thresholds = [0.01, 0.02, 0.05, 0.1, 0.2]
    """Shares for the table `salience`, which reports how well salient interactions alone
    reconstruct the outputs."""
    salience_scale: Literal["sample", "model"] = "sample"
    """Whether the largest strength is that of the sample, or of the network over all samples."""


class MetricsSettings(Section):
    """Settings of the stage `knowledge`."""

    experiment: str
    metrics: Metrics
    statistics: Statistics
