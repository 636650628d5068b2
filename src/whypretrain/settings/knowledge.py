"""Options of what is made of records: kind of interactions, what is salient, intervals."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from whypretrain.settings.base import Section, check_increasing

Shares = Annotated[list[Annotated[float, Field(ge=0, lt=1)]], AfterValidator(check_increasing)]

InteractionKind = Literal["harsanyi", "and_or"]


class Statistics(Section):
    """Intervals of the numbers. They and chance levels have closed forms, without random draws."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence level of every interval."""
    simulated_worlds: int = Field(default=300, ge=1)
    """Number of simulated worlds without transfer on which the answers are tested
    (`results/simulation/rates.csv`); other kinds of worlds are fewer. Intervals are tested on 15
    times as many."""


class Splitting(Section):
    """How outputs are split into an AND and an OR part."""

    tolerance: float = Field(default=1e-4, gt=0, lt=1)
    """A sample is split once its strength exceeds the least possible by at most this share."""
    max_iterations: int = Field(default=20000, ge=1)
    """Iterations after which a sample is taken as it is. The log names the largest gap."""


class Interactions(Splitting):
    """Which interactions the numbers are about. A change measures nothing again."""

    kind: InteractionKind = "harsanyi"
    """`harsanyi` is the paper's (eq. 2). `and_or` splits the outputs into an AND and an OR part
    with the least strength of interactions, as later papers of its authors do."""


class Metrics(Section):
    """Which interactions are salient. Every reading of the ratio is always computed."""

    salience_threshold: float = Field(default=0.05, ge=0, lt=1)
    """An interaction is salient if its strength exceeds this share of the largest strength."""
    salience_thresholds: Shares = Field(default=[0.01, 0.02, 0.05, 0.1, 0.2], min_length=1)
    """Thresholds for the table `salience`, which shows how well salient interactions alone rebuild
    the outputs."""
    salience_scale: Literal["sample", "model"] = "sample"
    """Whether the largest strength is the sample's, or the network's over all samples."""


class MetricsSettings(Section):
    experiment: str
    seeds: list[int]
    """In the order of the records of fine-tuned and of scratch networks."""
    metrics: Metrics
    statistics: Statistics
    least_scratch_accuracy: float | None = None


class AdaptingSettings(Section):
    experiment: str
    seeds: list[int]
    networks: list[str]
    """Names of the networks in the order of their records, such as `lora-seed1`."""
    titles: dict[str, str]
    """Names of the variants in figures."""
    statistics: Statistics
