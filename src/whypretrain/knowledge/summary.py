"""The summary of an experiment: every number with its one interval and its references.

Intervals are computed here and nowhere else. Columns and quantities: docs/formats.md, "The
summary".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.knowledge.accuracies import robustness_rows, tested_rows
from whypretrain.knowledge.agreement import GROUPS
from whypretrain.knowledge.cells import Cells, Row, by_reference, cells, means, number, with_gaps
from whypretrain.knowledge.speed import course_rows
from whypretrain.knowledge.statistics import (
    quotient,
    share_slope,
    slope,
    total_quotient,
)
from whypretrain.knowledge.stopping import turnover_rows
from whypretrain.knowledge.strengths import REFERENCES, VARIANTS
from whypretrain.settings.knowledge import Statistics

Array = NDArray[np.float64]
TEXTS = ("experiment", "quantity", "variant", "order", "reading", "level")
COLUMNS = (
    *(*TEXTS, "fraction", "epoch", "number", "low", "high", "least", "most", *REFERENCES[1:]),
    *("excess", "excess_low", "excess_high", "n", "n_seeds", "noise_floor"),
)
PARTS = ("preserve", "discard", "new")
Parts = dict[str, dict[str, list[Array]]]
"""By reference and part the cells of each order."""
QUOTIENTS = {
    "discard_over_preserve": (("discard",), ("preserve",)),
    "new_over_preserve": (("new",), ("preserve",)),
    "preserved_share": (("preserve",), ("preserve", "discard")),
}
"""Parts whose sums over all orders are divided: those above, and those below."""


def summarise(
    experiment: str,
    tables: Mapping[str, pd.DataFrame],
    options: Statistics,
    least_scratch_accuracy: float | None = None,
) -> pd.DataFrame:
    """The summary of one experiment from its tables, one row a sample, epoch or shift each.

    Parameters
    ----------
    tables : `knowledge`, `ratio`, `agreement`, `jaccard`, `courses`, `losses` and `history`;
        `salience`, `counterfactual`, `redundancy`, `robustness` and, with each other, `held` and
        `turnover` where there are
    least_scratch_accuracy : share of test items below which scratch does not count as learned

    Returns
    -------
    table with the columns COLUMNS
    """
    confidence = options.confidence
    rows = [
        *compared_rows(tables, confidence),
        *course_rows(tables, confidence),
        *tested_rows(tables["history"], confidence, least_scratch_accuracy),
    ]
    further: dict[str, Callable[[pd.DataFrame, float], Iterator[Row]]] = {
        "salience": _salience,
        "counterfactual": _counterfactual,
        "redundancy": _redundancy,
        "robustness": robustness_rows,
    }
    for name, made in further.items():
        if name in tables:
            rows += made(tables[name], confidence)
    if "turnover" in tables:
        rows += turnover_rows(tables, confidence)
    return as_table(rows, experiment)


def compared_rows(tables: Mapping[str, pd.DataFrame], confidence: float) -> Iterator[Row]:
    """What compares final networks: of the tables `knowledge`, `ratio` and `agreement`."""
    orders = ["quantity", "order", "noise_floor"]
    yield from means(tables["knowledge"], orders, "strength", confidence)
    yield from _ratios(tables["ratio"], confidence)
    yield from _totals(tables["knowledge"], confidence)
    yield from _agreements(tables["agreement"], confidence)


def as_table(rows: Iterable[Row], experiment: str) -> pd.DataFrame:
    """Rows as a table with the columns COLUMNS."""
    table = pd.DataFrame(rows).assign(experiment=experiment).reindex(columns=COLUMNS)
    return table.assign(
        n_seeds=table["n_seeds"].fillna(1).astype(int),
        **{name: table[name].astype(object).fillna("").astype(str) for name in TEXTS},
    )


def _ratios(ratio: pd.DataFrame, confidence: float) -> Iterator[Row]:
    plain = ratio[ratio["reading"] != "weighted"]
    yield from means(plain, ["reading", "order"], "ratio", confidence, quantity="ratio")
    of_sums = ratio[ratio["reading"] == "weighted"]
    sides = [by_reference(of_sums, ["order"], side) for side in ("numerator", "denominator")]
    for order in sides[0]["measured"].keys["order"]:
        terms = {name: [side[name].one(order=order) for side in sides] for name in sides[0]}
        row = number(quotient, terms, confidence)
        n, n_seeds = terms["measured"][0].shape[-1], sides[0]["measured"].n_seeds
        known = {"quantity": "ratio", "order": order, "reading": "weighted"}
        yield known | row | {"n": n, "n_seeds": n_seeds}


def _totals(knowledge: pd.DataFrame, confidence: float) -> Iterator[Row]:
    """Over the orders above the noise floor in all models, alike and by their numbers of sets."""
    networks = knowledge[knowledge["quantity"].isin(VARIANTS)]
    loud = networks.groupby(["order", "quantity"])[["strength", "noise_floor"]].mean()
    heard = (loud["strength"] >= loud["noise_floor"]).groupby("order").all()
    orders = np.array([order for order, is_heard in heard.items() if order and is_heard])
    chosen = knowledge[knowledge["order"].isin(orders)]
    chosen = chosen.assign(total=chosen["strength"] * chosen["n_sets"])
    n_seeds = knowledge.loc[knowledge["quantity"] == "preserve", "finetune"].replace("", None)
    about: Row = {"n": knowledge["sample"].nunique(), "n_seeds": n_seeds.nunique()}
    for reading, column in (("orders", "strength"), ("sets", "total")):
        parts: Parts = {}
        for part in PARTS:
            of_part = by_reference(chosen[chosen["quantity"] == part], ["order"], column)
            for reference, found in of_part.items():
                parts.setdefault(reference, {})[part] = list(found.array)
        known = about | {"order": "all", "reading": reading}
        for quantity, sides in QUOTIENTS.items():
            arrays = {
                reference: [
                    sum(terms)
                    for side in sides
                    for terms in zip(*(own[part] for part in side), strict=True)
                ]
                for reference, own in parts.items()
            }
            yield {"quantity": quantity} | known | number(total_quotient, arrays, confidence)
        yield known | _smallest(chosen, column, confidence)
        if reading == "orders":
            for part in ("discard", "new"):
                for row in _by_order(parts, part, orders, confidence):
                    yield about | row


def _by_order(
    parts: Parts, part: str, orders: NDArray[np.int64], confidence: float
) -> Iterator[Row]:
    """How a part and its share change with the order, and the share of each order."""
    amounts = {reference: own[part] for reference, own in parts.items()}
    shares = {
        reference: [*own[part], *map(np.add, own[part], own["preserve"])]
        for reference, own in parts.items()
    }
    known = {"quantity": f"{part}_order"}
    yield known | {"reading": "amount"} | number(slope(orders), amounts, confidence)
    yield known | {"reading": "share"} | number(share_slope(orders), shares, confidence)
    for at, order in enumerate(orders):
        of_order = {name: [both[at], both[len(orders) + at]] for name, both in shares.items()}
        known = {"quantity": f"{part}_share", "order": str(order)}
        yield known | number(quotient, of_order, confidence)


def _smallest(chosen: pd.DataFrame, column: str, confidence: float) -> Row:
    """The smallest discard/preserve that the strengths of both models allow."""

    def least(*means: Array) -> Array:
        half = len(means) // 2
        return np.asarray(total_quotient(*means[:half], *means[half:]) - 1)

    own = chosen[chosen["reference"] == "measured"]
    both = [
        list(cells(own[own["quantity"] == quantity], ["order"], column).array)
        for quantity in ("probe", "preserve_most")
    ]
    row = number(least, {"measured": [*both[0], *both[1]]}, confidence)
    return {"quantity": "smallest_discard_over_preserve", **row}


def _agreements(agreement: pd.DataFrame, confidence: float) -> Iterator[Row]:
    table = agreement.rename(columns={"pair": "variant"})
    for kind, quantity in (("sets", "agreement"), ("signs", "sign_agreement")):
        own = table[table["kind"] == kind]
        yield from means(own, ["variant", "order"], "agreement", confidence, quantity=quantity)
    own = table[table["kind"] == "sets"]
    pairs = {str(pair): cells(of, ["order"], "agreement") for pair, of in own.groupby("variant")}
    groups = [name for name in (*GROUPS, "all") if (own["order"] == name).any()]

    def combined(signs: Mapping[tuple[str, str], int]) -> Row:
        return combined_agreement(pairs, signs, confidence)

    kept, again = "probe-finetune", "finetune-finetune"
    for group in groups:
        row = combined({(kept, group): 1, ("probe-scratch", group): -1})
        yield {"quantity": "transfer", "order": group} | row
    low, high = groups[0], [group for group in groups if group != "all"][-1]
    falls = {(kept, low): 1, (kept, high): -1}
    if low != high:  # with few players there is one group
        yield {"quantity": "agreement_falls"} | combined(falls)
    if again in pairs:
        known = {"quantity": "beyond_retraining", "variant": kept, "order": "all"}
        yield known | combined({(kept, "all"): 1, (again, "all"): -1})
        known |= {"variant": "preserved-scratch"}
        yield known | combined({("preserved-scratch", "all"): 1, ("preserved-finetune", "all"): -1})
        if low != high:
            falls |= {(again, low): -1, (again, high): 1}
            yield {"quantity": "falls_beyond_retraining"} | combined(falls)


def combined_agreement(
    pairs: Mapping[str, Cells], signs: Mapping[tuple[str, str], int], confidence: float
) -> Row:
    """Sum of mean agreements, each with its sign.

    Parameters
    ----------
    pairs : cells of agreement by order, by pair of networks
    signs : by pair and order
    """

    def total(*sums: Array) -> Array:
        means = map(quotient, sums[::2], sums[1::2])
        return np.asarray(sum(s * own for s, own in zip(signs.values(), means, strict=True)))

    values = [pairs[pair].one(order=group) for pair, group in signs]
    arrays = [array for own in values for array in with_gaps(own)]
    n_seeds = min(pairs[pair].n_seeds for pair, _ in signs)
    spreads = [pairs[pair].spread for pair, _ in signs for _ in range(2)]
    row = number(total, {"measured": arrays}, confidence, spreads=spreads)
    return row | {"n": values[0].shape[-1], "n_seeds": n_seeds}


def _salience(salience: pd.DataFrame, confidence: float) -> Iterator[Row]:
    keys = ["variant", "threshold"]
    at_random = salience.assign(reconstruction_error=salience["random_error"], reference="chance")
    both = pd.concat([salience.assign(reference="measured"), at_random])
    for quantity, table, column in (
        ("salient_count", salience, "n_salient"),
        ("salient_share", salience, "salient_share"),
        ("reconstruction_error", both, "reconstruction_error"),
    ):
        for row in means(table, keys, column, confidence):
            yield {"quantity": quantity, **row, "level": f"{row['threshold']:g}"}


def _counterfactual(counterfactual: pd.DataFrame, confidence: float) -> Iterator[Row]:
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
        yield from means(own, keys, quantity, confidence, quantity=name)


def _redundancy(redundancy: pd.DataFrame, confidence: float) -> Iterator[Row]:
    """Over the samples that interactions decide rightly: v(∅) <= 0 < v(N)."""
    decided = (redundancy["v"] > 0) & (redundancy["v_empty"] <= 0)
    if not decided.any():
        return
    # NaN is left out: which samples are decided differs from seed to seed.
    table = redundancy.assign(random_share=redundancy["n_random"] / redundancy["n_sets"])
    for quantity in ("prunable_share", "prunable_strength_share", "random_share"):
        own = table.assign(**{quantity: table[quantity].where(decided)})
        yield from means(own, ["variant"], quantity, confidence, quantity=quantity)
    counts = [step * 10**power for power in range(7) for step in (1, 2, 5)]
    # Up to the first count by which all have changed.
    most = table.loc[decided, "n_critical"].max()
    shown = [count for count in counts if count < most] or [1]
    for count in [*shown, counts[counts.index(shown[-1]) + 1]]:
        changed = (table["n_critical"] <= count).astype(float).where(decided)
        known = {"quantity": "changed", "level": str(count)}
        own = table.assign(changed=changed)
        yield from means(own, ["variant"], "changed", confidence, **known)
