"""Rows about turnover: means with their references, and what emerges after the best snapshot."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.knowledge import plain, records
from tests.knowledge.plain import check
from tests.knowledge.records import NAMES, OPTIONS, SEEDS, row, tables
from whypretrain.knowledge.stopping import stops
from whypretrain.knowledge.summary import summarise

Array = NDArray[np.float64]
Keys = dict[str, str | float]


@pytest.fixture(scope="module", name="summary")
def made() -> pd.DataFrame:
    return records.summary()


def values(name: str, column: str, **keys: str | float) -> Array:
    """Of a table by seed and sample."""
    table = tables()[name]
    for key, value in keys.items():
        table = table[table[key] == value]
    found = table.set_index(["seed", "sample"])[column].sort_index().to_numpy()
    return np.asarray(found.reshape(len(SEEDS), len(NAMES)))


@pytest.mark.parametrize(("target", "reading"), [("probe", "strength"), ("own", "salient")])
def test_held_shares_are_means_over_seeds_and_samples(
    summary: pd.DataFrame, target: str, reading: str
) -> None:
    keys = {"reading": reading, "order": "1-2", "variant": "finetune"}
    of: Keys = {**keys, "fraction": 0.5, "target": target}
    own = summary[summary["fraction"] == 0.5]
    found = row(own, "held_share", level=target, **keys)
    measured = values("held", "held", reference="measured", second="", **of)
    check(found, measured.mean(), plain.reach(measured))
    chance = values("held", "held", reference="chance", **of)
    assert found["chance"] == pytest.approx(chance.mean())
    assert found["excess"] == pytest.approx((measured - chance).mean())
    assert np.isnan(found["second_run"]) == (target == "probe")


def test_what_other_seeds_hold_of_a_part_is_a_mean_over_pairs(summary: pd.DataFrame) -> None:
    keys = {"order": "all", "variant": "finetune"}
    table = tables()["held"]
    for fraction in (0.5, 1.0):
        chosen = (table["target"] == "emerged") & (table["fraction"] == fraction)
        for key, value in keys.items():
            chosen &= table[key] == value
        own = table[chosen]
        at = summary[summary["fraction"] == fraction]
        found = row(at, "held_share", level="emerged", reading="salient", **keys)
        means = own.groupby("reference")["held"].mean()
        assert found["number"] == pytest.approx(means["measured"])
        assert found["chance"] == pytest.approx(means["chance"])
        assert (found["n"], found["n_seeds"]) == (5, 3)


def test_counts_and_shares_of_parts_are_means_where_there_is_one(summary: pd.DataFrame) -> None:
    own = summary[summary["fraction"] == 0.5]
    for part in ("salient", "removed", "later"):
        keys = {"order": "all", "variant": "scratch"}
        of: Keys = {**keys, "fraction": 0.5, "part": part, "reference": "measured"}
        counts = values("turnover", "n_sets", **of)
        check(row(own, "turnover_count", level=part, **keys), counts.mean(), plain.reach(counts))
        share = row(own, "uncancelled_share", level=part, **keys)
        assert share["number"] == pytest.approx(np.nanmean(values("turnover", "uncancelled", **of)))


def test_single_orders_have_rows_at_the_end(summary: pd.DataFrame) -> None:
    for quantity in ("held_share", "uncancelled_share", "turnover_count"):
        own = summary[summary["quantity"] == quantity]
        single = own[own["order"].str.isdigit()]
        assert set(single["fraction"]) == {1.0}
        assert set(single["order"]) == {"1", "2", "3"}


def test_what_emerges_late_is_set_against_what_had_emerged(summary: pd.DataFrame) -> None:
    """Fine-tuned networks are at their best at the middle, networks from scratch at the end."""
    own = summary[summary["quantity"] == "late_uncancelled"]
    assert set(own["variant"]) == {"finetune"}
    assert set(own["fraction"]) == {0.5}
    assert set(own["epoch"]) == {1.0}
    assert own["swapped"].isna().all()
    for order in ("1-2", "3-4", "all"):
        of: Keys = {"variant": "finetune", "fraction": 0.5, "order": order}
        parts = {
            (reference, part): np.nanmean(
                values("turnover", "uncancelled", part=part, reference=reference, **of)
            )
            for reference in ("measured", "chance")
            for part in ("later", "emerged")
        }
        measured, chance = (
            parts[one, "later"] - parts[one, "emerged"] for one in ("measured", "chance")
        )
        for reading in ("accuracy", "loss"):
            found = row(own, "late_uncancelled", order=order, reading=reading)
            assert found["number"] == pytest.approx(measured)
            assert found["chance"] == pytest.approx(chance)
            assert found["low"] < found["number"] < found["high"]
            assert (found["n"], found["n_seeds"]) == (5, 3)
            beyond = row(summary, "late_uncancelled_excess", order=order, reading=reading)
            names = ("number", "low", "high")
            assert [beyond[name] for name in names] == pytest.approx(
                [found[name] for name in ("excess", "excess_low", "excess_high")]
            )


def test_what_another_seed_holds_of_it_is_compared_likewise(summary: pd.DataFrame) -> None:
    table = tables()["held"].query("variant == 'finetune' and fraction == 0.5 and order == 'all'")
    mean = table.groupby(["reference", "target"])["held"].mean()
    measured, chance = (mean[one, "later"] - mean[one, "emerged"] for one in ("measured", "chance"))
    for reading in ("accuracy", "loss"):
        found = row(summary, "late_held", order="all", reading=reading)
        assert found["number"] == pytest.approx(measured)
        assert found["chance"] == pytest.approx(chance)
        assert (found["n"], found["n_seeds"]) == (5, 3)
        beyond = row(summary, "late_held_excess", order="all", reading=reading)
        assert beyond["number"] == pytest.approx(measured - chance)
    assert "late_held" not in set(records.summary(seeds=(0,))["quantity"])


def test_scratch_stands_beside_it_where_it_stops_too() -> None:
    made = tables()
    history = made["history"]
    is_scratch = (history["variant"] == "scratch") & (history["epoch"] == 2.0)
    history.loc[is_scratch, "test_accuracy"] = 0.9
    found = row(
        summarise("one", made, OPTIONS), "late_uncancelled", order="all", reading="accuracy"
    )
    of: Keys = {"variant": "scratch", "fraction": 0.5, "order": "all"}
    later, emerged = (
        np.nanmean(values("turnover", "uncancelled", part=part, reference="measured", **of))
        for part in ("later", "emerged")
    )
    assert found["swapped"] == pytest.approx(later - emerged)


def test_where_the_end_is_best_there_is_nothing_after_it() -> None:
    made = tables()
    history = made["history"]
    middle = (history["variant"] == "finetune") & (history["epoch"] == 1.0)
    history.loc[middle, ["test_accuracy", "test_loss"]] = [0.3, 1.7]
    quantities = set(summarise("one", made, OPTIONS)["quantity"])
    assert "held_share" in quantities
    assert not quantities & {"late_uncancelled", "late_uncancelled_excess"}


def trajectory(epochs: list[float], seed: str = "0") -> pd.DataFrame:
    return pd.DataFrame({"fraction": np.linspace(0, 1, len(epochs)), "epoch": epochs, "seed": seed})


def scores(accuracy: list[float], loss: list[float], seed: str = "0") -> pd.DataFrame:
    columns = {"epoch": np.arange(float(len(accuracy))), "test_accuracy": accuracy}
    return pd.DataFrame({**columns, "test_loss": loss, "n_test": 400, "seed": seed})


def test_accuracy_stops_within_one_standard_error_of_its_best() -> None:
    """Of 400 items at 0.9 that is 0.015."""
    turned = trajectory([0.0, 1.0, 2.0, 3.0])
    for accuracy, expected in ((0.886, 1 / 3), (0.884, 2 / 3)):
        history = scores([0.2, accuracy, 0.9, 0.9], [1.0, 0.5, 0.4, 0.45])
        assert stops(turned, history) == {"accuracy": expected, "loss": 2 / 3}


def test_only_snapshots_after_tested_epochs_can_be_the_best() -> None:
    turned = trajectory([0.0, 0.4, 1.0, 3.0])
    history = scores([0.2, 0.8, 0.9, 0.8], [1.0, 0.5, 0.3, 0.6])
    assert stops(turned, history) == {"accuracy": 2 / 3, "loss": 2 / 3}


def test_a_seed_with_its_last_snapshot_alone_has_no_say() -> None:
    ends = trajectory([0.0, 1.0, 2.0], seed="1").tail(1)
    turned = pd.concat([trajectory([0.0, 1.0, 2.0]), ends])
    whole = scores([0.2, 0.9, 0.5], [1.0, 0.3, 0.5])
    history = pd.concat([whole, scores([0.2, 0.2, 1.0], [1.0, 1.0, 0.0], seed="1")])
    assert stops(turned, history) == {"accuracy": 0.5, "loss": 0.5}
