"""Ways of adapting a network side by side: what each keeps of the probe, and at what accuracy."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.record import Record
from whypretrain.interactions.sets import orders_of
from whypretrain.knowledge.accuracies import gain, share
from whypretrain.knowledge.agreement import GROUPS, order_groups
from whypretrain.knowledge.cells import Row, cells, means
from whypretrain.knowledge.compared import compare, counted_sets, heard_at
from whypretrain.knowledge.summary import combined_agreement, compared_rows
from whypretrain.knowledge.tables import all_pairs, comparison_tables

Array = NDArray[np.float64]
BASE = "finetune"
"""Full fine-tuning, which other ways are measured by."""
OF_EACH = ("preserve", "discard", "new", "discard_over_preserve", "preserved_share", "ratio")
"""Quantities of eqs. 6 to 8 that stand for every way, each in the place of the fine-tuned network.
"""


def adapting_rows(
    ways: Mapping[str, Mapping[str, Record]],
    accuracies: Mapping[str, list[float]],
    n_test: int,
    confidence: float,
) -> Iterator[Row]:
    """Rows of the table `adapting`.

    Parameters
    ----------
    ways : by way of training and seed a record, its last snapshot the end; `probe` (whose seed is
        empty), `finetune`, `scratch` and others
    accuracies : by way the test accuracies of its seeds

    Yields
    ------
    `agreement` of every two ways (`variant` is the pair) by order and group of orders; `accuracy`
    of every way; `more_kept`, the agreement with the probe of every way minus that of full
    fine-tuning, and `accuracy_gain`, the same of accuracy; OF_EACH, with chance level and second
    run, of every way but the probe and scratch

    Raises
    ------
    ValueError
        If every order lies in the noise floor of a network.
    """
    (probe,) = ways["probe"].values()
    records = [record for own in ways.values() for record in own.values()]
    counted = np.unique(orders_of(probe.interactions.shape[-1])[counted_sets(records)])
    groups = order_groups(counted[counted < probe.n_players])
    finals = {
        way: {seed: heard_at(record, -1) for seed, record in own.items()}
        for way, own in ways.items()
    }
    pairs = pd.concat(all_pairs(probe.samples, finals, groups), ignore_index=True)
    pairs = pairs.rename(columns={"pair": "variant"})
    yield from means(pairs, ["variant", "order"], "agreement", confidence, quantity="agreement")
    for way, tested in accuracies.items():
        row = share(tested, n_test, confidence)
        yield {"quantity": "accuracy", "variant": way, "n": n_test, "n_seeds": len(tested)} | row
    yield from _beyond_finetuning(pairs, accuracies, n_test, confidence)
    scratch = ways["scratch"]
    for way, own in ways.items():
        if way in {"probe", "scratch"}:
            continue
        seeds = [int(seed) for seed in own]
        compared = compare(seeds, probe, list(own.values()), list(scratch.values()))
        for row in compared_rows(comparison_tables(compared), confidence):
            if row["quantity"] in OF_EACH:
                yield row | {"variant": way}


def _beyond_finetuning(
    pairs: pd.DataFrame, accuracies: Mapping[str, list[float]], n_test: int, confidence: float
) -> Iterator[Row]:
    """How much more of the probe a way keeps than full fine-tuning, and how much more accurate."""
    with_probe = pairs[pairs["variant"].str.startswith("probe-")]
    found = {
        str(pair).removeprefix("probe-"): cells(own, ["order"], "agreement")
        for pair, own in with_probe.groupby("variant", sort=False)
    }
    for way in found:
        if way == BASE:
            continue
        for order in (*GROUPS, "all"):
            if (with_probe["order"] == order).any():
                row = combined_agreement(found, {(way, order): 1, (BASE, order): -1}, confidence)
                yield {"quantity": "more_kept", "variant": way, "order": order} | row
        tested = accuracies[way], accuracies[BASE]
        row = {"variant": way, "n": n_test, "n_seeds": min(map(len, tested))}
        yield {"quantity": "accuracy_gain"} | row | gain(*tested, n_test, confidence)
