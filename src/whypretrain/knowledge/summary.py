"""The summary of an experiment: every number with its one interval and its references.

Intervals are computed here and nowhere else, with samples in the order of their ids: the order of
rows in a table changes nothing. Columns and quantities: docs/formats.md, "The summary".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from whypretrain.knowledge.statistics import (
    Statistic,
    area,
    bootstrap,
    descent,
    epochs_saved,
    mean,
    quotient,
    share_slope,
)
from whypretrain.knowledge.strengths import RATIO_READINGS, REFERENCES, TRAINED, VARIANTS
from whypretrain.networks.learned import shortfall
from whypretrain.settings.knowledge import Statistics

Array = NDArray[np.float64]
Row = dict[Any, Any]
TEXTS = ("experiment", "quantity", "variant", "order", "reading", "level")
COLUMNS = (
    *(*TEXTS, "fraction", "epoch", "number", "low", "high", *REFERENCES[1:]),
    *("excess", "excess_low", "excess_high", "n", "n_seeds", "noise_floor"),
)


def summarise(
    experiment: str,
    tables: Mapping[str, pd.DataFrame],
    options: Statistics,
    least_scratch_accuracy: float | None = None,
) -> pd.DataFrame:
    """The summary of one experiment from its tables, one row a sample, epoch or shift each.

    Parameters
    ----------
    tables : `knowledge`, `ratio`, `jaccard`, `losses` and `history`; `salience`, `counterfactual`,
        `redundancy` and `robustness` where there are
    least_scratch_accuracy : share of test items below which scratch does not count as learned

    Returns
    -------
    table with the columns COLUMNS
    """
    knowledge, jaccard = tables["knowledge"], tables["jaccard"]
    moments = ["variant", "fraction", "epoch"]
    rows = [
        *means(knowledge, ["quantity", "order", "noise_floor"], "strength", options),
        *_ratios(tables["ratio"], options),
        *means(jaccard, moments, "jaccard", options, quantity="jaccard"),
        *_totals(knowledge, options),
        *_curves(jaccard, tables["losses"], options),
        *_reach(tables["ratio"], options),
        *_tested(tables["history"], options, least_scratch_accuracy),
    ]
    further = {
        "salience": _salience,
        "counterfactual": _counterfactual,
        "redundancy": _redundancy,
        "robustness": _robustness,
    }
    for name, made in further.items():
        if name in tables:
            rows += made(tables[name], options)
    table = pd.DataFrame(rows).assign(experiment=experiment, n_seeds=1).reindex(columns=COLUMNS)
    return table.assign(
        **{name: table[name].astype(object).fillna("").astype(str) for name in TEXTS}
    )


def means(
    table: pd.DataFrame, keys: list[str], value: str, options: Statistics, **known: str
) -> list[Row]:
    """Means over samples of a column, a row for each combination of keys, with all references.

    Parameters
    ----------
    table : one row a sample, combination of keys and, if it has this column, `reference`; NaN is
        left out
    known : what to add to every row
    """
    reference = table["reference"] if "reference" in table else pd.Series("measured", table.index)
    wide = {name: _wide(own, keys, value) for name, own in table.groupby(reference, sort=False)}
    measured = wide.pop("measured")
    values = measured.to_numpy(dtype=float)
    numbers = measured.index.to_frame(index=False)
    numbers["number"], numbers["n"] = mean(values), (~np.isnan(values)).sum(axis=1)
    numbers["low"], numbers["high"] = _intervals(values, options)
    for name, own in wide.items():
        others = own.reindex_like(measured).to_numpy(dtype=float)
        numbers[name] = mean(others)
        if name == "chance":
            numbers["excess"] = numbers["number"] - numbers["chance"]
            bounds = _intervals(values - others, options)
            numbers["excess_low"], numbers["excess_high"] = bounds
    return [{**known, **row} for row in numbers.to_dict("records")]


def _wide(table: pd.DataFrame, keys: str | list[str], value: str, **of: str) -> pd.DataFrame:
    """A row for each combination of keys, a column for each sample, both sorted."""
    for name, only in of.items():
        table = table[table[name] == only]
    return table.pivot(index=keys, columns="sample", values=value)


def _intervals(values: Array, options: Statistics) -> Array:
    """Of the mean of each row; samples that a row lacks would be missing from whole resamples."""
    held = ~np.isnan(values)
    bounds = np.full((2, len(values)), np.nan)
    for pattern in np.unique(held, axis=0):
        alike = (held == pattern).all(axis=1)
        bounds[:, alike] = bootstrap(mean, [values[alike][:, pattern]], options)
    return bounds


def _number(
    statistic: Statistic, arrays: Mapping[Any, Sequence[Array]], options: Statistics
) -> Row:
    """A statistic of paired arrays of samples, under each of the references."""
    measured = arrays["measured"]
    low, high = bootstrap(statistic, measured, options)
    row: Row = {name: float(statistic(*own)) for name, own in arrays.items()}
    number = row.pop("measured")
    row |= {"number": number, "low": float(low), "high": float(high), "n": measured[0].shape[-1]}
    if "chance" in arrays:

        def excess(*both: Array, axis: int = -1) -> Array:
            own, unrelated = both[: len(measured)], both[len(measured) :]
            return np.asarray(statistic(*own, axis=axis) - statistic(*unrelated, axis=axis))

        low, high = bootstrap(excess, [*measured, *arrays["chance"]], options)
        row |= {"excess_low": float(low), "excess_high": float(high)}
        row["excess"] = number - row["chance"]
    return row


def _ratios(ratio: pd.DataFrame, options: Statistics) -> Iterator[Row]:
    plain = ratio[ratio["reading"] != "weighted"]
    yield from means(plain, ["order", "reading"], "ratio", options, quantity="ratio")
    for order in ratio["order"].unique():
        terms = _terms(ratio, order=order, reading="weighted")
        row = _number(quotient, terms, options)
        yield {"quantity": "ratio", "order": order, "reading": "weighted", **row}


def _terms(ratio: pd.DataFrame, **of: str) -> dict[str, list[Array]]:
    """Numerators and denominators, each (n_samples,), of every reference."""
    sides = [_wide(ratio, "reference", side, **of) for side in ("numerator", "denominator")]
    return {str(name): [side.loc[name].to_numpy() for side in sides] for name in sides[0].index}


def _totals(knowledge: pd.DataFrame, options: Statistics) -> Iterator[Row]:
    """Over all sets of the orders above the noise floor in all models, and over these orders."""
    models = knowledge[knowledge["quantity"].isin(VARIANTS)]
    loud = models.groupby(["order", "quantity"])[["strength", "noise_floor"]].mean()
    heard = (loud["strength"] >= loud["noise_floor"]).groupby("order").all()
    orders = np.array([order for order, is_heard in heard.items() if order and is_heard])
    sums = knowledge.assign(total=knowledge["strength"] * knowledge["n_sets"])
    parts = {
        name: np.stack(
            [
                _wide(own, "order", "total", quantity=part).loc[orders].to_numpy()
                for part in ("preserve", "discard", "new")
            ]
        )
        for name, own in sums.groupby("reference", sort=False)
    }
    quotients: dict[str, Callable[..., list[Array]]] = {
        "discard_over_preserve": lambda preserve, discard, _: [discard, preserve],
        "new_over_preserve": lambda preserve, _, new: [new, preserve],
        "preserved_share": lambda preserve, discard, _: [preserve, preserve + discard],
    }
    for quantity, terms in quotients.items():
        pairs = {name: terms(*own.sum(axis=1)) for name, own in parts.items()}
        yield {"quantity": quantity, "order": "all"} | _number(quotient, pairs, options)
    for place, quantity in ((1, "discard_order"), (2, "new_order")):
        shares = {name: [*own[place], *(own[place] + own[0])] for name, own in parts.items()}
        yield {"quantity": quantity} | _number(share_slope(orders), shares, options)


def _curves(jaccard: pd.DataFrame, losses: pd.DataFrame, options: Statistics) -> Iterator[Row]:
    curves = {
        (variant, name): _wide(own, "fraction", "jaccard")
        for (variant, name), own in jaccard.groupby(["variant", "reference"])
        if name != "second_run"
    }
    areas = {key: area(own.index.to_numpy(), own.to_numpy()) for key, own in curves.items()}
    for variant in TRAINED:
        own = {name: [values] for (of, name), values in areas.items() if of == variant}
        yield {"quantity": "jaccard_area", "variant": variant} | _number(mean, own, options)
    both = ("measured", "chance")
    gains = {name: [areas["finetune", name] - areas["scratch", name]] for name in both}
    yield {"quantity": "earlier"} | _number(mean, gains, options)
    # With two snapshots a curve from start to end has nowhere to go down.
    if len(curves["finetune", "measured"]) > 2:
        falls = {key: descent(own.to_numpy()) for key, own in curves.items()}
        gains = {name: [falls["scratch", name] - falls["finetune", name]] for name in both}
        yield {"quantity": "steadier"} | _number(mean, gains, options)
    courses = [_wide(losses, "epoch", "loss", variant=variant) for variant in TRAINED]
    saved = epochs_saved(*(course.index.to_numpy() for course in courses))
    each = [loss for course in courses for loss in course.to_numpy()]
    yield {"quantity": "epochs"} | _number(saved, {"measured": each}, options)


def _reach(ratio: pd.DataFrame, options: Statistics) -> Iterator[Row]:
    """The ratio of scratch minus that of a second fine-tuned run, which keeps what scratch has."""

    def plain(above: Array, below: Array, axis: int) -> Array:
        return mean(above / np.where(below > 0, below, np.nan), axis)

    for reading in RATIO_READINGS:
        terms = _terms(ratio, order="all", reading=reading)
        if "second_run" not in terms:
            return
        average = quotient if reading == "weighted" else plain

        def gap(*sides: Array, axis: int = -1, average: Statistic = average) -> Array:
            return np.asarray(average(*sides[:2], axis=axis) - average(*sides[2:], axis=axis))

        sides = {"measured": [*terms["measured"], *terms["second_run"]]}
        yield {"quantity": "reach", "reading": reading} | _number(gap, sides, options)


def _tested(history: pd.DataFrame, options: Statistics, least: float | None) -> Iterator[Row]:
    """Accuracies of the test split with Wilson's interval, losses without one, along training."""
    right: dict[str, int] = {}
    n_test = int(history["n_test"].iloc[0])
    for variant, own in history.groupby("variant", sort=False):
        accuracy: Row = {}
        for epoch in own.sort_values("epoch").to_dict("records"):
            spot = {"variant": variant, "epoch": epoch["epoch"], "n": n_test}
            right[str(variant)] = round(float(epoch["test_accuracy"]) * n_test)
            accuracy = _share(right[str(variant)], n_test, options)
            yield {"quantity": "test_accuracy", **spot, **accuracy}
            for quantity in ("test_loss", "train_loss", "train_accuracy"):
                if pd.notna(epoch[quantity]):
                    yield {"quantity": quantity, **spot, "number": epoch[quantity]}
        yield {"quantity": "accuracy", "variant": variant, "n": n_test, **accuracy}
        last = {"n_test": n_test, "n_classes": int(epoch["n_classes"])}
        mark = least if str(variant).startswith("scratch") else None
        why = shortfall(epoch["test_accuracy"], **last, train_loss=epoch["train_loss"], least=mark)
        learned = {"number": float(not why), "level": why}
        yield {"quantity": "learned", "variant": variant, "n": n_test, **learned}
    # Newcombe's interval (1998). Both networks see the same items, which it takes no advantage of:
    # it is too wide rather than too narrow.
    finetune, scratch = right["finetune"], right["scratch"]
    low, high = confint_proportions_2indep(
        finetune, n_test, scratch, n_test, method="newcomb", alpha=1 - options.confidence
    )
    number = (finetune - scratch) / n_test
    yield {"quantity": "accuracy_gain", "number": number, "low": low, "high": high, "n": n_test}


