"""Options of the figures."""

from typing import Literal

from whypretrain.config.base import Section
from whypretrain.config.statistics import Statistics


class Figures(Section):
    """What the figures show where there is a choice."""

    ratio_reading: Literal["positive", "zero", "salient", "weighted"] = "positive"
    """Which reading of 0/0 Fig. 3 draws as bars; the others are drawn as marks beside it."""


class FigureSettings(Section):
    """What every figure needs to know."""

    experiments: list[str]
    """In the suite's order, which is the order of panels."""
    titles: list[str]
    """How figures call each of them."""
    figures: Figures
    statistics: Statistics
