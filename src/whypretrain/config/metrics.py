"""Options of the metrics."""

from typing import Literal

from pydantic import Field

from whypretrain.config.base import Section
from whypretrain.config.statistics import Statistics


class Metrics(Section):
    """Where an interaction counts as salient. Every reading of the ratio is always computed."""

    salience_threshold: float = Field(default=0.05, ge=0, lt=1)
    """Share of the largest strength that a salient interaction exceeds."""
    salience_scale: Literal["sample", "model"] = "sample"
    """Whether that largest strength is the sample's or the model's over all samples."""


class MetricsSettings(Section):
    """What the stage `metrics` needs to know."""

    experiment: str
    metrics: Metrics
    statistics: Statistics
