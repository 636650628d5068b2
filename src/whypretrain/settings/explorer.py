"""Options of the explorer, the page that shows a suite."""

from pydantic import Field

from whypretrain.settings.base import Section
from whypretrain.settings.figures import FigureSettings
from whypretrain.settings.metrics import Metrics


class Explorer(Section):
    """What fits into the explorer's page; results themselves are never trimmed."""

    samples: int = Field(default=20, ge=0)
    """Samples of an experiment that the page shows, evenly spread over all; fewer if the page would
    become larger than `megabytes`."""
    interactions: int = Field(default=8, ge=1)
    """Preserved, discarded and new interactions of a sample that are listed, strongest first."""
    megabytes: float = Field(default=15, gt=0)
    """Most that the page may have, in units of 10**6 bytes; about 2 are the charts' library."""


class Setup(Section):
    """What an experiment is about, for its reader."""

    model: str
    dataset: str
    players: str
    """Their kind."""
    seed: int
    replicate_seed: int | None


class ExplorerSettings(FigureSettings):
    """What the stage `explorer` needs to know."""

    suite: str
    setups: list[Setup]
    """Of each experiment."""
    snapshots: list[float]
    """Fractions of training at which interactions are stored."""
    metrics: Metrics
    explorer: Explorer
