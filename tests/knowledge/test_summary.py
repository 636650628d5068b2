"""The summary: every number against plain formulas, and nothing that depends on rows' order."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from tests.knowledge import records
from tests.knowledge.records import NAMES, QUICK, record, tables
from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.reading import TABLES, not_learned
from whypretrain.knowledge.statistics import bootstrap, epochs_saved
from whypretrain.knowledge.strengths import split_knowledge
from whypretrain.knowledge.summary import COLUMNS, TEXTS, summarise

KEYS = [*TEXTS, "fraction", "epoch"]
OF_TEST_SPLIT = {"test_loss", "train_loss", "train_accuracy"}


@pytest.fixture(scope="module", name="summary")
def made() -> pd.DataFrame:
    return records.summary()


def row(summary: pd.DataFrame, quantity: str, **keys: str) -> pd.Series:
    chosen = summary["quantity"] == quantity
    for name, value in keys.items():
        chosen &= summary[name] == value
    (found,) = (own for _, own in summary[chosen].iterrows())
    return found


def bounds(values: np.ndarray) -> tuple[float, float]:
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=QUICK.n_resamples, rng=np.random.default_rng(QUICK.seed)
    ).confidence_interval
    return float(found.low), float(found.high)


def test_columns_are_those_that_readers_ask_for(summary: pd.DataFrame) -> None:
    assert tuple(summary.columns) == COLUMNS
    assert set(COLUMNS) == TABLES["summary"].keys()
    assert not summary.duplicated(KEYS).any()
    assert (summary["n_seeds"] == 1).all()


def test_the_order_of_rows_changes_nothing(summary: pd.DataFrame) -> None:
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in tables().items()}
    found = summarise("one", shuffled, QUICK)
    found, expected = (t.sort_values(KEYS, ignore_index=True) for t in (found, summary))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_strengths_of_an_order_by_hand(summary: pd.DataFrame) -> None:
    """Samples in the order of their ids, whatever order they were measured in."""
    by_id = np.argsort(NAMES)
    probe = record(0, n_snapshots=1).interactions[-1]
    kept = split_knowledge(probe, record(1).interactions[-1]).preserve
    values = kept[by_id][:, orders(4) == 2].mean(axis=1)
    found = row(summary, "preserve", order="2")
    assert found["number"] == pytest.approx(values.mean(), rel=1e-12)
    assert (found["low"], found["high"]) == pytest.approx(bounds(values), rel=1e-12)
    assert found["n"] == len(NAMES)
    assert found["excess"] == pytest.approx(found["number"] - found["chance"])
    other = split_knowledge(probe, record(2).interactions[-1]).preserve
    assert found["swapped"] == pytest.approx(other[:, orders(4) == 2].mean())
    replicate = record(3, n_snapshots=1).interactions[-1]
    again = split_knowledge(replicate, record(1).interactions[-1]).preserve
    assert found["second_run"] == pytest.approx(again[:, orders(4) == 2].mean())


def test_a_chance_level_is_taken_off_sample_by_sample(summary: pd.DataFrame) -> None:
    own = tables()["knowledge"].query("quantity == 'new' and order == 3")
    wide = own.pivot(index="sample", columns="reference", values="strength")
    expected = bounds((wide["measured"] - wide["chance"]).to_numpy())
    found = row(summary, "new", order="3")
    assert (found["excess_low"], found["excess_high"]) == pytest.approx(expected, rel=1e-12)


def test_totals_leave_the_empty_set_out(summary: pd.DataFrame) -> None:
    probe, finetune = record(0, n_snapshots=1).interactions[-1], record(1).interactions[-1]
    preserve, discard, _ = (part[:, 1:].sum() for part in split_knowledge(probe, finetune))
    ratio = row(summary, "discard_over_preserve")
    assert ratio["number"] == pytest.approx(discard / preserve)
    assert ratio["low"] < ratio["number"] < ratio["high"]
    share = row(summary, "preserved_share")["number"]
    assert share == pytest.approx(preserve / (preserve + discard))


def test_totals_leave_orders_in_the_noise_floor_out() -> None:
    quiet = tables()
    floor = quiet["knowledge"]["noise_floor"].where(quiet["knowledge"]["order"] != 3, 1e9)
    quiet["knowledge"]["noise_floor"] = floor
    found = row(summarise("one", quiet, QUICK), "new_over_preserve")
    models = record(0, n_snapshots=1).interactions[-1], record(1).interactions[-1]
    heard = np.isin(orders(4), [1, 2, 4])
    preserve, _, new = (part[:, heard].sum() for part in split_knowledge(*models))
    assert found["number"] == pytest.approx(new / preserve)


def test_curves_are_by_snapshot_and_sample(summary: pd.DataFrame) -> None:
    curves = tables()["jaccard"].query("reference == 'measured'")
    means = curves.groupby(["variant", "fraction"])["jaccard"].mean()
    areas = [np.trapezoid(means[variant], [0, 0.5, 1]) for variant in ("finetune", "scratch")]
    found = summary.query("quantity == 'jaccard_area'")["number"]
    assert found.tolist() == pytest.approx(areas)
    assert row(summary, "earlier")["number"] == pytest.approx(areas[0] - areas[1])
    losses = *record(1).losses, *record(2).losses
    saved = epochs_saved(record(1).epochs, record(2).epochs)(*losses)
    assert row(summary, "epochs")["number"] == pytest.approx(saved)
    by_id = [values[np.argsort(NAMES)] for values in losses]
    found = row(summary, "epochs")
    low, high = bootstrap(epochs_saved(np.arange(3.0), np.arange(3.0)), by_id, QUICK)
    assert (found["low"], found["high"]) == (float(low), float(high))


def test_ratios_of_samples_are_averaged_and_weighted_ones_are_not(summary: pd.DataFrame) -> None:
    ratio = tables()["ratio"].query("order == 'all'")
    for reading, own in ratio.groupby("reading"):
        found = row(summary, "ratio", order="all", reading=str(reading))
        for reference, column in (("measured", "number"), ("swapped", "swapped")):
            of = own[own["reference"] == reference]
            mean = of["numerator"].sum() / of["denominator"].sum()
            expected = mean if reading == "weighted" else of["ratio"].mean()
            assert found[column] == pytest.approx(expected)
        gap = row(summary, "reach", reading=str(reading))["number"]
        assert gap == pytest.approx(found["number"] - found["second_run"])


def test_accuracies_are_the_last_epochs(summary: pd.DataFrame) -> None:
    found = row(summary, "accuracy", variant="scratch")
    assert (found["number"], found["n"]) == (0.6, 50)
    expected = proportion_confint(30, 50, method="wilson")
    assert (found["low"], found["high"]) == pytest.approx(expected)
    gain = row(summary, "accuracy_gain")
    assert gain["number"] == pytest.approx(0.3)
    assert 0.1 < gain["low"] < 0.3 < gain["high"] < 0.5
    along = summary.query("quantity == 'test_accuracy' and variant == 'scratch'")
    assert along.set_index("epoch")["number"].to_dict() == {0: 0.1, 1: 0.8, 2: 0.6}


def test_robustness_counts_items(summary: pd.DataFrame) -> None:
    found = row(summary, "robustness_lost", level="noise 0.1")
    assert found["number"] == pytest.approx((7 - 2) / 50)
    assert found["low"] < 0.1 < found["high"]
    assert row(summary, "robustness_accuracy", level="noise 0.1")["number"] == 40 / 50


def test_intervals_hold_their_numbers(summary: pd.DataFrame) -> None:
    bounded = summary[~summary["quantity"].isin(OF_TEST_SPLIT)].dropna(subset=["low"])
    # The bias correction of so few resamples may put a bound beside the number, not far from it.
    assert (bounded["low"] <= bounded["high"]).all()
    inside = (bounded["low"] <= bounded["number"]) & (bounded["number"] <= bounded["high"])
    assert inside.mean() > 0.95


def test_without_a_second_run_there_is_no_reach() -> None:
    found = summarise("one", tables(replicated=False), QUICK)
    assert found["second_run"].isna().all()
    assert "reach" not in set(found["quantity"])


def test_two_snapshots_cannot_be_unsteady() -> None:
    ends = tables()
    ends["jaccard"] = ends["jaccard"].query("fraction in (0, 1)")
    quantities = set(summarise("one", ends, QUICK)["quantity"])
    assert "steadier" not in quantities
    assert "earlier" in quantities


def test_tables_that_are_not_there_are_passed_over() -> None:
    needed = {
        name: table
        for name, table in tables().items()
        if name in ("knowledge", "ratio", "jaccard", "losses", "history")
    }
    quantities = set(summarise("one", needed, QUICK)["quantity"])
    assert {"preserve", "ratio", "accuracy"} <= quantities
    assert not quantities & {"salient_count", "changed", "robustness_lost", "prunable_share"}


def test_one_sample_has_numbers_without_intervals() -> None:
    alone = {
        name: table[table["sample"] == "a"] if "sample" in table else table
        for name, table in tables().items()
    }
    found = summarise("one", alone, QUICK)
    over_samples = found[found["quantity"].isin(["preserve", "ratio", "earlier", "jaccard"])]
    assert over_samples["low"].isna().all()
    assert (over_samples["n"].dropna() <= 1).all()


def test_scratch_below_its_mark_counts_as_not_learned() -> None:
    accuracy = tables()["history"].query("variant == 'scratch'")["test_accuracy"].iloc[-1]
    for least, number, words in (
        (None, 1, {}),
        (accuracy, 1, {}),
        (0.99, 0, {"one": "scratch below its mark of 99 %"}),
    ):
        found = summarise("one", tables(), QUICK, least)
        assert row(found, "learned", variant="scratch")["number"] == number
        assert row(found, "learned", variant="finetune")["number"] == 1
        assert not_learned(found) == words
