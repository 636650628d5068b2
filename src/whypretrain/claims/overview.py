"""The main numbers of every experiment side by side, and how they go together.

Accuracies are of the test split, with Wilson's interval; all else are statistics over samples.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from whypretrain.claims.catalogue import Question, ratio_arrays
from whypretrain.claims.evidence import Evidence
from whypretrain.claims.statistics import area
from whypretrain.knowledge.intervals import Array, bootstrap, mean, quotient, ratio_statistic
from whypretrain.knowledge.references import Reference
from whypretrain.knowledge.strengths import RATIO_READINGS, RatioReading
from whypretrain.settings.statistics import Statistics

PAIRS = [
    (knowledge, accuracy)
    for knowledge in ("preserved_share", *(f"ratio_{reading}" for reading in RATIO_READINGS))
    for accuracy in ("accuracy_finetune", "accuracy_scratch", "accuracy_gain")
]
"""Quantities whose correlation over experiments is reported."""


def overview(evidence: Evidence, options: Statistics) -> pd.DataFrame:
    """All quantities of one experiment.

    Returns
    -------
    table with columns `quantity`, `number`, `low`, `high`, `permutation`, `unrelated`, `self` (the
    number under each reference; NaN where there is none) and `n` (samples, or images or sentences
    of the test split)
    """
    rows: list[dict[str, object]] = []
    for quantity, question in _questions(evidence):
        interval = bootstrap(question.statistic, question.arrays("measured"), options)
        rows.append(
            {
                "quantity": quantity,
                "number": float(question.statistic(*question.arrays("measured"))),
                "low": float(interval.low),
                "high": float(interval.high),
                **{
                    reference: float(question.statistic(*question.arrays(reference)))
                    for reference in question.others
                    if evidence.has(reference)
                },
                "n": evidence.n_samples,
            }
        )
    for variant in ("probe", "finetune", "scratch"):
        right, n_test = evidence.accuracy(variant)
        low, high = proportion_confint(right, n_test, alpha=1 - options.confidence, method="wilson")
        accuracy = {"number": right / n_test, "low": float(low), "high": float(high), "n": n_test}
        rows.append({"quantity": f"accuracy_{variant}", **accuracy})
    columns = ["quantity", "number", "low", "high", "permutation", "unrelated", "self", "n"]
    return pd.DataFrame(rows).reindex(columns=columns)


def _questions(evidence: Evidence) -> Iterator[tuple[str, Question]]:
    def sums(quantity: str, reference: Reference) -> Array:
        return np.asarray(evidence.strength(quantity, reference).sum(axis=0))

    def share(part: str, rest: str) -> Question:
        def arrays(reference: Reference) -> list[Array]:
            own = sums(part, reference)
            return [own, own + sums(rest, reference)]

        return Question(quotient, arrays, None, references)

    def over(part: str, whole: str) -> Question:
        return Question(quotient, lambda r: [sums(part, r), sums(whole, r)], None, references)

    def ratio(reading: RatioReading) -> Question:
        return Question(
            ratio_statistic(reading),
            lambda reference: ratio_arrays(evidence, reading, reference),
            None,
            references,
        )

    def jaccard_area(variant: str) -> Question:
        return Question(
            mean, lambda r: [area(*evidence.curve(variant, r))], None, ("permutation", "unrelated")
        )

    references: tuple[Reference, ...] = ("permutation", "unrelated", "self")
    yield "discard_over_preserve", over("discard", "preserve")
    yield "new_over_preserve", over("new", "preserve")
    yield "preserved_share", share("preserve", "discard")
    for reading in RATIO_READINGS:
        yield f"ratio_{reading}", ratio(reading)
    for variant in ("finetune", "scratch"):
        yield f"jaccard_area_{variant}", jaccard_area(variant)


def correlations(overviews: pd.DataFrame) -> pd.DataFrame:
    """Correlation of knowledge with accuracy over experiments.

    Parameters
    ----------
    overviews : :func:`overview` of every experiment, with a column `experiment`

    Returns
    -------
    table with columns `knowledge`, `accuracy`, `n` (experiments), `pearson`, `low`, `high` (its
    95 % interval by Fisher's transformation; NaN with fewer than four experiments), `spearman` and
    `p` (two-sided; exact up to eight experiments, else from 9,999 permutations). NaN where a
    quantity is equal in all experiments.
    """
    wide = overviews.pivot(index="experiment", columns="quantity", values="number")
    wide["accuracy_gain"] = wide["accuracy_finetune"] - wide["accuracy_scratch"]
    rows = []
    for knowledge, accuracy in PAIRS:
        both = wide[[knowledge, accuracy]].dropna()
        rows.append(
            {"knowledge": knowledge, "accuracy": accuracy, "n": len(both)}
            | _correlation(both[knowledge].to_numpy(), both[accuracy].to_numpy())
        )
    return pd.DataFrame(rows)


def _correlation(first: Array, second: Array) -> dict[str, float]:
    nothing = dict.fromkeys(("pearson", "low", "high", "spearman", "p"), np.nan)
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return nothing
    pearson = stats.pearsonr(first, second)
    bounds = pearson.confidence_interval() if len(first) > 3 else (np.nan, np.nan)

    def spearman(ordered: Array) -> float:
        return float(stats.spearmanr(ordered, second).statistic)

    test = stats.permutation_test(
        (first,), spearman, permutation_type="pairings", rng=np.random.default_rng(0)
    )
    return {
        "pearson": float(pearson.statistic),
        "low": float(bounds[0]),
        "high": float(bounds[1]),
        "spearman": float(test.statistic),
        "p": float(test.pvalue),
    }


def by_kind(overviews: pd.DataFrame) -> pd.DataFrame:
    """Every quantity's mean over the experiments of a kind of architecture (CNN, transformer).

    Returns
    -------
    table with columns `kind`, `quantity`, `number`, `least`, `most` (over the experiments), `n`
    (experiments)
    """
    groups = overviews.groupby(["kind", "quantity"], as_index=False, sort=False)
    return groups.agg(
        number=("number", "mean"),
        least=("number", "min"),
        most=("number", "max"),
        n=("number", "size"),
    )
