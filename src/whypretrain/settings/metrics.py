"""Options of the metrics."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from whypretrain.settings.base import Section, check_increasing
from whypretrain.settings.statistics import Statistics

Thresholds = Annotated[
    list[Annotated[float, Field(ge=0, lt=1)]],
    Field(min_length=1),
    AfterValidator(check_increasing),
]
"""Shares of the largest strength, increasing."""


class Metrics(Section):
    """Where an interaction counts as salient. Every reading of the ratio is always computed."""

    salience_threshold: float = Field(default=0.05, ge=0, lt=1)
    """Share of the largest strength that a salient interaction exceeds."""
    salience_thresholds: Thresholds = [0.01, 0.02, 0.05, 0.1, 0.2]
    """Such shares for which the table `salience` says how well the salient ones rebuild outputs."""
    salience_scale: Literal["sample", "model"] = "sample"
    """Whether that largest strength is the sample's or the model's over all samples."""


class MetricsSettings(Section):
    """What the stage `metrics` needs to know."""

    experiment: str
    metrics: Metrics
    statistics: Statistics
