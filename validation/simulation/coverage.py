"""How often intervals hold the truth, where seeds and samples are crossed random factors.

Statistics that claims rest on are drawn many times with known components of variance, and get their
intervals as in the summary (:func:`whypretrain.knowledge.intervals.estimate`). Beside it stand two
others: the crossed or pigeonhole bootstrap, which draws seeds and samples anew independently of
each other (Owen, 2007), and the interval that knows samples alone.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from whypretrain.files.progress import Progress
from whypretrain.knowledge.intervals import estimate, second_runs
from whypretrain.knowledge.statistics import Statistic, quotient, slope

Array = NDArray[np.float64]
N_SEEDS, N_SAMPLES = (3, 5, 8), (20, 100)
N_RESAMPLES = 200
ONE_IN = 4  # so many worlds one gets a bootstrap interval, which is slow
TOGETHER = 200  # worlds in memory
SPREAD = 0.5  # of the logarithm of strengths
ORDERS = np.arange(1, 5)


class Components(NamedTuple):
    """Shares of a cell's variance: that of seeds, of samples, and of what both do together."""

    seeds: float
    samples: float
    both: float


COMPONENTS = {
    "no seeds": Components(0, 0.5, 0.5),
    "few seeds": Components(0.02, 0.5, 0.48),
    "even": Components(0.15, 0.6, 0.25),
    "mostly seeds": Components(0.6, 0.2, 0.2),
    "cells alone": Components(0, 0, 1),
}
"""By name. With 5 seeds and 20 samples, `even` seeds and samples add equally much to the variance
of a mean."""


class Case(NamedTuple):
    """A statistic of cells of many worlds, each (n_worlds, n_finetune, n_scratch, n_samples).

    `pairs`: which cells are of a first and a second seed of finetune instead.
    """

    statistic: Statistic
    truth: float
    cells: list[Array]
    pairs: tuple[int, ...] = ()


class Design(NamedTuple):
    """What a draw of effects depends on."""

    generator: np.random.Generator
    of: Components
    n_worlds: int
    n_seeds: int
    n_samples: int

    def effect(self, share: float, factors: str) -> Array:
        """A normal value for each level of `a`, `b` (seeds of finetune, of scratch), `s`."""
        levels = {"a": self.n_seeds, "b": self.n_seeds, "s": self.n_samples}
        shape = [n if name in factors else 1 for name, n in levels.items()]
        return self.generator.normal(scale=np.sqrt(share), size=(self.n_worlds, *shape))

    def cells(self, seeds: str) -> Array:
        """Cells of mean 0 and variance 1 that depend on `a`, `b` or both (`ab`)."""
        found = self.effect(self.of.samples, "s")
        parts = 1 if len(seeds) == 1 else 3
        for one in seeds:
            found = found + self.effect(self.of.seeds / len(seeds), one)
            found = found + self.effect(self.of.both / parts, f"{one}s")
        return found if parts == 1 else found + self.effect(self.of.both / parts, "abs")


def mean(design: Design) -> Case:
    """A value for each seed and sample, such as agreement with the probe."""
    return Case(np.asarray, 0.0, [design.cells("a")])


def crossed_mean(design: Design) -> Case:
    """A value for each pair of seeds and sample, such as the ratio."""
    return Case(np.asarray, 0.0, [design.cells("ab")])


def skewed_quotient(design: Design) -> Case:
    """Two sums of lognormal strengths that go together: the ratio, reading `weighted`."""
    below = design.cells("a")
    above = np.sqrt(0.5) * (below + design.cells("ab"))  # as strong
    return Case(quotient, 1.0, [np.exp(SPREAD * above), np.exp(SPREAD * below)])


def order_slope(design: Design) -> Case:
    """A mean for each order, which go together: `discard_order`, amounts."""
    shared = design.cells("a")
    return Case(slope(ORDERS), 0.0, [shared + design.cells("a") for _ in ORDERS])


def transfer(design: Design) -> Case:
    """The difference of two means that depend on different seeds."""
    common = design.effect(design.of.samples, "s")
    return Case(np.subtract, 0.0, [common + design.cells(one) for one in "ab"])


def _pairs(cells: Array) -> Array:
    """Agreement of a first with a second network: (n_worlds, n_seeds, n_seeds, n_samples)."""
    return np.sqrt(0.5) * (cells + cells.swapaxes(1, 2))


def second_run(design: Design) -> Case:
    """A value for each two seeds of one kind, such as agreement of two fine-tuned networks."""
    again = design.effect(design.of.both / 2, "abs")
    return Case(np.asarray, 0.0, [_pairs(design.cells("a")) + _pairs(again)], (0,))


