"""The summary of an experiment: every number with its one interval and its references.

`summary.csv` has one row a number. Text columns are empty where they do not apply, numbers too.

| column | what |
|---|---|
| `experiment`, `quantity` | whose number, and which (below) |
| `variant` | `probe`, `finetune` or `scratch` |
| `order` | `all`, or the size of the sets |
| `reading` | how eq. 8 reads 0/0: `positive`, `zero`, `salient`, `weighted` |
| `level` | threshold, shift, removed part, or number of removed interactions |
| `fraction`, `epoch` | of training |
| `number`, `low`, `high` | with its interval |
| `chance` | the same number at chance level |
| `swapped`, `second_run` | with scratch in finetune's place; for a second fine-tuned run |
| `excess`, `excess_low`, `excess_high` | number − chance, with its paired interval |
| `n`, `n_seeds` | samples, or items of the test split; seeds |
| `noise_floor` | of the order, nats |

Quantities by order, in nats: `preserve`, `discard`, `new`, `reached`, `probe`, `finetune`,
`scratch`, `finetune_only`, `scratch_only`. By order and reading: `ratio`. By variant and snapshot:
`jaccard`. Over all counted sets: `discard_over_preserve`, `new_over_preserve`, `preserved_share`.
Slopes over orders: `discard_order`, `new_order`. Of the curves: `jaccard_area` (by variant),
`earlier`, `steadier`, `epochs`. `reach` (by reading): the ratio of scratch minus that of a second
run. Of the test split: `accuracy` (by variant), `accuracy_gain`, by epoch `test_accuracy`,
`test_loss`, `train_accuracy`, `train_loss`, by shift `robustness_accuracy`, `robustness_lost`. By
variant and threshold: `salient_count`, `salient_share`, `reconstruction_error`. By variant, removed
part and order: `counterfactual_change`, `counterfactual_positive`,
`counterfactual_positive_before`, `counterfactual_strength`. By variant, of samples that
interactions decide rightly: `prunable_share`, `prunable_strength_share`, `random_share`, by number
of removed interactions `changed`.

Intervals are computed here and nowhere else, with samples in the order of their ids: the order of
rows in a table changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from whypretrain.knowledge.evidence import Evidence
from whypretrain.knowledge.intervals import Interval, Options, bootstrap, mean, quotient
from whypretrain.knowledge.references import REFERENCES, Reference
from whypretrain.knowledge.statistics import Statistic, area, descent, epochs_saved, share_slope
from whypretrain.knowledge.strengths import RATIO_READINGS

Array = NDArray[np.float64]
Row = dict[str, Any]
TEXTS = ("experiment", "quantity", "variant", "order", "reading", "level")
COLUMNS = (
    *(*TEXTS, "fraction", "epoch", "number", "low", "high", *REFERENCES[1:]),
    *("excess", "excess_low", "excess_high", "n", "n_seeds", "noise_floor"),
)
STRENGTHS = ("preserve", "discard", "new", "finetune_only", "scratch_only")
VARIANTS = ("probe", "finetune", "scratch")
TRAINED = ("finetune", "scratch")


def summarise(
    experiment: str, tables: Mapping[str, pd.DataFrame], options: Options
) -> pd.DataFrame:
    """The summary of one experiment from its tables, one row a sample, epoch or shift each.

    Parameters
    ----------
    tables : `knowledge`, `ratio`, `jaccard`, `losses` and `history`; `salience`, `counterfactual`,
        `redundancy` and `robustness` where there are

    Returns
    -------
    table with the columns COLUMNS
    """
    evidence = Evidence(tables)
    rows = [
        *_orders(tables["knowledge"], options),
        *_ratios(tables["ratio"], options),
        *_jaccard(tables["jaccard"], options),
        *_headline(evidence, options),
        *_tested(tables["history"], options),
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


def means(table: pd.DataFrame, keys: Sequence[str], value: str, options: Options) -> Iterator[Row]:
    """Means over samples of a column, a row for each combination of keys, with all references.

    Parameters
    ----------
    table : one row a sample, combination of keys and, if it has this column, `reference`; NaN is
        left out
    """
    reference = table["reference"] if "reference" in table else pd.Series("measured", table.index)
    wide = {
        str(name): own.pivot(index=list(keys), columns="sample", values=value)
        for name, own in table.groupby(reference, sort=False)
    }
    measured = wide.pop("measured").sort_index(axis="columns")
    values = measured.to_numpy(dtype=float)
    others = {name: own.reindex_like(measured).to_numpy(dtype=float) for name, own in wide.items()}
    numbers = measured.index.to_frame(index=False)
    numbers["number"], numbers["n"] = mean(values), (~np.isnan(values)).sum(axis=1)
    numbers[["low", "high"]] = np.stack(_intervals(values, options), axis=1)
    for name, own in others.items():
        numbers[name] = mean(own)
    if "chance" in others:
        beyond = values - others["chance"]
        numbers["excess"] = numbers["number"] - numbers["chance"]
        numbers[["excess_low", "excess_high"]] = np.stack(_intervals(beyond, options), axis=1)
    for row in numbers.to_dict("records"):
        yield {str(name): value for name, value in row.items()}


def _intervals(values: Array, options: Options) -> Interval:
    """Of the mean of each row; samples that a row lacks would be missing from whole resamples."""
    held = ~np.isnan(values)
    low, high = np.full((2, len(values)), np.nan)
    for pattern in np.unique(held, axis=0):
        alike = (held == pattern).all(axis=1)
        low[alike], high[alike] = bootstrap(mean, [values[alike][:, pattern]], options)
    return Interval(low, high)


def _number(
    statistic: Statistic,
    arrays: Callable[[Reference], Sequence[Array]],
    references: Sequence[Reference],
    options: Options,
) -> Row:
    """A statistic of paired arrays of samples, under each of the references."""
    measured = arrays("measured")
    interval = bootstrap(statistic, measured, options)
    row: Row = {
        "number": float(statistic(*measured)),
        "low": float(interval.low),
        "high": float(interval.high),
        "n": measured[0].shape[-1],
        **{name: float(statistic(*arrays(name))) for name in references},
    }
    if "chance" in references:

        def excess(*both: Array, axis: int = -1) -> Array:
            own, unrelated = both[: len(measured)], both[len(measured) :]
            return np.asarray(statistic(*own, axis=axis) - statistic(*unrelated, axis=axis))

        beyond = bootstrap(excess, [*measured, *arrays("chance")], options)
        row |= {
            "excess": row["number"] - row["chance"],
            "excess_low": float(beyond.low),
            "excess_high": float(beyond.high),
        }
    return row


def _orders(knowledge: pd.DataFrame, options: Options) -> Iterator[Row]:
    floors = knowledge.groupby("order")["noise_floor"].first()
    for row in means(knowledge, ["quantity", "order"], "strength", options):
        yield {**row, "order": str(row["order"]), "noise_floor": floors[row["order"]]}


def _ratios(ratio: pd.DataFrame, options: Options) -> Iterator[Row]:
    plain = ratio[ratio["reading"] != "weighted"]
    for row in means(plain, ["order", "reading"], "ratio", options):
        yield {**row, "quantity": "ratio"}
    weighted = ratio[ratio["reading"] == "weighted"].sort_values("sample")
    references = _references(ratio)
    for order, own in weighted.groupby("order", sort=False):
        row = _number(quotient, partial(_terms, own), references, options)
        yield {"quantity": "ratio", "order": order, "reading": "weighted", **row}


def _terms(ratio: pd.DataFrame, reference: Reference) -> list[Array]:
    own = ratio[ratio["reference"] == reference]
    return [own[side].to_numpy() for side in ("numerator", "denominator")]


def _jaccard(jaccard: pd.DataFrame, options: Options) -> Iterator[Row]:
    for row in means(jaccard, ["variant", "fraction", "epoch"], "jaccard", options):
        yield {"quantity": "jaccard", **row}


def _references(table: pd.DataFrame) -> list[Reference]:
    return [name for name in REFERENCES[1:] if (table["reference"] == name).any()]


def _headline(evidence: Evidence, options: Options) -> Iterator[Row]:
    """What the claims are about, and the overview."""
    references = [name for name in REFERENCES[1:] if evidence.has(name)]

    def total(part: str, reference: Reference) -> Array:
        return np.asarray(evidence.strength(part, reference).sum(axis=0))

    def to_preserve(part: str, reference: Reference) -> list[Array]:
        return [total(part, reference), total("preserve", reference)]

    def preserved(reference: Reference) -> list[Array]:
        kept = total("preserve", reference)
        return [kept, kept + total("discard", reference)]

    def shares(part: str, reference: Reference) -> list[Array]:
        parts = evidence.strength(part, reference)
        return [*parts, *(parts + evidence.strength("preserve", reference))]

    for part in ("discard", "new"):
        row = _number(quotient, partial(to_preserve, part), references, options)
        yield {"quantity": f"{part}_over_preserve", "order": "all"} | row
    row = _number(quotient, preserved, references, options)
    yield {"quantity": "preserved_share", "order": "all"} | row
    for part in ("discard", "new"):
        row = _number(share_slope(evidence.orders), partial(shares, part), references, options)
        yield {"quantity": f"{part}_order"} | row
    areas = {
        (variant, name): area(*evidence.curve(variant, name))
        for variant in TRAINED
        for name in ("measured", "chance", "swapped")
        if evidence.has_curve(name)
    }
    known = [name for name in REFERENCES[1:3] if evidence.has_curve(name)]

    def area_of(variant: str, reference: Reference) -> list[Array]:
        return [areas[variant, reference]]

    for variant in TRAINED:
        row = _number(mean, partial(area_of, variant), known, options)
        yield {"quantity": "jaccard_area", "variant": variant} | row
    yield {"quantity": "earlier"} | _number(
        mean, lambda r: [areas["finetune", r] - areas["scratch", r]], ["chance"], options
    )
    # With two snapshots a curve from start to end has nowhere to go down.
    if len(evidence.curve("finetune", "measured")[0]) > 2:

        def falls(name: Reference) -> list[Array]:
            finetune, scratch = (descent(evidence.curve(v, name)[1]) for v in TRAINED)
            return [scratch - finetune]

        yield {"quantity": "steadier"} | _number(mean, falls, ["chance"], options)
    (finetune_epochs, finetune), (scratch_epochs, scratch) = map(evidence.losses, TRAINED)
    saved = epochs_saved(finetune_epochs, scratch_epochs)
    yield {"quantity": "epochs"} | _number(saved, lambda _: [*finetune, *scratch], [], options)
    if evidence.has("second_run"):
        for reading in RATIO_READINGS:
            yield {"quantity": "reach", "reading": reading} | _reach(evidence, reading, options)


def _reach(evidence: Evidence, reading: str, options: Options) -> Row:
    """The ratio of scratch minus that of a second fine-tuned run, which keeps what scratch has."""

    def ratio(above: Array, below: Array, axis: int) -> Array:
        if reading == "weighted":
            return quotient(above, below, axis=axis)
        each = np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
        return mean(each, axis)

    def gap(own: Array, held: Array, again: Array, kept: Array, *, axis: int = -1) -> Array:
        return np.asarray(ratio(own, held, axis) - ratio(again, kept, axis))

    pairs = [*evidence.ratio(reading, "measured"), *evidence.ratio(reading, "second_run")]
    return _number(gap, lambda _: pairs, [], options)


def _tested(history: pd.DataFrame, options: Options) -> Iterator[Row]:
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
    # Newcombe's interval (1998). Both networks see the same items, which it takes no advantage of:
    # it is too wide rather than too narrow.
    low, high = confint_proportions_2indep(
        right["finetune"],
        n_test,
        right["scratch"],
        n_test,
        method="newcomb",
        alpha=1 - options.confidence,
    )
    number = (right["finetune"] - right["scratch"]) / n_test
    yield {"quantity": "accuracy_gain", "number": number, "low": low, "high": high, "n": n_test}


def _share(count: int, total: int, options: Options) -> Row:
    low, high = proportion_confint(count, total, alpha=1 - options.confidence, method="wilson")
    return {"number": count / total, "low": float(low), "high": float(high)}


def _salience(salience: pd.DataFrame, options: Options) -> Iterator[Row]:
    keys = ["variant", "threshold"]
    at_random = salience.assign(reconstruction_error=salience["random_error"], reference="chance")
    both = pd.concat([salience.assign(reference="measured"), at_random])
    for quantity, table, column in (
        ("salient_count", salience, "n_salient"),
        ("salient_share", salience, "salient_share"),
        ("reconstruction_error", both, "reconstruction_error"),
    ):
        for row in means(table, keys, column, options):
            yield {"quantity": quantity, **row, "level": f"{row.pop('threshold'):g}"}


def _counterfactual(counterfactual: pd.DataFrame, options: Options) -> Iterator[Row]:
    table = counterfactual.assign(
        change=counterfactual["v_after"] - counterfactual["v_before"],
        positive=counterfactual["positive_after"],
    )
    measured = table[table["reference"] == "measured"]
    for quantity, own in (
        ("change", table),
        ("positive", table),
        ("positive_before", measured),
        ("strength", measured),
    ):
        for row in means(own, ["variant", "removed", "order"], quantity, options):
            yield {"quantity": f"counterfactual_{quantity}", **row, "level": row.pop("removed")}


def _redundancy(redundancy: pd.DataFrame, options: Options) -> Iterator[Row]:
    """Over the samples that interactions decide rightly: v(∅) <= 0 < v(N)."""
    decided = redundancy[(redundancy["v"] > 0) & (redundancy["v_empty"] <= 0)]
    if decided.empty:
        return
    decided = decided.assign(random_share=decided["n_random"] / decided["n_sets"])
    for quantity in ("prunable_share", "prunable_strength_share", "random_share"):
        for row in means(decided, ["variant"], quantity, options):
            yield {"quantity": quantity, **row}
    counts = [step * 10**power for power in range(7) for step in (1, 2, 5)]
    # Up to the first count by which all have changed.
    shown = [count for count in counts if count < decided["n_critical"].max()] or [1]
    for count in [*shown, counts[counts.index(shown[-1]) + 1]]:
        changed = decided.assign(changed=(decided["n_critical"] <= count).astype(float))
        for row in means(changed, ["variant"], "changed", options):
            yield {"quantity": "changed", "level": str(count), **row}


def _robustness(robustness: pd.DataFrame, options: Options) -> Iterator[Row]:
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
            row = _number(mean, partial(_same, change), [], options)
            yield {"quantity": "robustness_lost"} | row | keys


def _same(values: Array, _: Reference) -> list[Array]:
    return [values]
