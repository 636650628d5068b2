"""How often answers are wrong where the truth is known, and what they say where there is something.

With so few worlds, a rate above its level shows only where it is far above: see docs/claims.md.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from validation.simulation import __main__ as stage
from validation.simulation import coverage, rates
from validation.simulation.worlds import KINDS, Draw
from whypretrain.claims.catalogue import CLAIMS
from whypretrain.claims.verdicts import judge
from whypretrain.knowledge.courses import course_tables
from whypretrain.knowledge.summary import summarise
from whypretrain.knowledge.tables import comparison_tables
from whypretrain.settings.knowledge import Statistics

OPTIONS = Statistics()
A_SIDE = 0.025
SAME = {
    "independent": {
        "as_worded": {"transfer", "discard_order", "new_order", "earlier", "steadier"},
        "beyond_chance": {*("discard", "discard_order", "new_order", "ratio")},
    },
    "alike": {
        "as_worded": {"transfer", "discard_order", "new_order", "earlier", "accuracy", "epochs"},
        "beyond_retraining": {*("discard", "discard_order", "new_order", "ratio", "earlier")},
    },
}
"""Questions whose truth is at the limit: neither yes nor no."""


@cache
def drawn(kind: str, n_worlds: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    return rates.outcomes(kind, n_worlds, OPTIONS)


def answers(kind: str, claim: str, question: str, n_worlds: int = 6) -> set[str]:
    found = drawn(kind, n_worlds)[0]
    own = found[(found["claim"] == claim) & (found["question"] == question)]
    return set(own["answer"])


def numbers(kind: str, what: str, n_worlds: int = 6) -> np.ndarray:
    found = drawn(kind, n_worlds)[1]
    return found.loc[found["what"] == what, "number"].to_numpy()


@pytest.mark.parametrize("kind", SAME)
def test_where_there_is_nothing_few_answers_say_there_is(kind: str) -> None:
    n_worlds = 24
    found = drawn(kind, n_worlds)[0]
    for question, claims in SAME[kind].items():
        for claim in claims:
            own = found[(found["claim"] == claim) & (found["question"] == question)]
            for answer in ("yes", "no"):
                counts = (own["answer"] == answer).groupby(own["reading"]).sum()
                for reading, count in counts.items():
                    test = binomtest(count, n_worlds, A_SIDE, alternative="greater")
                    assert test.pvalue > 1e-4, (question, claim, reading, answer, count)


def test_a_tenth_kept_is_seen_as_transfer() -> None:
    found = drawn("kept 0.1", 6)[0]
    whole = found[(found["claim"] == "transfer") & (found["reading"] == "all")]
    assert set(whole.loc[whole["question"] == "as_worded", "answer"]) == {"yes"}
    assert answers("kept 0.1", "discard", "beyond_chance") == {"yes"}


def test_what_keeps_everything_is_never_said_to_have_forgotten_anything() -> None:
    assert answers("kept 1", "discard", "as_worded") == {"no"}
    for kind in ("kept 1", "kept 1 at 0.3"):
        assert answers(kind, "discard", "beyond_chance") == {"yes"}
        assert "yes" not in answers(kind, "discard", "beyond_retraining")
    # At 0.3 of its strength it is "more than twice", and could not be less.
    assert answers("kept 1 at 0.3", "discard", "as_worded") <= {"yes", "open"}
    least, found = (
        numbers("kept 1 at 0.3", name)
        for name in ("smallest discard / preserve", "discard / preserve")
    )
    np.testing.assert_allclose(least, found, rtol=1e-9)


def test_one_network_for_all_agrees_with_itself() -> None:
    for pair in ("probe and finetune", "probe and scratch", "two finetune"):
        np.testing.assert_allclose(numbers("identical", f"agreement of {pair}"), 1)
    assert answers("identical", "transfer", "as_worded") == {"no"}
    for claim in ("discard", "discard_order", "new_order", "ratio"):
        assert answers("identical", claim, "beyond_retraining") == {"open"}  # 1e-17 is nothing


def test_permuted_networks_agree_as_chance_does() -> None:
    found = numbers("permuted", "agreement of probe and finetune", 24)
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found)) < 0.02


def test_the_world_of_the_paper_bears_its_claims_out() -> None:
    for claim in (
        "discard_order",
        "new_order",
        "ratio",
        "earlier",
        "accuracy",
        "epochs",
    ):
        assert answers("as the paper", claim, "as_worded") <= {"yes", "open"}, claim
    for question in ("beyond_chance", "beyond_retraining"):
        assert answers("as the paper", "discard_order", question) <= {"yes", "open"}


def test_what_comes_late_with_either_sign_is_said_to_cancel_more() -> None:
    for question in ("as_worded", "beyond_chance"):
        assert answers("overfitting", "stopping", question, 1) == {"yes"}
    world = KINDS["overfitting"].draw(draw := Draw(np.random.default_rng(5), n_worlds=1))
    (first, *_) = rates.records(world, draw).records("finetune")
    late = world.finetune.late
    assert late is not None
    before = first.interactions[:-1].reshape(5, *late.shape)
    np.testing.assert_allclose(before[:, late], 0, atol=1e-12)
    assert (first.interactions[-1].reshape(late.shape)[~late] > -1e-12).all()


def test_answers_are_those_of_whole_tables() -> None:
    """Many worlds at once, and rows that no claim is about left out, change nothing."""
    draw = Draw(np.random.default_rng(3), n_worlds=2)
    world = KINDS["kept 0.3"].draw(draw)
    found = [*rates.tables(world, draw)]
    compared = rates.records(world, Draw(np.random.default_rng(4), n_worlds=2))
    whole = comparison_tables(compared)
    second = {name: table[table["sample"].str.startswith("001-")] for name, table in whole.items()}
    # Trajectories waver at random, but final networks do not.
    both = second | {name: found[1][name] for name in ("jaccard", "courses", "losses", "history")}
    expected, own = (judge(summarise("x", one, OPTIONS), "zero") for one in (both, found[1]))
    without = ["chance", "swapped", "second_run"]
    pd.testing.assert_frame_equal(own.drop(columns=without), expected.drop(columns=without))


def test_courses_are_those_of_all_rows() -> None:
    draw = Draw(np.random.default_rng(3), n_worlds=1)
    compared = rates.records(KINDS["kept 0.3"].draw(draw), draw)
    whole = comparison_tables(compared) | course_tables(compared)
    whole["history"] = rates.history(KINDS["kept 0.3"].draw(draw), draw)
    few = {name: rates.judged(name, table) for name, table in whole.items()}
    expected, own = (judge(summarise("x", one, OPTIONS), "zero") for one in (whole, few))
    without = ["chance", "swapped", "second_run"]
    pd.testing.assert_frame_equal(own.drop(columns=without), expected.drop(columns=without))


def test_tables_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: KINDS[name] for name in ("independent", "kept 0.1, 5 seeds")}
    monkeypatch.setattr(rates, "KINDS", few)
    monkeypatch.setattr(coverage, "CASES", {"mean": coverage.mean})
    paths = {name: tmp_path / f"{name}.csv" for name in ("rates", "numbers", "coverage")}
    settings = Statistics(simulated_worlds=2).to_json()
    options = [f"--{name}={path}" for name, path in paths.items()]
    monkeypatch.setattr("sys.argv", ["x", "--settings", settings, *options])
    stage.main()
    written = {name: pd.read_csv(path, keep_default_na=False) for name, path in paths.items()}
    table = written["rates"]
    keys = ["world", "claim", "reading", "question"]
    assert np.allclose(table.groupby(keys)["rate"].sum(), 1)
    # Takes long, so it is judged in worlds of its own.
    assert set(table["claim"]) == {claim.key for claim in CLAIMS} - {"stopping"}
    assert table.groupby("world")["n"].max().to_dict() == {"independent": 2, "kept 0.1, 5 seeds": 1}
    assert set(written["numbers"]["number"]) == set(rates.NUMBERS)
    assert set(written["coverage"]["interval"]) == {"summary", "bootstrap", "samples alone"}
