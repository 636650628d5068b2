"""Options of the figures."""

from typing import Literal

from whypretrain.settings.base import Section
from whypretrain.settings.statistics import Statistics


class Figures(Section):
    """Choices in figures."""

    ratio_reading: Literal["positive", "zero", "salient", "weighted"] = "positive"
    """The reading of 0/0 in eq. 8 that Fig. 3 shows as bars; marks show the others."""


class Varied(Section):
    """How an experiment differs from the one it extends."""

    base: str
    """The experiment it extends."""
    levels: dict[str, str]
    """The level of each factor that differs."""


class FigureSettings(Section):
    """Settings of every figure."""

    experiments: list[str]
    """In the order of the suite, which is the order of panels."""
    titles: list[str]
    """Name of each experiment in figures."""
    varied: dict[str, Varied] = {}
    """How experiments with a `factor` differ from the one that they extend."""
    figures: Figures
    statistics: Statistics