def _share(count: int, total: int, options: Statistics) -> Row:
    low, high = proportion_confint(count, total, alpha=1 - options.confidence, method="wilson")
    return {"number": count / total, "low": float(low), "high": float(high)}


def _salience(salience: pd.DataFrame, options: Statistics) -> Iterator[Row]:
    keys = ["variant", "threshold"]
    at_random = salience.assign(reconstruction_error=salience["random_error"], reference="chance")
    both = pd.concat([salience.assign(reference="measured"), at_random])
    for quantity, table, column in (
        ("salient_count", salience, "n_salient"),
        ("salient_share", salience, "salient_share"),
        ("reconstruction_error", both, "reconstruction_error"),
    ):
        for row in means(table, keys, column, options):
            yield {"quantity": quantity, **row, "level": f"{row['threshold']:g}"}


def _counterfactual(counterfactual: pd.DataFrame, options: Statistics) -> Iterator[Row]:
    table = counterfactual.rename(columns={"removed": "level", "positive_after": "positive"})
    table["change"] = table["v_after"] - table["v_before"]
    measured = table[table["reference"] == "measured"]
    for quantity, own in (
        ("change", table),
        ("positive", table),
        ("positive_before", measured),
        ("strength", measured),
    ):
        keys, name = ["variant", "level", "order"], f"counterfactual_{quantity}"
        yield from means(own, keys, quantity, options, quantity=name)


