"""What the stages `claims` and `claims.simulation` need to know."""

from pydantic import Field

from whypretrain.settings.base import Section
from whypretrain.settings.figures import FigureSettings
from whypretrain.settings.models import Kind
from whypretrain.settings.statistics import Statistics


class ClaimsSettings(FigureSettings):
    """The experiments of a suite, with what each is compared as."""

    kinds: list[Kind]
    """`cnn`, `transformer` or `other`, of each experiment."""


class SimulationSettings(Section):
    """What the stage `claims.simulation` needs to know."""

    n_worlds: int = Field(ge=1)
    """Simulated worlds without any transfer; a tenth as many of each other kind."""
    statistics: Statistics
