"""Overview: numbers side by side, means of kinds, correlations over experiments."""

import pandas as pd
import pytest
from scipy import stats

from tests.knowledge.records import summary
from whypretrain.claims.overview import PAIRS, SHOWN, by_kind, correlations, overview

SHARE_AND_GAIN = "knowledge == 'preserved_share' and accuracy == 'accuracy_gain'"


def overviews(shares: list[float], gains: list[float]) -> pd.DataFrame:
    """Of experiments whose preserved share and whose gain in accuracy are given."""
    parts = []
    for place, (share, gain) in enumerate(zip(shares, gains, strict=True)):
        own = overview(summary(f"e{place}"))
        numbers = own.set_index("quantity")["number"]
        numbers["preserved_share"] = share
        numbers["accuracy_finetune"], numbers["accuracy_scratch"] = 0.5 + gain, 0.5
        kind = "cnn" if place % 2 else "transformer"
        own = own.assign(number=numbers.to_numpy(), experiment=f"e{place}", kind=kind)
        parts.append(own)
    return pd.concat(parts, ignore_index=True)


def test_quantities_are_named_by_reading_and_variant() -> None:
    table = summary()
    found = overview(table).set_index("quantity")
    assert found.index.is_unique
    assert {"preserved_share", "ratio_salient", "accuracy_probe", "jaccard_area_scratch"} <= set(
        found.index
    )
    ratio = table.query("quantity == 'ratio' and order == 'all' and reading == 'weighted'")
    assert found.loc["ratio_weighted", "number"] == ratio["number"].item()
    low = table.query("quantity == 'transfer' and order == '1-2'")["number"].item()
    assert found.loc["transfer", "number"] == low
    # Sums that weigh orders alike have the plain name.
    for name, reading in (("", "orders"), ("_sets", "sets")):
        own = table[(table["quantity"] == "preserved_share") & (table["reading"] == reading)]
        assert found.loc[f"preserved_share{name}", "number"] == own["number"].item()
    agreed = table.query("quantity == 'agreement' and variant == 'probe-scratch'")
    number = agreed.query("order == 'all'")["number"].item()
    assert found.loc["agreement_probe-scratch", "number"] == number
    firsts = [next(q for q in SHOWN if name.startswith(q)) for name in found.index]
    assert list(dict.fromkeys(firsts)) == list(SHOWN)


def test_correlation_is_scipys() -> None:
    shares, gains = [0.1, 0.4, 0.2, 0.9, 0.5], [0.0, 0.2, 0.3, 0.25, 0.1]
    table = correlations(overviews(shares, gains))
    assert list(zip(table["knowledge"], table["accuracy"], strict=True)) == PAIRS
    row = table.query(SHARE_AND_GAIN).iloc[0]
    expected = stats.pearsonr(shares, gains)
    assert row["n"] == 5
    assert row["pearson"] == pytest.approx(expected.statistic)
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected.confidence_interval()))
    assert row["spearman"] == pytest.approx(stats.spearmanr(shares, gains).statistic)
    assert 0 < row["p"] <= 1
    # The same in all experiments: no correlation.
    assert table.query("accuracy == 'accuracy_scratch'")["pearson"].isna().all()


def test_three_experiments_have_no_interval_and_two_no_correlation() -> None:
    for n, known in ((3, [True, False]), (2, [False, False])):
        table = correlations(overviews([0.1, 0.4, 0.2][:n], [0.0, 0.2, 0.3][:n]))
        row = table.query(SHARE_AND_GAIN).iloc[0]
        assert row[["pearson", "low"]].notna().tolist() == known


def test_kinds_are_averaged() -> None:
    table = by_kind(overviews([0.1, 0.4, 0.3], [0.0, 0.1, 0.2]))
    found = table.query("quantity == 'preserved_share'").set_index("kind")
    columns = ["number", "least", "most", "n"]
    assert list(found.loc["transformer", columns]) == pytest.approx([0.2, 0.1, 0.3, 2])
    assert list(found.loc["cnn", columns]) == pytest.approx([0.4, 0.4, 0.4, 1])
