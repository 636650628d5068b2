"""Options of the figures."""

from typing import Literal

from whypretrain.settings.base import Section
from whypretrain.settings.statistics import Statistics
from whypretrain.settings.variations import Varied


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
    varied: dict[str, Varied] = {}
    """Of those that a variation made: from which other, and how they differ."""
    figures: Figures
    statistics: Statistics
