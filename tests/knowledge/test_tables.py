"""The tables of an experiment: what is in each, which sets they count, of which networks."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.knowledge.records import NAMES, QUICK, record, records, tables
from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.reading import TABLES
from whypretrain.knowledge.strengths import (
    REFERENCES,
    Models,
    comparisons,
    jaccard,
    reached_strength,
    split_knowledge,
)
from whypretrain.knowledge.tables import (
    counted_sets,
    experiment_tables,
    heard,
    knowledge_table,
    ratio_table,
    salience_table,
    threshold_table,
)
from whypretrain.settings.knowledge import Metrics, Statistics

SAMPLES = ["x", "y"]
MODELS = np.random.default_rng(0).normal(size=(3, 2, 16))
COUNTED = orders(4) > 0


METRICS = Metrics(salience_thresholds=[0.1])


def ratios(
    models: NDArray[np.float64], counted: NDArray[np.bool_] = COUNTED, n_samples: int = 2
) -> pd.DataFrame:
    preserve = split_knowledge(models[0], models[1]).preserve
    reached = reached_strength(models[0], preserve, models[2])
    return ratio_table(SAMPLES[:n_samples], preserve, reached, counted)


def test_knowledge_is_averaged_over_the_sets_of_an_order() -> None:
    _, compared = next(comparisons(Models(*MODELS), Statistics()))
    strengths = compared._asdict() | {"probe": np.abs(MODELS[0]), "finetune": np.abs(MODELS[1])}
    table = knowledge_table(SAMPLES, strengths, np.arange(5.0))
    assert table.groupby("order")["noise_floor"].first().tolist() == [0, 1, 2, 3, 4]
    assert set(table["order"]) == {0, 1, 2, 3, 4}
    assert table.groupby("order")["n_sets"].first().tolist() == [1, 4, 6, 4, 1]
    row = table[(table["sample"] == "y") & (table["order"] == 2) & (table["quantity"] == "probe")]
    assert row["strength"].item() == pytest.approx(np.abs(MODELS[0, 1, orders(4) == 2]).mean())
    wide = table.pivot(index=["sample", "order"], columns="quantity", values="strength")
    np.testing.assert_allclose(wide["preserve"] + wide["discard"], wide["probe"])
    np.testing.assert_allclose(wide["preserve"] + wide["new"], wide["finetune"])


def test_ratio_leaves_the_empty_set_out_and_reports_orders() -> None:
    models = MODELS.copy()
    before = ratios(models)
    models[:, :, 0] = 1e6
    after = ratios(models)
    assert before.equals(after)
    assert list(before["order"].unique()) == ["all", "1", "2", "3", "4"]
    assert len(before) == 5 * 4 * 2
    total = before[(before["reading"] == "weighted") & (before["sample"] == "x")]
    by_order = total[total["order"] != "all"]["numerator"].sum()
    assert total.loc[total["order"] == "all", "numerator"].item() == pytest.approx(by_order)


def test_ratio_leaves_out_what_is_not_counted() -> None:
    counted = COUNTED & (orders(4) != 4)
    table = ratios(MODELS, counted)
    assert list(table["order"].unique()) == ["all", "1", "2", "3"]
    changed = MODELS.copy()
    changed[:, :, 15] = 1e6
    assert table.equals(ratios(changed, counted))


def test_ratio_of_nothing_is_missing_not_zero() -> None:
    models = np.stack([MODELS[0, :1], -MODELS[0, :1], MODELS[2, :1]])
    table = ratios(models, n_samples=1)
    positive = table[table["reading"] == "positive"]
    assert positive["ratio"].isna().all()
    assert (table[table["reading"] == "zero"]["ratio"] == 0).all()


def test_salience_counts() -> None:
    interactions = np.array([[5.0, 1.0, 0.01, 0.5]])
    table = salience_table(["x"], "scratch", interactions, threshold=0.05, scale="sample")
    assert table["n_salient"].item() == 2
    assert table["salient_share"].item() == 0.5


def test_salience_by_threshold() -> None:
    table = threshold_table(SAMPLES, "scratch", MODELS[0], [0.0, 0.05, 0.7], "model")
    assert table.groupby("threshold")["sample"].agg(list).tolist() == [SAMPLES] * 3
    none = table[table["threshold"] == 0]
    assert none["reconstruction_error"].to_numpy() == pytest.approx(0, abs=1e-12)
    # Everything but the empty set is kept, so chance keeps everything too.
    assert (none["n_salient"] == 15).all()
    assert none["random_error"].to_numpy() == pytest.approx(0)
    usual = table[table["threshold"] == 0.05].drop(columns=["threshold", "random_error"])
    same = salience_table(SAMPLES, "scratch", MODELS[0], threshold=0.05, scale="model")
    assert usual.reset_index(drop=True).equals(same)
    assert (table["random_error"].diff(2).dropna() >= 0).all()


def test_orders_in_the_noise_floor_of_a_final_network_are_not_counted() -> None:
    """A floor of one snapshot is not that of another, and one network's silence is enough."""
    loud, quiet = record(0), record(1)
    assert counted_sets([loud, quiet]).tolist() == (orders(4) > 0).tolist()
    quiet.noise_floor[-1, 3] = 1e9
    loud.noise_floor[0, 2] = 1e9  # not the final one
    expected = (orders(4) > 0) & (orders(4) != 3)
    assert counted_sets([loud, quiet]).tolist() == expected.tolist()
    assert counted_sets([quiet, loud]).tolist() == expected.tolist()
    strength = np.abs(loud.interactions[-1])[:, orders(4) == 1].mean()
    loud.noise_floor[-1, 1] = strength
    assert counted_sets([loud])[1]
    loud.noise_floor[-1, 1] = np.nextafter(strength, 2)
    assert not counted_sets([loud])[1]


