"""The claims, in the paper's order: docs/claims.md says the same in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from whypretrain.claims.evidence import Evidence
from whypretrain.claims.statistics import Statistic, area, descent, epochs_saved, share_slope
from whypretrain.knowledge.intervals import mean, quotient, ratio_statistic
from whypretrain.knowledge.references import Reference
from whypretrain.knowledge.strengths import RatioReading

Array = NDArray[np.float64]
Arrays = Sequence[Array]


@dataclass(frozen=True)
class Question:
    """A statistic and the arrays it is of, in one experiment.

    `arrays` gives those of a reference. `null` is the reference that the number must differ from,
    or None where models without transfer would give 0.
    """

    statistic: Statistic
    arrays: Callable[[Reference], Arrays]
    null: Reference | None
    others: tuple[Reference, ...] = ()
    """References that are reported beside it."""


@dataclass(frozen=True)
class Claim:
    """What the paper says, and the range that the number must lie in as the paper words it.

    `side` is where the number must lie of what models without transfer give.
    """

    key: str
    statement: str
    number: str
    paper: str
    low: float
    high: float
    side: Literal["above", "below"]
    ask: Callable[[Evidence, RatioReading], Question] | None
    """None: the accuracies of the test split, which are no means over samples."""


def _discard(evidence: Evidence, _: RatioReading) -> Question:
    def arrays(reference: Reference) -> Arrays:
        parts = (evidence.strength(part, reference) for part in ("discard", "preserve"))
        return [part.sum(axis=0) for part in parts]

    return Question(quotient, arrays, "permutation", ("unrelated", "self"))


def _grows(part: str) -> Callable[[Evidence, RatioReading], Question]:
    def ask(evidence: Evidence, _: RatioReading) -> Question:
        def arrays(reference: Reference) -> Arrays:
            parts = evidence.strength(part, reference)
            return [*parts, *(parts + evidence.strength("preserve", reference))]

        statistic = share_slope(evidence.orders)
        return Question(statistic, arrays, "permutation", ("unrelated", "self"))

    return ask


def ratio_arrays(evidence: Evidence, reading: RatioReading, reference: Reference) -> Arrays:
    """What `metrics.intervals.ratio_statistic` takes."""
    numerator, denominator = evidence.ratio(reading, reference)
    if reading == "weighted":
        return [numerator, denominator]
    missing = np.full_like(numerator, np.nan)
    return [np.divide(numerator, denominator, out=missing, where=denominator > 0)]


def _ratio(evidence: Evidence, reading: RatioReading) -> Question:
    return Question(
        ratio_statistic(reading),
        lambda reference: ratio_arrays(evidence, reading, reference),
        "permutation",
        ("unrelated", "self"),
    )


def _reach_gap(evidence: Evidence, reading: RatioReading) -> Question:
    one = ratio_statistic(reading)

    def gap(*arrays: Array, axis: int = -1) -> Array:
        half = len(arrays) // 2
        return np.asarray(one(*arrays[:half], axis=axis) - one(*arrays[half:], axis=axis))

    def arrays(_: Reference) -> Arrays:
        return [
            *ratio_arrays(evidence, reading, "measured"),
            *ratio_arrays(evidence, reading, "self"),
        ]

    return Question(gap, arrays, None)


def _of_curves(
    per_sample: Callable[[Array, Array], Array], sign: int
) -> Callable[[Evidence, RatioReading], Question]:
    """Finetune minus scratch (`sign` 1) or the other way round, of a number of each curve."""

    def ask(evidence: Evidence, _: RatioReading) -> Question:
        def arrays(reference: Reference) -> Arrays:
            finetune, scratch = (
                per_sample(*evidence.curve(variant, reference))
                for variant in ("finetune", "scratch")
            )
            return [sign * (finetune - scratch)]

        return Question(mean, arrays, "permutation")

    return ask


def _epochs(evidence: Evidence, _: RatioReading) -> Question:
    (finetune_epochs, finetune), (scratch_epochs, scratch) = (
        evidence.losses(variant) for variant in ("finetune", "scratch")
    )
    statistic = epochs_saved(finetune_epochs, scratch_epochs)
    return Question(statistic, lambda _: [*finetune, *scratch], None)


CLAIMS = (
    Claim(
        "discard",
        "Fine-tuning discards more than twice what it preserves",
        "discard / preserve",
        "most is discarded (Fig. 2)",
        low=2,
        high=np.inf,
        side="above",
        ask=_discard,
    ),
    Claim(
        "discard_order",
        "The discarded share grows with the order",
        "slope of discard / (discard + preserve) per order",
        "grows (Fig. 2)",
        low=0,
        high=np.inf,
        side="above",
        ask=_grows("discard"),
    ),
    Claim(
        "new_order",
        "The new share grows with the order",
        "slope of new / (new + preserve) per order",
        "grows (Fig. 2)",
        low=0,
        high=np.inf,
        side="above",
        ask=_grows("new"),
    ),
    Claim(
        "ratio",
        "Training from scratch reaches only 13 % to 45 % of the preserved knowledge",
        "ratio (eq. 8)",
        "13 % to 45 % (Fig. 3)",
        low=0.13,
        high=0.45,
        side="below",
        ask=_ratio,
    ),
    Claim(
        "reach",
        "Training from scratch reaches less of it than fine-tuning again does",
        "ratio of scratch - ratio of a second fine-tuned network",
        "very challenging to learn from scratch",
        low=-np.inf,
        high=0,
        side="below",
        ask=_reach_gap,
    ),
    Claim(
        "earlier",
        "Fine-tuning comes to its final interactions earlier",
        "area under Jaccard over training, finetune - scratch",
        "a sharper increase (Fig. 4)",
        low=0,
        high=np.inf,
        side="above",
        ask=_of_curves(area, 1),
    ),
    Claim(
        "steadier",
        "Fine-tuning comes to its final interactions more steadily",
        "downward movement of Jaccard, scratch - finetune",
        "a stabler increase (Fig. 4)",
        low=0,
        high=np.inf,
        side="above",
        ask=_of_curves(lambda _, curves: descent(curves), -1),
    ),
    Claim(
        "accuracy",
        "Fine-tuning is more accurate than training from scratch",
        "test accuracy, finetune - scratch",
        "usually better",
        low=0,
        high=np.inf,
        side="above",
        ask=None,
    ),
    Claim(
        "epochs",
        "Fine-tuning takes fewer epochs to a given loss",
        "epochs to a loss both reach, scratch - finetune",
        "faster (footnote 5)",
        low=0,
        high=np.inf,
        side="above",
        ask=_epochs,
    ),
)
