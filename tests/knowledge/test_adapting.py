"""Ways of adapting side by side: every pair once, and what the summary says where both speak."""

from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest

from tests.knowledge import records
from tests.knowledge.records import ACCURACIES, N_TEST, SEEDS, record, trained
from whypretrain.knowledge.adapting import OF_EACH, adapting_rows
from whypretrain.knowledge.strengths import TRAINED
from whypretrain.knowledge.summary import COLUMNS, as_table

WAYS = ("probe", "finetune", "lora", "scratch")
SHARED = [*COLUMNS[COLUMNS.index("number") : COLUMNS.index("excess")], "n", "n_seeds"]


@pytest.fixture(scope="module", name="table")
def made() -> pd.DataFrame:
    ways = {way: {str(seed): trained(way, seed) for seed in SEEDS} for way in TRAINED}
    lora = {str(seed): record(40 + seed) for seed in SEEDS}
    both = {"finetune": ways["finetune"], "lora": lora, "scratch": ways["scratch"]}
    accuracies = {way: [own[-1] for own in ACCURACIES[way].values()] for way in ACCURACIES}
    rows = adapting_rows(
        {"probe": {"": record(0, n_snapshots=1)}, **both},
        accuracies | {"lora": [0.6, 0.7, 0.5]},
        N_TEST,
        0.95,
    )
    return as_table(rows, "made")


def test_every_two_ways_are_compared_once(table: pd.DataFrame) -> None:
    own = table[(table["quantity"] == "agreement") & (table["order"] == "all")]
    pairs = {f"{one}-{other}" for one, other in combinations_with_replacement(WAYS, 2)}
    assert sorted(own["variant"]) == sorted(pairs - {"probe-probe"})
    assert (own["n_seeds"] == 3).all()
    assert own["low"].notna().all()


@pytest.mark.parametrize(
    "pair", ["probe-finetune", "probe-scratch", "finetune-scratch", "finetune-finetune"]
)
def test_agreement_is_that_of_the_summary(table: pd.DataFrame, pair: str) -> None:
    keys = ["quantity", "variant", "order"]
    found, expected = (
        own[(own["quantity"] == "agreement") & (own["variant"] == pair)].set_index(keys)[SHARED]
        for own in (table, records.summary())
    )
    assert len(found) > 3
    pd.testing.assert_frame_equal(found, expected, check_like=True)


def test_a_way_in_the_place_of_finetuning_has_its_numbers(table: pd.DataFrame) -> None:
    keys = ["quantity", "order", "reading"]
    own = table[(table["variant"] == "finetune") & table["quantity"].isin(OF_EACH)]
    summary = records.summary()
    expected = summary[summary["quantity"].isin(OF_EACH)]
    pd.testing.assert_frame_equal(
        own.set_index(keys)[SHARED].sort_index(), expected.set_index(keys)[SHARED].sort_index()
    )
    lora = table[(table["variant"] == "lora") & table["quantity"].isin(OF_EACH)]
    assert len(lora) == len(own)
    assert not np.allclose(lora["number"], own["number"])


def test_accuracies_stand_beside(table: pd.DataFrame) -> None:
    own = table[table["quantity"] == "accuracy"].set_index("variant")
    assert own.loc["lora", "number"] == pytest.approx(0.6)
    assert own.loc["lora", "n_seeds"] == 3
    assert set(own.index) == set(WAYS)


def test_ways_are_measured_by_full_finetuning(table: pd.DataFrame) -> None:
    low = table[table["order"] == "1-2"].set_index("variant")
    kept = low[low["quantity"] == "more_kept"]
    assert set(kept.index) == {"lora", "scratch"}
    agreement = low.loc[low["quantity"] == "agreement", "number"]
    for way in ("lora", "scratch"):
        difference = agreement[f"probe-{way}"] - agreement["probe-finetune"]
        assert kept.loc[way, "number"] == pytest.approx(difference)
        assert kept.loc[way, "low"] < difference < kept.loc[way, "high"]
    # The number that the summary calls transfer, the other way round.
    summary = records.summary()
    transfer = summary[(summary["quantity"] == "transfer") & (summary["order"] == "1-2")].iloc[0]
    assert kept.loc["scratch", "number"] == pytest.approx(-transfer["number"])
    assert kept.loc["scratch", "low"] == pytest.approx(-transfer["high"])
    gained = table[table["quantity"] == "accuracy_gain"].set_index("variant")
    assert gained.loc["lora", "number"] == pytest.approx(0.6 - 0.9)
