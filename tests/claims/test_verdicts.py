"""Three answers to each claim: the rules, which rows of the summary they rest on, the documents."""

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.knowledge.records import OPTIONS, summary
from whypretrain.claims.catalogue import CLAIMS, Claim, Question
from whypretrain.claims.document import document, page
from whypretrain.claims.verdicts import (
    ANSWERS,
    NUMBERS,
    Answer,
    Interval,
    as_worded,
    beyond,
    judge,
)
from whypretrain.knowledge.reading import TABLES
from whypretrain.settings.report import ClaimsSettings, Figures

BY_KEY = {claim.key: claim for claim in CLAIMS}
ENDS = ("number", "low", "high")


def put(table: pd.DataFrame, quantity: str, values: tuple[float, ...], **keys: Any) -> None:
    """Give a row of a summary another number and interval."""
    own = table["quantity"] == quantity
    for name, key in keys.items():
        own &= table[name] == key
    assert own.sum() == 1
    table.loc[own, list(ENDS)] = values


def answered(table: pd.DataFrame, key: str, reading: str | None = None) -> pd.Series:
    """The row of a claim, in the reading that it is answered for first or in another one."""
    found = judge(table, "zero")
    found = found[found["claim"] == key]
    return found.iloc[0] if reading is None else found[found["reading"] == reading].iloc[0]


@pytest.mark.parametrize(
    ("key", "low", "high", "expected"),
    [
        ("discard", 2.1, 3.0, "yes"),
        ("discard", 1.9, 3.0, "open"),
        ("discard", 1.0, 1.9, "no"),
        ("discard", 2.0, 3.0, "open"),  # more than twice
        ("discard", 1.0, 2.0, "no"),
        ("ratio", 0.2, 0.4, "yes"),
        ("ratio", -0.1, 0.05, "yes"),  # 13 % is no bound
        ("ratio", 0.4, 0.5, "open"),
        ("ratio", 0.5, 0.6, "no"),
        ("earlier", 0.1, 0.2, "yes"),
        ("earlier", -0.1, 0.2, "open"),
        ("earlier", -0.2, -0.1, "no"),
        ("transfer", 0.01, 0.2, "yes"),
        ("earlier", np.nan, np.nan, "open"),
    ],
)
def test_as_worded_is_whether_the_interval_is_in_the_range(
    key: str, low: float, high: float, expected: Answer
) -> None:
    middle = (low + high) / 2
    assert as_worded(BY_KEY[key], Interval(middle, low, high, 3)) == expected
    for n_seeds in (1, 2):
        assert as_worded(BY_KEY[key], Interval(middle, low, high, n_seeds)) == "open"


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [
        (0.1, 0.3, "yes", "no"),
        (-0.3, -0.1, "no", "yes"),
        (-0.1, 0.3, "open", "open"),
        (0.0, 0.3, "open", "open"),
        (np.nan, np.nan, "open", "open"),
    ],
)
def test_beyond_is_on_which_side_of_zero_the_interval_lies(
    low: float, high: float, above: Answer, below: Answer
) -> None:
    for side, expected in (("above", above), ("below", below)):
        question = Question("", "", side=side)  # type: ignore[arg-type]
        assert beyond(question, Interval((low + high) / 2, low, high, 3)) == expected
        assert beyond(question, Interval((low + high) / 2, low, high, 2)) == "open"


def test_every_claim_has_every_reading_in_a_full_summary() -> None:
    found = judge(summary(), "zero")
    assert list(zip(found["claim"], found["reading"], strict=True)) == [
        (claim.key, reading)
        for claim in CLAIMS
        for reading in claim.readings
        if reading != "5+"  # with four players there are no such orders
    ]


def row_of(table: pd.DataFrame, claim: Claim, reading: str) -> pd.Series:
    own = table[(table["quantity"] == claim.quantity) & (table[claim.along] == reading)]
    if claim.along != "order":
        own = own[own["order"].isin(["", "all"])]
    (found,) = (row for _, row in own.iterrows())
    return found


