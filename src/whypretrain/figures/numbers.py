"""The numbers that figures show: means over samples with their intervals and references."""

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from whypretrain.config.statistics import Statistics
from whypretrain.metrics.intervals import bootstrap, mean


def means(table: pd.DataFrame, keys: list[str], value: str, options: Statistics) -> pd.DataFrame:
    """Mean of a column over the samples of every experiment.

    Parameters
    ----------
    table : with columns `experiment`, `sample`, `reference`, the keys and the value
    keys : what is told apart, besides experiments

    Returns
    -------
    table with columns `experiment`, the keys, the value under `measured`, `low`, `high` (its
    bootstrap interval), `n_samples`, and the value under every other reference that there is
    """
    parts = []
    for experiment, own in table.groupby("experiment", sort=False):
        measured = own[own["reference"] == "measured"]
        wide = measured.pivot(index=keys, columns="sample", values=value)
        interval = bootstrap(mean, [wide.to_numpy()], options)
        numbers = pd.DataFrame(
            {
                value: mean(wide.to_numpy()),
                "low": interval.low,
                "high": interval.high,
                "n_samples": wide.notna().sum(axis=1).to_numpy(),
            },
            index=wide.index,
        )
        others = own[own["reference"] != "measured"]
        null = others.groupby([*keys, "reference"])[value].mean().unstack("reference")
        numbers = numbers.join(null).reset_index()
        numbers.insert(0, "experiment", experiment)
        parts.append(numbers)
    return pd.concat(parts, ignore_index=True)


def accuracies(history: pd.DataFrame, options: Statistics) -> pd.DataFrame:
    """Test accuracy of every row with Wilson's interval, `accuracy_low` and `accuracy_high`."""
    right = (history["test_accuracy"] * history["n_test"]).round()
    low, high = proportion_confint(
        right, history["n_test"], alpha=1 - options.confidence, method="wilson"
    )
    return history.assign(accuracy_low=low, accuracy_high=high)
