"""Settings of the stage `claims`, and of the simulation that tests its verdicts."""

from pydantic import Field

from whypretrain.settings.base import Section
from whypretrain.settings.figures import FigureSettings
from whypretrain.settings.models import Kind
from whypretrain.settings.statistics import Statistics


class ClaimsSettings(FigureSettings):
    """Settings of the stage `claims`."""

    kinds: list[Kind]
    """Kind of network of each experiment."""


class SimulationSettings(Section):
    """Settings of `validation.simulation`."""

    n_worlds: int = Field(ge=1)
    """Simulated worlds without transfer; of every other kind there are a tenth as many."""
    statistics: Statistics