def test_each_reading_has_the_number_of_its_row() -> None:
    table = summary()
    for row in judge(table, "zero").to_dict("records"):
        own = row_of(table, BY_KEY[row["claim"]], row["reading"])
        for name in (*NUMBERS, "n", "n_seeds"):
            assert row[name] == own[name] or (np.isnan(row[name]) and np.isnan(own[name]))
        interval = Interval(own["number"], own["low"], own["high"], own["n_seeds"])
        assert row["as_worded"] == as_worded(BY_KEY[row["claim"]], interval)


QUESTIONS = {
    # claim, reading: the quantities and keys of both questions, and on which side of 0 is "yes"
    ("transfer", "3-4"): (("agreement", {"variant": "probe-finetune", "order": "3-4"}, 1), None),
    ("discard", "sets"): (
        ("agreement", {"variant": "probe-finetune", "order": "all"}, 1),
        ("beyond_retraining", {"variant": "probe-finetune"}, -1),
    ),
    ("new_order", "amount"): (
        ("agreement_falls", {}, 1),
        ("falls_beyond_retraining", {}, 1),
    ),
    ("ratio", "salient"): (
        ("agreement", {"variant": "preserved-scratch", "order": "all"}, 1),
        ("beyond_retraining", {"variant": "preserved-scratch"}, -1),
    ),
    ("earlier", "step"): (
        ("earlier_agreement", {"level": "own", "reading": "step"}, 1),
        ("earlier_agreement", {"level": "second run", "reading": "step"}, 1),
    ),
    ("steadier", ""): (
        ("steadier_agreement", {"level": "own"}, 1),
        ("steadier_agreement", {"level": "second run"}, 1),
    ),
    ("accuracy", ""): (None, None),
    ("epochs", "step"): (None, None),
    ("stopping", "loss"): (
        ("late_uncancelled_excess", {"reading": "loss", "order": "all"}, -1),
        None,
    ),
}


@pytest.mark.parametrize(("key", "reading"), QUESTIONS)
@pytest.mark.parametrize("sign", [1, -1])
def test_each_question_is_answered_by_its_own_row(key: str, reading: str, sign: int) -> None:
    columns = {"beyond_chance": "agreement", "beyond_retraining": "retraining"}
    for (answer, column), asked in zip(columns.items(), QUESTIONS[key, reading], strict=True):
        table = summary()
        if asked is None:
            found = answered(table, key, reading)
            assert found[answer] == "–"
            assert np.isnan(found[column])
            continue
        quantity, keys, side = asked
        values = sorted((sign * 0.1, sign * 0.3))
        put(table, quantity, (sign * 0.2, *values), **keys)
        found = answered(table, key, reading)
        assert found[answer] == ("yes" if sign == side else "no")
        shown = [found[f"{column}{end}"] for end in ("", "_low", "_high")]
        assert shown == [sign * 0.2, *values]


def test_answers_do_not_wait_for_each_other() -> None:
    """More is discarded than kept, and more is kept than chance would: both are said."""
    table = summary()
    put(table, "discard_over_preserve", (4.3, 4.0, 4.6), reading="orders")
    put(table, "agreement", (0.25, 0.2, 0.3), variant="probe-finetune", order="all")
    put(table, "beyond_retraining", (0.05, -0.1, 0.2), variant="probe-finetune")
    found = answered(table, "discard")
    assert [found[name] for name in ANSWERS] == ["yes", "yes", "open"]


