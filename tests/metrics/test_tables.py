"""The tidy tables, and the stage that writes them."""

import numpy as np
import pytest

from whypretrain.config.metrics import Metrics
from whypretrain.interactions.coalitions import orders
from whypretrain.metrics.tables import (
    knowledge_table,
    ratio_table,
    salience_table,
    threshold_table,
)

SAMPLES = ["x", "y"]
MODELS = np.random.default_rng(0).normal(size=(3, 2, 16))


def test_knowledge_is_averaged_over_the_sets_of_an_order() -> None:
    table = knowledge_table(SAMPLES, *MODELS)
    assert set(table["order"]) == {0, 1, 2, 3, 4}
    assert table.groupby("order")["n_sets"].first().tolist() == [1, 4, 6, 4, 1]
    row = table[
        (table["sample"] == "y") & (table["order"] == 2) & (table["quantity"] == "pretrain")
    ]
    assert row["strength"].item() == pytest.approx(np.abs(MODELS[0, 1, orders(4) == 2]).mean())
    wide = table.pivot(index=["sample", "order"], columns="quantity", values="strength")
    np.testing.assert_allclose(wide["preserve"] + wide["discard"], wide["pretrain"])
    np.testing.assert_allclose(wide["preserve"] + wide["new"], wide["finetune"])


def test_ratio_leaves_the_empty_set_out_and_reports_orders() -> None:
    models = MODELS.copy()
    before = ratio_table(SAMPLES, *models)
    models[:, :, 0] = 1e6
    after = ratio_table(SAMPLES, *models)
    assert before.equals(after)
    assert list(before["order"].unique()) == ["all", "1", "2", "3", "4"]
    assert len(before) == 5 * 4 * 2
    total = before[(before["reading"] == "weighted") & (before["sample"] == "x")]
    by_order = total[total["order"] != "all"]["numerator"].sum()
    assert total.loc[total["order"] == "all", "numerator"].item() == pytest.approx(by_order)


def test_ratio_of_nothing_is_missing_not_zero() -> None:
    table = ratio_table(["x"], MODELS[0, :1], -MODELS[0, :1], MODELS[2, :1])
    positive = table[table["reading"] == "positive"]
    assert positive["ratio"].isna().all()
    assert (table[table["reading"] == "zero"]["ratio"] == 0).all()


def test_salience_counts() -> None:
    interactions = np.array([[5.0, 1.0, 0.01, 0.5]])
    table = salience_table(["x"], "scratch", interactions, Metrics())
    assert table["n_salient"].item() == 2
    assert table["salient_share"].item() == 0.5


def test_salience_by_threshold() -> None:
    options = Metrics(salience_thresholds=[0.0, 0.05, 0.7], salience_scale="model")
    table = threshold_table(SAMPLES, "scratch", MODELS[0], options)
    assert table.groupby("threshold")["sample"].agg(list).tolist() == [SAMPLES] * 3
    none = table[table["threshold"] == 0]
    assert none["reconstruction_error"].to_numpy() == pytest.approx(0, abs=1e-12)
    # Everything but the empty set is kept, so chance keeps everything too.
    assert (none["n_salient"] == 15).all()
    assert none["random_error"].to_numpy() == pytest.approx(0)
    usual = table[table["threshold"] == 0.05].drop(columns=["threshold", "random_error"])
    same = salience_table(SAMPLES, "scratch", MODELS[0], options)
    assert usual.reset_index(drop=True).equals(same)
    assert (table["random_error"].diff(2).dropna() >= 0).all()
