"""Verdicts: the rule, and which rows of the summary it judges."""

import numpy as np
import pytest

from tests.knowledge.records import summary
from whypretrain.claims.catalogue import CLAIMS, Claim
from whypretrain.claims.verdicts import as_worded, beyond_null, judge, verdict
from whypretrain.knowledge.reading import TABLES

BY_KEY = {claim.key: claim for claim in CLAIMS}


@pytest.mark.parametrize(
    ("key", "interval", "excess", "expected"),
    [
        ("discard", (2.5, 3.0), (0.1, 0.4), "holds"),
        ("discard", (2.5, 3.0), (-0.1, 0.4), "not distinguishable from the null"),
        ("discard", (1.8, 3.0), (0.1, 0.4), "not distinguishable from the null"),
        ("discard", (2.5, 3.0), (-0.4, -0.1), "fails"),
        ("discard", (1.0, 1.9), (0.1, 0.4), "fails"),
        ("ratio", (0.2, 0.4), (-0.2, -0.1), "holds"),
        ("ratio", (0.2, 0.4), (0.1, 0.2), "fails"),
        ("ratio", (0.5, 0.6), (-0.2, -0.1), "fails"),
        ("ratio", (0.05, 0.1), (-0.2, -0.1), "fails"),
        ("ratio", (0.1, 0.4), (-0.2, -0.1), "not distinguishable from the null"),
        ("earlier", (np.nan, np.nan), (np.nan, np.nan), "not distinguishable from the null"),
    ],
)
def test_rule(
    key: str, interval: tuple[float, float], excess: tuple[float, float], expected: str
) -> None:
    claim: Claim = BY_KEY[key]
    assert verdict(as_worded(claim, *interval), beyond_null(claim, *excess)) == expected


def test_every_claim_is_judged_by_the_row_of_its_number() -> None:
    table = summary()
    found = judge(table, "salient").set_index("claim")
    assert list(found.index) == [claim.key for claim in CLAIMS]
    for claim in CLAIMS:
        own = table[table["quantity"] == claim.quantity]
        own = own[own["order"].isin(["", "all"]) & own["reading"].isin(["", "salient"])]
        (number,) = own["number"]
        assert found.loc[claim.key, "number"] == number


def test_the_table_has_what_readers_ask_for() -> None:
    assert set(judge(summary(), "zero").columns) == TABLES["claims"].keys() - {"experiment"}


def test_without_a_chance_level_the_number_must_differ_from_nothing() -> None:
    table = summary()
    of = table["quantity"] == "accuracy_gain"
    columns = ["number", "low", "high", "chance", "excess", "excess_low", "excess_high"]
    table.loc[of, columns] = [0.2, 0.1, 0.3, *[np.nan] * 4]
    found = judge(table, "positive").set_index("claim").loc["accuracy"]
    assert found["null"] == 0
    assert list(found[["excess", "excess_low", "excess_high"]]) == [0.2, 0.1, 0.3]
    assert found["verdict"] == "holds"


def test_with_one_the_excess_is_judged() -> None:
    table = summary()
    of = table["quantity"] == "discard_over_preserve"
    columns = ["number", "low", "high", "chance", "excess", "excess_low", "excess_high"]
    table.loc[of, columns] = [2.7, 2.5, 2.9, 4.4, -1.7, -2.0, -1.4]
    found = judge(table, "positive").set_index("claim").loc["discard"]
    assert list(found[["null", "as_worded", "beyond_null"]]) == [4.4, "yes", "no"]
    assert found["verdict"] == "fails"


@pytest.mark.parametrize(("quantity", "key"), [("reach", "reach"), ("steadier", "steadier")])
def test_a_claim_without_its_number_is_not_judged(quantity: str, key: str) -> None:
    """`reach` needs a second fine-tuned run, `steadier` three snapshots."""
    table = summary()
    found = judge(table[table["quantity"] != quantity], "positive")
    assert set(found["claim"]) == BY_KEY.keys() - {key}


def test_nothing_but_the_summary_is_judged() -> None:
    """A verdict follows from the row alone: its order among others does not matter."""
    table = summary()
    shuffled = table.sample(frac=1, random_state=0)
    assert judge(shuffled, "positive").equals(judge(table, "positive"))