@pytest.mark.parametrize(
    ("n_seeds", "note"), [(1, "1 seed, an answer needs 3"), (2, "2 seeds, an answer needs 3")]
)
def test_fewer_than_three_seeds_leave_every_answer_open(n_seeds: int, note: str) -> None:
    found = judge(summary(seeds=tuple(range(n_seeds))), "zero")
    assert set(found["as_worded"]) == {"open"}
    for name in ("beyond_chance", "beyond_retraining"):
        assert set(found[name]) <= {"open", "–"}
    assert (found["note"] == note).all()
    assert found["number"].notna().all()
    assert (found["n_seeds"] == n_seeds).all()
    if n_seeds == 1:  # there is no second run
        assert set(found["beyond_retraining"]) == {"–"}
        assert found["second_run"].isna().all()


def test_of_trajectories_of_the_first_seed_only_their_claims_are_open() -> None:
    found = judge(summary(trajectories="first"), "zero").set_index("claim")
    along = found.index.isin(["earlier", "steadier", "epochs", "stopping"])
    assert (found.loc[along, "note"] == "1 seed, an answer needs 3").all()
    assert (found.loc[along, "as_worded"] == "open").all()
    assert not found.loc[~along, "note"].str.contains("seed").any()
    assert (found.loc[~along, "n_seeds"] == 3).all()


def test_a_claim_that_changes_with_the_reading_says_so_in_every_reading() -> None:
    table = summary()
    put(table, "discard_over_preserve", (1.5, 1.2, 1.8), reading="orders")
    put(table, "discard_over_preserve", (4.3, 4.0, 4.6), reading="sets")
    found = judge(table, "zero")
    own = found[found["claim"] == "discard"]
    assert own["as_worded"].tolist() == ["no", "yes"]
    assert (own["note"] == "changes with the reading").all()
    assert not found[found["claim"] != "discard"]["note"].str.contains("changes").any()
    put(table, "discard_over_preserve", (2.0, 1.2, 2.8), reading="orders")  # open: no change
    assert answered(table, "discard", "sets")["note"] == ""


def test_the_reading_of_the_settings_comes_first() -> None:
    for reading in ("zero", "salient"):
        own = judge(summary(), reading).query("claim == 'ratio'")["reading"].tolist()
        assert own[0] == reading
        assert sorted(own) == sorted(BY_KEY["ratio"].readings)


@pytest.mark.parametrize("quantity", ["steadier", "transfer", "accuracy_gain"])
def test_a_claim_without_its_number_is_not_judged(quantity: str) -> None:
    """`steadier` needs three snapshots."""
    table = summary()
    found = judge(table[table["quantity"] != quantity], "zero")
    (lost,) = (claim.key for claim in CLAIMS if claim.quantity == quantity)
    assert set(found["claim"]) == BY_KEY.keys() - {lost}


def test_the_table_has_what_readers_ask_for() -> None:
    found = judge(summary(), "zero")
    assert set(found.columns) == TABLES["claims"].keys() - {"experiment"}
    for name in ANSWERS:
        assert set(found[name]) <= {"yes", "no", "open", "–"}


def test_nothing_but_the_summary_is_judged() -> None:
    """An answer follows from rows alone: their order among others does not matter."""
    table = summary()
    shuffled = table.sample(frac=1, random_state=0)
    assert judge(shuffled, "positive").equals(judge(table, "positive"))


def test_no_answer_where_a_network_has_not_learned() -> None:
    table = summary()
    lost = (table["quantity"] == "learned") & (table["variant"] == "scratch")
    assert lost.sum() == 1
    before = judge(table, "positive")
    table.loc[lost, "number"] = 0.0
    after = judge(table, "positive")
    compared = after["claim"] != "accuracy"
    assert (after.loc[compared, list(ANSWERS)] == "–").all(axis=None)
    assert set(after.loc[compared, "note"]) == {"not judged: scratch not learned"}
    assert before.loc[~compared, "as_worded"].item() == "yes"
    pd.testing.assert_frame_equal(after[~compared], before[~compared])
    numbers = before.columns.drop([*ANSWERS, "note"])
    pd.testing.assert_frame_equal(after[numbers], before[numbers])


