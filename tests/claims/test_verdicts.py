"""Verdicts: the rule, which rows of the summary it judges, and the Markdown table of them."""

import numpy as np
import pandas as pd
import pytest

from tests.knowledge.records import QUICK, summary
from whypretrain.claims.catalogue import CLAIMS, Claim
from whypretrain.claims.verdicts import HEADS, as_worded, beyond_chance, document, judge, verdict
from whypretrain.knowledge.reading import TABLES
from whypretrain.settings.report import ClaimsSettings, Figures

BY_KEY = {claim.key: claim for claim in CLAIMS}


@pytest.mark.parametrize(
    ("key", "interval", "excess", "expected"),
    [
        ("discard", (2.5, 3.0), (0.1, 0.4), "holds"),
        ("discard", (2.5, 3.0), (-0.1, 0.4), "not distinguishable from chance"),
        ("discard", (1.8, 3.0), (0.1, 0.4), "not distinguishable from chance"),
        ("discard", (2.5, 3.0), (-0.4, -0.1), "fails"),
        ("discard", (1.0, 1.9), (0.1, 0.4), "fails"),
        ("ratio", (0.2, 0.4), (-0.2, -0.1), "holds"),
        ("ratio", (0.2, 0.4), (0.1, 0.2), "fails"),
        ("ratio", (0.5, 0.6), (-0.2, -0.1), "fails"),
        ("ratio", (0.05, 0.1), (-0.2, -0.1), "fails"),
        ("ratio", (0.1, 0.4), (-0.2, -0.1), "not distinguishable from chance"),
        ("earlier", (np.nan, np.nan), (np.nan, np.nan), "not distinguishable from chance"),
    ],
)
def test_rule(
    key: str, interval: tuple[float, float], excess: tuple[float, float], expected: str
) -> None:
    claim: Claim = BY_KEY[key]
    assert verdict(as_worded(claim, *interval), beyond_chance(claim, *excess)) == expected


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
    assert found["chance"] == 0
    assert list(found[["excess", "excess_low", "excess_high"]]) == [0.2, 0.1, 0.3]
    assert found["verdict"] == "holds"


def test_with_one_the_excess_is_judged() -> None:
    table = summary()
    of = table["quantity"] == "discard_over_preserve"
    columns = ["number", "low", "high", "chance", "excess", "excess_low", "excess_high"]
    table.loc[of, columns] = [2.7, 2.5, 2.9, 4.4, -1.7, -2.0, -1.4]
    found = judge(table, "positive").set_index("claim").loc["discard"]
    assert list(found[["chance", "as_worded", "beyond_chance"]]) == [4.4, "yes", "no"]
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


@pytest.fixture(scope="module")
def claims() -> pd.DataFrame:
    names = ("one", "two")
    return pd.concat([judge(summary(n), "zero").assign(experiment=n) for n in names])


def settings_of(*titles: str) -> ClaimsSettings:
    return ClaimsSettings.model_validate(
        {
            "experiments": ["one", "two"],
            "titles": list(titles),
            "kinds": ["cnn", "transformer"],
            "figures": Figures(),
            "statistics": QUICK,
        }
    )


def test_every_verdict_has_a_line(claims: pd.DataFrame) -> None:
    text = document(claims, settings_of("One", "Two"))
    assert text.startswith("# Claims of the paper\n\n18 verdicts: ")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        claim.statement for claim in CLAIMS
    ]
    lines = [line for line in text.splitlines() if line.startswith(("| One", "| Two"))]
    assert len(lines) == len(claims)
    assert {line.count("|") for line in lines} == {len(HEADS) + 1}


def test_a_number_is_as_in_the_table(claims: pd.DataFrame) -> None:
    row = claims.iloc[0].to_dict() | {"number": 1.2345, "low": 1.0, "high": 2.0, "n": 7}
    row |= {"chance": float("nan"), "second_run": float("nan"), "verdict": "holds"}
    text = document(pd.DataFrame([row]), settings_of("One", "Two"))
    (line,) = (line for line in text.splitlines() if line.startswith("| One"))
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells[1:3] == ["1.23 [1, 2]", "–"]
    assert cells[HEADS.index("n")] == "7"
    assert cells[-1] == "holds"
    assert text.count("## ") == 1


def test_a_title_is_text_and_no_markup(claims: pd.DataFrame) -> None:
    text = document(claims, settings_of("a|b", "<i>[c]"))
    assert "| a\\|b |" in text
    assert "| \\<i\\>\\[c\\] |" in text


def test_no_verdict_where_a_network_has_not_learned() -> None:
    table = summary()
    lost = table["quantity"].isin(["learned"]) & table["variant"].isin(["scratch"])
    assert lost.sum() == 1
    before = judge(table, "positive")
    table.loc[lost, "number"] = 0.0
    after = judge(table, "positive").set_index("claim")
    verdicts = after["verdict"].to_dict()
    assert verdicts.pop("accuracy") == before.set_index("claim")["verdict"].to_dict()["accuracy"]
    assert set(verdicts.values()) == {"not judged: scratch not learned"}
    numbers = before.columns.drop("verdict")
    pd.testing.assert_frame_equal(after.reset_index()[numbers], before[numbers])
