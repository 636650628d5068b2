"""Options of what is made of a suite: claims, figures, and the explorer, an HTML page."""

from typing import Literal

from pydantic import Field

from whypretrain.settings.base import Section
from whypretrain.settings.knowledge import Metrics, Statistics
from whypretrain.settings.models import Kind


class Drawing(Section):
    """How the figures of a suite are drawn."""

    ratio_reading: Literal["positive", "zero", "salient", "weighted"] = "zero"
    """The reading of 0/0 in eq. 8 that claims and figures show first; `zero` is the paper's."""
    width: float = Field(default=7, ge=3.4, le=14)
    """Width of figures in inches, at which no text is smaller than 6 pt. One column of a two-column
    page is about 3.4 wide, a single-column page 5.5, a two-column page 7. Panels wrap into rows; a
    few figures are narrower."""


class Figures(Drawing):
    """How figures are drawn."""

    sets: int = Field(default=4, ge=1)
    """Number of strongest sets of each model in an overlay
    (`results/overlays/<experiment>/<sample>.pdf`)."""


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
    figures: Drawing
    statistics: Statistics


class ClaimsSettings(FigureSettings):
    kinds: list[Kind]
    """Kind of network of each experiment."""


class Explorer(Section):
    """How much the explorer page shows; the result files are complete."""

    samples: int = Field(default=20, ge=0)
    """Largest number of samples of each experiment, spread evenly over all. The page shows fewer if
    it would exceed `megabytes`."""
    interactions: int = Field(default=8, ge=1)
    """Number of preserved, of discarded and of new interactions listed for each sample, strongest
    first."""
    megabytes: float = Field(default=15, gt=0)
    """Largest size of the page, in 10**6 bytes."""


class Setup(Section):
    """What the page says about an experiment."""

    model: str
    dataset: str
    players: str
    """Kind of players."""
    interactions: str = "harsanyi"
    """Kind of interactions."""
    seeds: list[int]


class ExplorerSettings(FigureSettings):
    suite: str
    setups: list[Setup]
    """One for each experiment."""
    snapshots: list[float]
    """Fractions of training at which interactions are stored."""
    metrics: Metrics
    explorer: Explorer
