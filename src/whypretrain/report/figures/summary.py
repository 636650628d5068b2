"""From a row a sample to means over samples with their intervals."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from whypretrain.knowledge.intervals import bootstrap, mean, ratio_statistic
from whypretrain.knowledge.strengths import RatioReading
from whypretrain.settings.statistics import Statistics


def means(table: pd.DataFrame, keys: list[str], value: str, options: Statistics) -> pd.DataFrame:
    """Mean of a column over the samples of every experiment and combination of keys.

    Parameters
    ----------
    table : with columns `experiment`, `sample`, the keys and the value; NaN is left out
    keys : that, with experiment and sample, name a row

    Returns
    -------
    table with columns `experiment`, the keys, the value (its mean), `low` and `high` (bootstrap
    interval, NaN for a single sample), `n_samples`

    Raises
    ------
    ValueError
        If two rows have one experiment, sample and keys.
    """
    if table.empty:
        return table[["experiment", *keys, value]].assign(low=np.nan, high=np.nan, n_samples=0)
    parts = []
    for experiment, own in table.groupby("experiment", sort=False):
        wide = own.pivot(index=keys, columns="sample", values=value)
        array = wide.to_numpy(dtype=float)
        held = ~np.isnan(array)
        numbers = wide.index.to_frame(index=False)
        numbers.insert(0, "experiment", experiment)
        numbers[value] = mean(array)
        numbers[["low", "high"]] = np.nan
        # Samples that some rows lack would be missing from whole resamples of these.
        for pattern in np.unique(held, axis=0):
            alike = (held == pattern).all(axis=1)
            interval = bootstrap(mean, [array[alike][:, pattern]], options)
            numbers.loc[alike, ["low", "high"]] = np.stack(interval, axis=1)
        numbers["n_samples"] = held.sum(axis=1)
        parts.append(numbers)
    return pd.concat(parts, ignore_index=True)


def referenced_means(
    table: pd.DataFrame, keys: list[str], value: str, options: Statistics
) -> pd.DataFrame:
    """Means with what they would be under every reference (`metrics.references`).

    Parameters
    ----------
    table : as in :func:`means`, with a column `reference`

    Returns
    -------
    the table of :func:`means` of the rows `measured`, and a column for every other reference
    """
    measured = table["reference"] == "measured"
    numbers = means(table[measured], keys, value, options)
    names = ["experiment", *keys]
    others = table[~measured].groupby([*names, "reference"])[value].mean().unstack("reference")
    return numbers.merge(others, how="left", left_on=names, right_index=True)


def ratio_mean(table: pd.DataFrame, reading: RatioReading, options: Statistics) -> dict[str, float]:
    """The ratio of eq. 8 of one experiment under one reading of 0/0, over all orders.

    Parameters
    ----------
    table : rows of the table `ratio` of the experiment, of order ``all``

    Returns
    -------
    `number`, `low` and `high` (bootstrap interval), `n` (samples), and the number under every other
    reference that the table has
    """
    statistic = ratio_statistic(reading)

    def arrays(reference: str) -> list[NDArray[np.float64]]:
        own = table[(table["reading"] == reading) & (table["reference"] == reference)]
        columns = ["numerator", "denominator"] if reading == "weighted" else ["ratio"]
        return [own[column].to_numpy(dtype=float) for column in columns]

    interval = bootstrap(statistic, arrays("measured"), options)
    return {
        "number": float(statistic(*arrays("measured"))),
        "low": float(interval.low),
        "high": float(interval.high),
        "n": table["sample"].nunique(),
        **{
            reference: float(statistic(*arrays(reference)))
            for reference in ("permutation", "unrelated", "self")
            if (table["reference"] == reference).any()
        },
    }


def whiskers(numbers: pd.DataFrame, value: str) -> NDArray[np.float64]:
    """How far the interval reaches below and above the mean: array of shape (2, n_rows), >= 0."""
    reach = np.stack([numbers[value] - numbers["low"], numbers["high"] - numbers[value]])
    # A bound equal to the mean may lie beyond it by rounding.
    return np.maximum(reach, 0.0)


def accuracies(history: pd.DataFrame, options: Statistics) -> pd.DataFrame:
    """Test accuracy of every row with Wilson's interval, `accuracy_low` and `accuracy_high`."""
    right = (history["test_accuracy"] * history["n_test"]).round()
    low, high = proportion_confint(
        right, history["n_test"], alpha=1 - options.confidence, method="wilson"
    )
    return history.assign(accuracy_low=low, accuracy_high=high)