def test_scratch_below_its_mark_withholds_accuracy_too() -> None:
    table = summary()
    lost = (table["quantity"] == "learned") & (table["variant"] == "scratch")
    table.loc[lost, "number"] = 0.0
    table.loc[lost, "level"] = "below its mark of 45 %"
    after = judge(table, "zero")
    assert (after[list(ANSWERS)] == "–").all(axis=None)
    assert set(after["note"]) == {"not judged: scratch below its mark of 45 %"}


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
            "statistics": OPTIONS,
        }
    )


def table_of(text: str, title: str) -> list[list[str]]:
    """Cells of the lines of an experiment."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {title} |")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_every_reading_has_a_line(claims: pd.DataFrame) -> None:
    text = document(claims, settings_of("One", "Two"))
    assert text.startswith("# Claims of the paper\n\nEach claim has three answers")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        claim.statement for claim in CLAIMS
    ]
    for title, name in (("One", "one"), ("Two", "two")):
        lines = table_of(text, title)
        own = claims[claims["experiment"] == name]
        assert [cells[1] for cells in lines] == [one or "–" for one in own["reading"]]
        assert [cells[6] for cells in lines] == own["as_worded"].tolist()
        assert {len(cells) for cells in lines} == {10}


def test_a_line_holds_numbers_answers_and_the_note(claims: pd.DataFrame) -> None:
    given: dict[str, Any] = {"number": 1.2345, "low": 1.0, "high": 2.0, "chance": 0.5}
    given |= {"second_run": np.nan, "n": 7, "n_seeds": 3, "as_worded": "open"}
    given |= {"note": "changes with the reading"}
    given |= {"beyond_chance": "yes", "agreement": 0.25, "agreement_low": 0.2}
    given |= {"agreement_high": 0.3, "beyond_retraining": "–", "retraining": np.nan}
    row = claims.query("claim == 'discard'").iloc[0].to_dict() | given
    text = document(pd.DataFrame([row]), settings_of("One", "Two"))
    (cells,) = table_of(text, "One")
    assert cells == [
        *("One", "orders", "1.23 [1.00, 2.00]", "0.500", "–", "3, 7"),
        *("open", "yes: 0.250 [0.200, 0.300]", "–", "changes with the reading"),
    ]
    assert text.count("## ") == 1


def test_a_title_is_text_and_no_markup(claims: pd.DataFrame) -> None:
    text = document(claims, settings_of("a|b", "<i>[c]"))
    assert "| a\\|b |" in text
    assert "| \\<i\\>\\[c\\] |" in text


class Cells(HTMLParser):
    """Rows of a page's tables, with the classes of their cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.looks: list[list[str | None]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
            self.looks.append([])
        self.inside = tag == "td"
        if self.inside:
            self.rows[-1].append("")
            self.looks[-1].append(dict(attrs).get("class"))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "tr"}:
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def test_the_page_says_what_the_markdown_says(claims: pd.DataFrame) -> None:
    settings = settings_of("One", "Two")
    text = page(claims, settings)
    rows = [row for row in Cells(text).rows if row]
    markdown = document(claims, settings)
    expected = [*table_of(markdown, "One"), *table_of(markdown, "Two")]
    assert sorted(rows) == sorted(expected)
    assert not re.search(r"(src|href)=|https?:|\*", text)  # it needs no other file


def test_answers_have_looks_in_the_page(claims: pd.DataFrame) -> None:
    found = Cells(page(claims, settings_of("One", "Two")))
    for row, looks in zip(found.rows, found.looks, strict=True):
        for cell, look in zip(row, looks, strict=True):
            answer = cell.partition(":")[0]
            assert look == (answer if answer in {"yes", "no", "open"} else None)


def test_a_title_is_no_html(claims: pd.DataFrame) -> None:
    text = page(claims, settings_of("a|b", "<i>[c]"))
    assert "<td>&lt;i&gt;[c]</td>" in text
    assert "<i>" not in text