def _redundancy(redundancy: pd.DataFrame, options: Statistics) -> Iterator[Row]:
    """Over the samples that interactions decide rightly: v(∅) <= 0 < v(N)."""
    decided = redundancy[(redundancy["v"] > 0) & (redundancy["v_empty"] <= 0)]
    if decided.empty:
        return
    decided = decided.assign(random_share=decided["n_random"] / decided["n_sets"])
    for quantity in ("prunable_share", "prunable_strength_share", "random_share"):
        yield from means(decided, ["variant"], quantity, options, quantity=quantity)
    counts = [step * 10**power for power in range(7) for step in (1, 2, 5)]
    # Up to the first count by which all have changed.
    shown = [count for count in counts if count < decided["n_critical"].max()] or [1]
    for count in [*shown, counts[counts.index(shown[-1]) + 1]]:
        changed = decided.assign(changed=(decided["n_critical"] <= count).astype(float))
        known = {"quantity": "changed", "level": str(count)}
        yield from means(changed, ["variant"], "changed", options, **known)


def _robustness(robustness: pd.DataFrame, options: Statistics) -> Iterator[Row]:
    """Accuracy under each shift; what it costs has a bootstrap interval over test items."""
    for own in robustness.to_dict("records"):
        shift, n_items = own["shift"], int(own["n_items"])
        level = shift if shift == "none" else f"{shift} {own['level']:g}"
        keys = {"variant": own["variant"], "level": level, "n": n_items}
        accuracy = _share(int(own["n_correct"]), n_items, options)
        yield {"quantity": "robustness_accuracy", **keys, **accuracy}
        if shift != "none":
            change = np.zeros(n_items)
            change[: int(own["n_lost"])] = 1
            change[n_items - int(own["n_gained"]) :] = -1
            row = _number(mean, {"measured": [change]}, options)
            yield {"quantity": "robustness_lost"} | row | keys