def test_a_network_below_its_floor_is_refused() -> None:
    silent = record(0)
    silent.noise_floor[-1] = 1e9
    with pytest.raises(ValueError, match=r"every order .* set extraction\.precision to float32"):
        counted_sets([silent])


def test_strengths_within_the_floor_of_their_order_are_nothing() -> None:
    strength = np.array([[0.5, 1.0, 2.0, 2.0]])
    assert heard(strength, np.array([0.0, 1.0, 1.5])).tolist() == [[0.5, 0.0, 2.0, 2.0]]


def test_tables_have_the_columns_that_are_read() -> None:
    made = tables()
    for name in made.keys() - {"history", "robustness"}:
        assert TABLES[name].keys() - {"experiment"} <= set(made[name].columns), name
    for name in ("knowledge", "ratio"):
        assert set(made[name]["reference"]) == set(REFERENCES)
        assert set(tables(replicated=False)[name]["reference"]) == set(REFERENCES[:3])


def test_similarity_is_to_the_own_end_and_to_the_others() -> None:
    finetune, scratch = record(1).interactions, record(2).interactions
    table = tables()["jaccard"].query("variant == 'scratch' and fraction == 0.5")
    found = table.pivot(index="sample", columns="reference", values="jaccard").loc[list(NAMES)]
    own = jaccard(scratch[1][:, 1:], scratch[2][:, 1:])
    np.testing.assert_allclose(found["measured"], own)
    other = jaccard(scratch[1][:, 1:], finetune[2][:, 1:])
    np.testing.assert_allclose(found["swapped"], other)
    again = tables()["jaccard"].query("reference == 'second_run'")
    assert again["variant"].unique().tolist() == ["finetune"]
    assert again["fraction"].unique().tolist() == [1]
    replicate = record(3, n_snapshots=1).interactions[0]
    expected = jaccard(replicate[:, 1:], finetune[2][:, 1:])
    np.testing.assert_allclose(again["jaccard"], expected)


def test_residues_of_rounding_are_not_preserved() -> None:
    """What is preserved within the floor of its order enters no ratio; strengths stay."""
    noisy = records(replicated=False)
    noisy["scratch"].noise_floor[-1, 2] = 0.5
    made = experiment_tables(noisy, METRICS, QUICK)
    plain = tables(replicated=False)
    chosen = "reference == 'measured' and reading == 'weighted' and order == '2'"
    less, more = (t["ratio"].query(chosen)["denominator"].sum() for t in (made, plain))
    assert 0 < less < more
    assert made["knowledge"]["strength"].equals(plain["knowledge"]["strength"])


def test_it_ticks_once_a_snapshot() -> None:
    ticks: list[int] = []
    experiment_tables(records(), METRICS, QUICK, tick=lambda: ticks.append(1))
    assert len(ticks) == 6


def test_networks_in_their_noise_floors_are_refused() -> None:
    silent = records()
    silent["probe"].noise_floor[:] = 1e9
    with pytest.raises(ValueError, match="every order of interactions lies in the noise floor"):
        experiment_tables(silent, METRICS, QUICK)
