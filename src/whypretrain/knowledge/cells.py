"""From rows of a per-sample table to cells of the crossed design: seeds × seeds × samples."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.knowledge.intervals import STEP, estimate, second_runs, spread_of_pairs
from whypretrain.knowledge.statistics import Statistic, quotient

Array = NDArray[np.float64]
Row = dict[Any, Any]
SEEDS = ("finetune", "scratch", "second")


class Cells(NamedTuple):
    """Values of a column for each of some keys.

    `keys`: a row for each combination, sorted. `array`: shape (n_keys, n_finetune, n_scratch,
    n_samples), NaN where a row is missing; a factor that the values do not depend on has length 1.
    `n_seeds`: the fewest of a factor that they depend on. `spread`: as :func:`estimate` takes it.
    """

    keys: pd.DataFrame
    array: Array
    n_seeds: int
    spread: float = 1.0

    def one(self, **keys: Any) -> Array:
        """The values of one combination of keys, shape (n_finetune, n_scratch, n_samples)."""
        chosen = np.ones(len(self.keys), dtype=bool)
        for name, key in keys.items():
            chosen &= (self.keys[name] == key).to_numpy()
        (place,) = np.flatnonzero(chosen)
        return np.asarray(self.array[place])


def cells(table: pd.DataFrame, keys: Sequence[str], value: str) -> Cells:
    """The cells of a column, samples in the order of their ids.

    Parameters
    ----------
    table : with a column `sample`, and `seed` (of networks of one variant) or those of SEEDS; its
        rows depend on the same of them. Two seeds of one kind become one factor
        (:func:`second_runs`)
    """
    if "seed" in table:
        names = {"seed": -3}
    else:
        names = {name: at for name, at in (("finetune", -3), ("scratch", -2)) if any(table[name])}
    pair = "second" in table and any(table["second"])
    places = [*names, *(["second"] if pair else []), "sample"]
    codes, levels = zip(*(pd.factorize(table[name], sort=True) for name in places), strict=True)
    groups = table.groupby(list(keys), dropna=False)
    found = groups.size().index.to_frame(index=False)
    cell_of_row = (groups.ngroup().to_numpy(), *codes)
    values = np.full((len(found), *map(len, levels)), np.nan)
    if len(np.unique(np.ravel_multi_index(cell_of_row, values.shape))) < len(table):
        message = f"{value}: several rows of one sample, with the same keys and seeds"
        raise ValueError(message)
    values[cell_of_row] = table[value]
    n_seeds = min((len(own) for own in levels[: len(names)]), default=1)
    spread = 1.0
    if pair:
        crossed = levels[0].equals(levels[1])
        # Else: a trajectory of one seed against final networks of others.
        values = second_runs(values) if crossed else values.mean(axis=2)
        spread = spread_of_pairs(n_seeds) if crossed else 1.0
    shape = [1, 1, values.shape[-1]]
    for name, at in names.items():
        shape[at] = values.shape[1 + list(names).index(name)]
    values = values.reshape(len(found), *shape)
    return Cells(found, values, n_seeds, spread)


def by_reference(table: pd.DataFrame, keys: Sequence[str], value: str) -> dict[str, Cells]:
    """Cells of every reference; of a table without references all is measured."""
    if "reference" not in table:
        return {"measured": cells(table, keys, value)}
    groups = table.groupby("reference", sort=False)
    return {str(name): cells(own, keys, value) for name, own in groups}


def number(
    statistic: Statistic,
    arrays: Mapping[str, Sequence[Array]],
    confidence: float,
    *,
    step: float = STEP,
    spreads: Sequence[float] | None = None,
) -> Row:
    """A statistic of cells under each reference, and its excess over chance.

    Parameters
    ----------
    arrays : by reference the cells that the statistic takes the means of, each of shape
        (n_finetune, n_scratch, n_samples)
    step, spreads : as :func:`estimate` takes them, the latter for what is measured

    Returns
    -------
    `number`, `low`, `high`, `least`, `most`; `chance`, `swapped`, `second_run` where given;
    `excess` (number minus chance) with its interval
    """
    measured = arrays["measured"]
    own = estimate(statistic, measured, confidence, step=step, spreads=spreads)
    row: Row = {name: float(value) for name, value in own._asdict().items()}
    for reference, terms in arrays.items():
        if reference != "measured":
            row[reference] = float(statistic(*(one.mean() for one in terms)))
    if "chance" in arrays:
        both = [*measured, *arrays["chance"]]
        found = estimate(difference(statistic, len(measured)), both, confidence, step=step)
        row |= {"excess": float(found.number), "excess_low": float(found.low)}
        row["excess_high"] = float(found.high)
    return row


def difference(statistic: Statistic, count: int) -> Statistic:
    """A statistic of the first `count` means minus that of the others."""

    def minus(*means: Array) -> Array:
        return np.asarray(statistic(*means[:count]) - statistic(*means[count:]))

    return minus


def with_gaps(values: Array) -> list[Array]:
    """Cells of which some are NaN, as those whose :func:`quotient` is the mean without them.

    >>> [own.mean() for own in with_gaps(np.array([1.0, np.nan, 3.0]))]
    [np.float64(1.3333333333333333), np.float64(0.6666666666666666)]
    """
    held = ~np.isnan(values)
    return [np.where(held, values, 0.0), held.astype(float)]


def means(
    table: pd.DataFrame, keys: list[str], value: str, confidence: float, **known: str
) -> Iterator[Row]:
    """Means of a column, a row for each combination of keys, with all references.

    Parameters
    ----------
    table : one row a sample, combination of keys and seeds and, if it has this column,
        `reference`; NaN is left out
    keys : rows of one value of the first key depend on the same seeds
    known : what to add to every row
    """
    for _, of_first in table.groupby(keys[0], sort=False):
        found = by_reference(of_first, keys, value)
        measured = found["measured"]
        places = {
            name: {key: at for at, key in enumerate(own.keys.itertuples(index=False, name=None))}
            for name, own in found.items()
        }
        for key, at in places["measured"].items():
            arrays = {
                name: with_gaps(own.array[places[name][key]])
                for name, own in found.items()
                if key in places[name]
            }
            n = int((~np.isnan(measured.array[at])).any(axis=(0, 1)).sum())
            row = number(quotient, arrays, confidence, spreads=[measured.spread] * 2)
            row |= {"n": n, "n_seeds": measured.n_seeds}
            yield {**known, **dict(zip(keys, key, strict=True)), **row}
