"""Options of the explorer, an HTML page that shows a suite."""

from pydantic import Field

from whypretrain.settings.base import Section
from whypretrain.settings.figures import FigureSettings
from whypretrain.settings.metrics import Metrics


class Explorer(Section):
    """How much the explorer page holds; the results themselves are complete."""

    samples: int = Field(default=20, ge=0)
    """Samples of each experiment on the page, spread evenly over all; fewer if the page would
    exceed `megabytes`."""
    interactions: int = Field(default=8, ge=1)
    """Preserved, discarded and new interactions listed for each sample, strongest first."""
    megabytes: float = Field(default=15, gt=0)
    """Largest size of the page, in 10**6 bytes; the charting library takes about 2."""


class Setup(Section):
    """What the page says about an experiment."""

    model: str
    dataset: str
    players: str
    """Kind of players."""
    seed: int
    replicate_seed: int | None


class ExplorerSettings(FigureSettings):
    """Settings of the stage `explorer`."""

    suite: str
    setups: list[Setup]
    """One for each experiment."""
    snapshots: list[float]
    """Fractions of training at which interactions are stored."""
    metrics: Metrics
    explorer: Explorer
