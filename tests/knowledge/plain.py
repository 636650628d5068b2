"""The mathematics of tables and summary once more, in loops and textbook formulas."""

import math
from collections.abc import Sequence
from itertools import chain, combinations, permutations, product

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


def f(x: float, y: float) -> float:
    """What two strengths have in common: 1[x·y > 0] · min(|x|, |y|)."""
    return min(abs(x), abs(y)) if (x > 0) == (y > 0) and x != 0 and y != 0 else 0.0


def sets_of(order: int, n_coalitions: int) -> list[int]:
    return [s for s in range(n_coalitions) if s.bit_count() == order]


def permuted(values: Sequence[float]) -> list[list[float]]:
    """Every arrangement of the values of one order."""
    return [list(one) for one in permutations(values)]


def permuted_models(model: Array) -> list[Array]:
    """Every arrangement of one sample's interactions, (2**n_players,), within all orders."""
    sets = [sets_of(order, len(model)) for order in range(len(model).bit_length())]
    found = []
    for arrangement in product(*(permuted(own) for own in sets)):
        moved = np.empty_like(model)
        moved[list(chain(*sets))] = model[list(map(int, chain(*arrangement)))]
        found.append(moved)
    return found


def agreement(first: Array, second: Array, orders: Sequence[int], *, signs: bool = False) -> float:
    """Of one sample, by trying every arrangement, or every pattern of signs, of each order."""
    held = expected = largest = 0.0
    for order in orders:
        own = sets_of(order, len(first))
        x, y = [float(first[s]) for s in own], [float(second[s]) for s in own]
        if signs:
            turned = [
                [v * s for v, s in zip(y, pattern, strict=True)]
                for pattern in product((1, -1), repeat=len(y))
            ]
        else:
            turned = permuted(y)
        sums = [sum(map(f, x, one)) for one in turned]
        held += sum(map(f, x, y))
        expected += sum(sums) / len(sums)
        largest += max(sums)
    room = largest - expected
    return (held - expected) / room if room > 1e-12 else math.nan


def anova(cells: Array) -> tuple[float, float]:
    """Variance of the mean of a crossed design, and its degrees of freedom, from its table.

    Sums of squares are those of the means over levels, by inclusion and exclusion.
    """
    factors = [axis for axis in range(cells.ndim) if cells.shape[axis] > 1]
    n = cells.size
    shares: dict[tuple[int, ...], tuple[float, float]] = {}
    for chosen in chain(*(combinations(factors, k) for k in range(1, len(factors) + 1))):
        effect = np.zeros_like(cells)
        for inner in chain(*(combinations(chosen, k) for k in range(len(chosen) + 1))):
            rest = tuple(axis for axis in range(cells.ndim) if axis not in inner)
            mean = np.broadcast_to(cells.mean(axis=rest, keepdims=True), cells.shape)
            effect = effect + (-1) ** (len(chosen) - len(inner)) * mean
        freedom = math.prod(cells.shape[axis] - 1 for axis in chosen)
        shares[chosen] = float((effect**2).sum()) / freedom / n, freedom
    total = sum((-1) ** (len(own) + 1) * share for own, (share, _) in shares.items())
    largest = max((share, freedom) for own, (share, freedom) in shares.items() if len(own) == 1)
    if total <= largest[0]:
        return largest
    return total, total**2 / sum(share**2 / freedom for share, freedom in shares.values())


def reach(cells: Array, confidence: float = 0.95) -> float:
    """Half the interval of the mean of a crossed design."""
    variance, freedom = anova(cells)
    return float(stats.t.ppf(0.5 + confidence / 2, freedom)) * math.sqrt(variance)


def quotient_reach(above: Array, below: Array) -> float:
    """Half the interval of a quotient of two means, by the delta method."""
    ratio = above.mean() / below.mean()
    return reach((above - ratio * below) / below.mean())


def check(found: pd.Series, number: float, reach: float, *, rel: float = 1e-4) -> None:
    """A number and half its interval; slopes of quotients are found numerically."""
    assert found["number"] == pytest.approx(number, rel=1e-12)
    assert found["high"] - found["number"] == pytest.approx(reach, rel=rel)
    assert found["number"] - found["low"] == pytest.approx(reach, rel=rel)