def beyond_retraining(design: Design) -> Case:
    """Agreement with the probe minus that of two seeds: the same networks are in both."""
    one = design.cells("a")
    own = design.effect(design.of.both / 2, "abs")
    return Case(np.subtract, 0.0, [one, _pairs(one) + _pairs(own)], (1,))


CASES: dict[str, Callable[[Design], Case]] = {
    case.__name__: case
    for case in (
        mean,
        crossed_mean,
        skewed_quotient,
        order_slope,
        transfer,
        second_run,
        beyond_retraining,
    )
}


def of_summary(case: Case, confidence: float) -> tuple[Array, Array]:
    """The interval that the summary has: its ends, of shape (n_worlds,)."""
    cells = [
        second_runs(own)[:, :, None] if place in case.pairs else own
        for place, own in enumerate(case.cells)
    ]
    found = estimate(case.statistic, cells, confidence)
    return found.low, found.high


def of_samples(case: Case, confidence: float) -> tuple[Array, Array]:
    """The interval of a network of each kind as it is: over samples alone."""
    cells = [
        _weighted(own, [np.ones((1, n)) / n for n in own.shape[1:]], is_pair=place in case.pairs)
        for place, own in enumerate(case.cells)
    ]
    found = estimate(case.statistic, [own[:, None] for own in cells], confidence)
    return found.low, found.high


def crossed_bootstrap(
    case: Case, confidence: float, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Percentiles where seeds and samples are drawn anew; two of one seed are no pair."""
    _, n_finetune, n_scratch, n_samples = np.broadcast_shapes(*(own.shape for own in case.cells))
    drawn = [
        generator.multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES) / n
        for n in (n_finetune, n_scratch, n_samples)
    ]
    means = []
    for place, own in enumerate(case.cells):
        is_pair = place in case.pairs
        weights = [drawn[0], drawn[0] if is_pair else drawn[1], drawn[2]]
        of_samples = _weighted(own, weights[:2], is_pair=is_pair)
        means.append(np.einsum("wrs,rs->wr", of_samples, weights[2]))
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(case.statistic(*means), [tail, 1 - tail], axis=1)
    return low, high


def _weighted(own: Array, weights: Sequence[Array], *, is_pair: bool) -> Array:
    """Means over seeds, (n_worlds, n_resamples, n_samples)."""
    of_seeds = [
        one if n > 1 else np.ones((len(one), 1))
        for one, n in zip(weights[:2], own.shape[1:3], strict=True)
    ]
    joint = np.einsum("ri,rj->rij", *of_seeds)
    if is_pair:
        joint = joint * (1 - np.eye(own.shape[1]))
        with np.errstate(invalid="ignore"):  # one seed drawn alone has no pair
            joint = joint / joint.sum(axis=(1, 2), keepdims=True)
    return np.einsum("rij,wijs->wrs", joint, own, optimize=True)


def coverage(n_worlds: int, confidence: float) -> pd.DataFrame:
    """Coverage of three intervals in every design.

    Returns
    -------
    table with columns `statistic`, `components`, `seeds`, `samples`, `interval` (``summary``,
    ``bootstrap`` or ``samples alone``), `count` of `n` that hold the truth, `rate` with its
    interval `low`, `high` (95 %, Clopper and Pearson), `width` (mean)
    """
    designs = [*product(CASES, COMPONENTS, N_SEEDS, N_SAMPLES)]
    progress, rows = Progress("coverage", len(designs), "design"), []
    for number, (name, components, n_seeds, n_samples) in enumerate(designs):
        generator = np.random.default_rng([1, number])
        parts: dict[str, list[Array]] = {}
        for start in range(0, n_worlds, TOGETHER):
            together = min(TOGETHER, n_worlds - start)
            design = Design(generator, COMPONENTS[components], together, n_seeds, n_samples)
            case = CASES[name](design)
            some = case._replace(cells=[own[::ONE_IN] for own in case.cells])
            for interval, (low, high) in {
                "summary": of_summary(case, confidence),
                "bootstrap": crossed_bootstrap(some, confidence, generator),
                "samples alone": of_samples(case, confidence),
            }.items():
                holds = (low <= case.truth) & (case.truth <= high)
                parts.setdefault(interval, []).append(np.stack([holds, high - low]))
        for interval, found in parts.items():
            holds, width = np.concatenate(found, axis=1)
            rows.append(
                {
                    "statistic": name,
                    "components": components,
                    "seeds": n_seeds,
                    "samples": n_samples,
                    "interval": interval,
                    "count": int(holds.sum()),
                    "n": len(holds),
                    "width": width.mean(),
                }
            )
        progress.update()
    table = pd.DataFrame(rows)
    table["rate"] = table["count"] / table["n"]
    table["low"], table["high"] = proportion_confint(table["count"], table["n"], method="beta")
    return table
