"""From a claim and the evidence of an experiment to a verdict: the rules of docs/claims.md."""

from typing import Any, Literal, NamedTuple

import numpy as np
from statsmodels.stats.proportion import confint_proportions_2indep

from whypretrain.claims.catalogue import Claim
from whypretrain.claims.evidence import Evidence
from whypretrain.knowledge.intervals import Array, bootstrap
from whypretrain.knowledge.strengths import RatioReading
from whypretrain.settings.statistics import Statistics

Answer = Literal["yes", "no", "open"]
Verdict = Literal["holds", "fails", "not distinguishable from the null"]


class Finding(NamedTuple):
    """A claim's number with its interval; what it exceeds the null by, with its interval.

    NaN stands for what an experiment does not have. `n` samples, or images or sentences of the
    test split.
    """

    number: float
    low: float
    high: float
    null: float
    excess: float
    excess_low: float
    excess_high: float
    unrelated: float
    self: float
    n: int
    as_worded: Answer
    beyond_null: Answer
    verdict: Verdict


def judge(
    claim: Claim, evidence: Evidence, *, reading: RatioReading, options: Statistics
) -> Finding | None:
    """Judge one claim by one experiment; None where it lacks what the claim needs.

    That is a second fine-tuned network for `reach`, and three snapshots for `steadier`: a curve
    from start to end alone has nowhere to go down.
    """
    if claim.key == "reach" and not evidence.has("self"):
        return None
    if claim.key == "steadier" and len(evidence.curve("finetune", "measured")[0]) < 3:
        return None
    if claim.ask is None:
        return _judge_accuracy(claim, evidence, options)
    question = claim.ask(evidence, reading)
    measured = question.arrays("measured")
    number = float(question.statistic(*measured))
    interval = bootstrap(question.statistic, measured, options)
    low, high = float(interval.low), float(interval.high)
    others = {
        reference: float(question.statistic(*question.arrays(reference)))
        for reference in question.others
        if evidence.has(reference)
    }
    null, excess_low, excess_high = 0.0, low, high
    if question.null is not None:
        expected = question.arrays(question.null)
        null = float(question.statistic(*expected))

        def excess(*both: Array, axis: int = -1) -> Array:
            half = len(both) // 2
            own, unrelated = both[:half], both[half:]
            difference = question.statistic(*own, axis=axis) - question.statistic(
                *unrelated, axis=axis
            )
            return np.asarray(difference)

        beyond = bootstrap(excess, [*measured, *expected], options)
        excess_low, excess_high = float(beyond.low), float(beyond.high)
    return Finding(
        number=number,
        low=low,
        high=high,
        null=null,
        excess=number - null,
        excess_low=excess_low,
        excess_high=excess_high,
        unrelated=others.get("unrelated", np.nan),
        self=others.get("self", np.nan),
        n=evidence.n_samples,
        **_answers(claim, (low, high), (excess_low, excess_high)),
    )


def as_worded(claim: Claim, low: float, high: float) -> Answer:
    """Whether the number's interval lies in the range that the paper's words ask for."""
    if claim.low < low and high < claim.high:
        return "yes"
    return "no" if high <= claim.low or low >= claim.high else "open"


def beyond_null(claim: Claim, low: float, high: float) -> Answer:
    """Whether the interval of the excess lies on the claim's side of 0; ``no``: on the other."""
    above, below = low > 0, high < 0
    if above or below:
        return "yes" if above == (claim.side == "above") else "no"
    return "open"


def verdict(words: Answer, null: Answer) -> Verdict:
    """``holds`` takes two times yes, ``fails`` one no; otherwise the data do not say."""
    if "no" in (words, null):
        return "fails"
    return "holds" if words == null == "yes" else "not distinguishable from the null"


def _answers(
    claim: Claim, interval: tuple[float, float], excess: tuple[float, float]
) -> dict[str, Any]:
    words, null = as_worded(claim, *interval), beyond_null(claim, *excess)
    return {"as_worded": words, "beyond_null": null, "verdict": verdict(words, null)}


def _judge_accuracy(claim: Claim, evidence: Evidence, options: Statistics) -> Finding:
    """Newcombe's interval (1998) of the difference of two proportions.

    Both networks see the same images, which the interval takes no advantage of: it is too wide
    rather than too narrow.
    """
    (right, n_test), (scratch_right, _) = (evidence.accuracy(v) for v in ("finetune", "scratch"))
    low, high = confint_proportions_2indep(
        right, n_test, scratch_right, n_test, method="newcomb", alpha=1 - options.confidence
    )
    number = (right - scratch_right) / n_test
    interval = (float(low), float(high))
    return Finding(
        number=number,
        low=interval[0],
        high=interval[1],
        null=0.0,
        excess=number,
        excess_low=interval[0],
        excess_high=interval[1],
        unrelated=np.nan,
        self=np.nan,
        n=n_test,
        **_answers(claim, interval, interval),
    )
