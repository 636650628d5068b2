"""The tables of final networks: what is in each, which sets they count, of which seeds."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.knowledge import plain
from tests.knowledge.records import METRICS, NAMES, SEEDS, compared, record, tables, trained
from whypretrain.interactions.mobius import orders
from whypretrain.interactions.sets import sets_of_orders
from whypretrain.knowledge.compared import compare
from whypretrain.knowledge.reading import TABLES
from whypretrain.knowledge.strengths import (
    REFERENCES,
    held_knowledge,
    ratio_terms,
    reached_strength,
    split_knowledge,
)
from whypretrain.knowledge.tables import (
    agreed_groups,
    final_tables,
    ratio_table,
    salience_table,
    threshold_table,
)

Array = NDArray[np.float64]
SAMPLES = ["x", "y"]
MODELS = np.random.default_rng(0).normal(size=(3, 2, 16))
COUNTED = orders(4) > 0
PROBE = record(0, n_snapshots=1).interactions[-1]
OF_TRAINING = {"jaccard", "courses", "losses", "history", "robustness"}
FINAL = {
    variant: {str(seed): trained(variant, seed).interactions[-1] for seed in SEEDS}
    for variant in ("finetune", "scratch")
}


def rows(table: pd.DataFrame, **keys: str | int) -> pd.DataFrame:
    for name, key in keys.items():
        table = table[table[name] == key]
    return table.set_index("sample").loc[list(NAMES)]


def of_order(part: Array, order: int) -> Array:
    return part[:, orders(4) == order].mean(axis=1)


def ratios(models: Array, counted: NDArray[np.bool_] = COUNTED, n_samples: int = 2) -> pd.DataFrame:
    held = held_knowledge(models[0], models[1])
    reached = reached_strength(held, models[2])
    return ratio_table(SAMPLES[:n_samples], np.abs(held), reached, counted)


def test_tables_have_the_columns_that_are_read() -> None:
    made = tables()
    for name in made.keys() - {"history", "robustness"}:
        assert TABLES[name].keys() - {"experiment"} <= set(made[name].columns), name
    for name in ("knowledge", "ratio"):
        assert set(made[name]["reference"]) == set(REFERENCES)
        assert set(tables(seeds=(0,))[name]["reference"]) == set(REFERENCES[:3])


def test_no_row_is_there_twice() -> None:
    for name, table in tables().items():
        numbers = {
            *("strength", "numerator", "denominator", "ratio", "agreement", "jaccard", "loss"),
        }
        keys = [own for own in table.columns if own not in numbers]
        assert not table.duplicated(keys).any(), name


def test_every_row_says_of_which_seeds_it_is() -> None:
    knowledge = tables()["knowledge"]
    seeds = ["finetune", "scratch", "second"]
    expected = {
        ("measured", "probe"): (0, 0, 0),
        ("measured", "preserve"): (3, 0, 0),
        ("chance", "preserve"): (3, 0, 0),
        ("swapped", "preserve"): (0, 3, 0),
        ("second_run", "preserve"): (3, 0, 3),
        ("measured", "scratch"): (0, 3, 0),
        ("measured", "reached"): (3, 3, 0),
        ("chance", "scratch_only"): (3, 3, 0),
    }
    for (reference, quantity), counts in expected.items():
        own = knowledge.query("reference == @reference and quantity == @quantity")
        found = tuple(own[name].replace("", None).nunique() for name in seeds)
        assert found == counts, (reference, quantity)
    again = knowledge[knowledge["second"] != ""]
    assert (again["finetune"] != again["second"]).all()


@pytest.mark.parametrize("order", range(5))
def test_knowledge_is_averaged_over_the_sets_of_an_order(order: int) -> None:
    knowledge = tables()["knowledge"]
    assert (knowledge.query("order == @order")["n_sets"] == math.comb(4, order)).all()

    def strength(quantity: str, reference: str = "measured", **seeds: str) -> Array:
        keys = {"finetune": "", "scratch": "", "second": ""} | seeds
        own = rows(knowledge, quantity=quantity, reference=reference, order=order, **keys)
        return own["strength"].to_numpy()

    b, c = FINAL["finetune"], FINAL["scratch"]
    np.testing.assert_allclose(strength("probe"), of_order(np.abs(PROBE), order))
    np.testing.assert_allclose(strength("scratch", scratch="2"), of_order(np.abs(c["2"]), order))
    for name, part in split_knowledge(PROBE, b["1"])._asdict().items():
        np.testing.assert_allclose(strength(name, finetune="1"), of_order(part, order))
    for name, part in split_knowledge(PROBE, c["1"])._asdict().items():
        found = strength(name, "swapped", scratch="1")
        np.testing.assert_allclose(found, of_order(part, order))
    for name, part in split_knowledge(b["2"], b["0"])._asdict().items():
        found = strength(name, "second_run", finetune="0", second="2")
        np.testing.assert_allclose(found, of_order(part, order))
    only = split_knowledge(b["1"], c["2"])
    pair = {"finetune": "1", "scratch": "2"}
    np.testing.assert_allclose(strength("finetune_only", **pair), of_order(only.discard, order))
    np.testing.assert_allclose(strength("scratch_only", **pair), of_order(only.new, order))
    reached = np.minimum(np.abs(c["2"]), split_knowledge(PROBE, b["1"]).preserve)
    reached = reached * (PROBE * c["2"] > 0)
    np.testing.assert_allclose(strength("reached", **pair), of_order(reached, order))


def test_chance_levels_of_the_tables_are_means_over_permutations() -> None:
    """Against draws; closed forms are tested apart, here that the right network is permuted."""
    b, c = FINAL["finetune"]["1"], FINAL["scratch"]["2"]
    generator = np.random.default_rng(0)
    held = held_knowledge(PROBE, b)
    draws: dict[str, list[Array]] = {
        name: [] for name in ("preserve", "new", "finetune_only", "scratch_only", "reached")
    }
    ratio: list[Array] = []
    for _ in range(1000):
        moved_b, moved_c = b.copy(), c.copy()
        for sets in sets_of_orders(16):
            for moved, own in ((moved_b, b), (moved_c, c)):
                moved[:, sets] = generator.permuted(own[:, sets], axis=1)
        split = split_knowledge(PROBE, moved_b)
        only = split_knowledge(b, moved_c)
        reached = reached_strength(held, moved_c)
        parts = (split.preserve, split.new, only.discard, only.new, reached)
        for name, part in zip(draws, parts, strict=True):
            draws[name].append(of_order(part, 2))
        terms = ratio_terms(np.abs(held)[:, 1:], reached[:, 1:], reading="salient")
        ratio.append(terms[0] / terms[1])
    made = tables()
    for name, own in draws.items():
        seeds = {"finetune": "1", "scratch": "" if name in ("preserve", "new") else "2"}
        found = rows(made["knowledge"], quantity=name, reference="chance", order=2, **seeds)
        strength = found["strength"]
        error = np.std(own, axis=0) / np.sqrt(len(own))
        assert (np.abs(np.mean(own, axis=0) - strength) < 4 * error + 1e-12).all(), name
    keys = {"reference": "chance", "order": "all", "reading": "salient"}
    expected = rows(made["ratio"], finetune="1", scratch="2", **keys)["ratio"]
    error = np.std(ratio, axis=0) / np.sqrt(len(ratio))
    assert (np.abs(np.mean(ratio, axis=0) - expected) < 4 * error + 1e-12).all()


def test_ratios_are_of_every_pair_of_seeds() -> None:
    found = tables()["ratio"].query("order == '2' and reading == 'weighted'")
    preserve = {i: np.abs(held_knowledge(PROBE, b)) for i, b in FINAL["finetune"].items()}
    second = orders(4) == 2

    def check(own: pd.DataFrame, held: Array, other: Array) -> None:
        reached = np.where(PROBE * other > 0, np.minimum(np.abs(other), held), 0)
        below = held[:, second].sum(axis=1)
        np.testing.assert_allclose(own["denominator"], below)
        np.testing.assert_allclose(own["numerator"], reached[:, second].sum(axis=1))

    for i, b in FINAL["finetune"].items():
        for j, c in FINAL["scratch"].items():
            pair = {"finetune": i, "scratch": j, "second": ""}
            check(rows(found, reference="measured", **pair), preserve[i], c)
            check(rows(found, reference="swapped", **pair), np.abs(held_knowledge(PROBE, c)), b)
        for k, again in FINAL["finetune"].items():
            if k != i:
                pair = {"finetune": i, "scratch": "", "second": k}
                check(rows(found, reference="second_run", **pair), preserve[i], again)


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


UNTRAINED = {str(seed): trained("scratch", seed).interactions[0] for seed in SEEDS}
PAIRS = {
    "probe-finetune": ({"finetune": "1"}, PROBE, FINAL["finetune"]["1"]),
    "probe-scratch": ({"scratch": "2"}, PROBE, FINAL["scratch"]["2"]),
    "finetune-scratch": (
        {"finetune": "0", "scratch": "2"},
        FINAL["finetune"]["0"],
        FINAL["scratch"]["2"],
    ),
    "preserved-scratch": (
        {"finetune": "0", "scratch": "2"},
        np.sign(PROBE) * split_knowledge(PROBE, FINAL["finetune"]["0"]).preserve,
        FINAL["scratch"]["2"],
    ),
    "finetune-finetune": (
        {"finetune": "0", "second": "1"},
        FINAL["finetune"]["0"],
        FINAL["finetune"]["1"],
    ),
    "scratch-scratch": (
        {"scratch": "2", "second": "1"},
        FINAL["scratch"]["2"],
        FINAL["scratch"]["1"],
    ),
    "preserved-finetune": (
        {"finetune": "0", "second": "2"},
        np.sign(PROBE) * split_knowledge(PROBE, FINAL["finetune"]["0"]).preserve,
        FINAL["finetune"]["2"],
    ),
    "probe-untrained": ({"scratch": "1"}, PROBE, UNTRAINED["1"]),
    "finetune-untrained": (
        {"finetune": "2", "scratch": "1"},
        FINAL["finetune"]["2"],
        UNTRAINED["1"],
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_agreement_of_each_pair_is_that_of_every_arrangement(pair: str) -> None:
    seeds, first, second = PAIRS[pair]
    table = tables()["agreement"]
    for group, counted in (("1", [1]), ("1-2", [1, 2]), ("3-4", [3]), ("all", [1, 2, 3])):
        for kind in ("sets", "signs"):
            keys = {"finetune": "", "scratch": "", "second": ""} | seeds
            found = rows(table, pair=pair, kind=kind, order=group, **keys)["agreement"]
            for sample in (0, 3):
                expected = plain.agreement(
                    first[sample], second[sample], counted, signs=kind == "signs"
                )
                assert found.iloc[sample] == pytest.approx(expected, nan_ok=True)


def test_agreement_has_all_pairs_of_seeds() -> None:
    counts = tables()["agreement"].query("kind == 'sets' and order == 'all'")["pair"].value_counts()
    assert (counts / len(NAMES)).to_dict() == {
        **dict.fromkeys(("probe-finetune", "probe-scratch", "probe-untrained"), 3),
        **dict.fromkeys(("finetune-scratch", "preserved-scratch", "finetune-untrained"), 9),
        **dict.fromkeys(("finetune-finetune", "scratch-scratch", "preserved-finetune"), 6),
    }
    alone = set(tables(seeds=(0,))["agreement"]["pair"])
    assert alone == set(counts.index) - {
        *("finetune-finetune", "scratch-scratch", "preserved-finetune"),
    }
    first = tables(trajectories="first")["agreement"]
    assert set(first.query("pair == 'probe-untrained'")["scratch"]) == {"0"}


def test_agreement_is_of_orders_that_have_a_chance_level_and_are_heard() -> None:
    """Not of the set of all players, and not of an order below the noise floor."""
    networks = compared()
    assert agreed_groups(networks)["all"].tolist() == [1, 2, 3]
    networks.finetune[1].noise_floor[-1, 2] = 1e9
    again = compare(SEEDS, networks.probe, networks.finetune, networks.scratch)
    groups = {name: own.tolist() for name, own in agreed_groups(again).items()}
    assert groups == {"1": [1], "3": [3], "1-2": [1], "3-4": [3], "all": [1, 3]}


def test_networks_are_described_one_by_one() -> None:
    models = tables()["models"]
    assert models.groupby("variant")["seed"].unique().map(list).to_dict() == {
        "probe": [""],
        "finetune": ["0", "1", "2"],
        "scratch": ["0", "1", "2"],
    }
    own = rows(models, variant="scratch", seed="1")
    strength = np.abs(FINAL["scratch"]["1"][:, 1:])
    many = (strength > 0.05 * strength.max(axis=1, keepdims=True)).sum(axis=1)
    assert own["n_salient"].tolist() == many.tolist()
    assert own["correct"].tolist() == trained("scratch", 1).correct[-1].tolist()


def test_removals_are_of_the_networks_of_one_seed() -> None:
    own = tables()["counterfactual"].query("reference == 'measured' and order == '3'")
    found = rows(own, variant="probe", removed="preserve", seed="2")["strength"]
    kept = split_knowledge(PROBE, FINAL["finetune"]["2"]).preserve
    np.testing.assert_allclose(found, kept[:, orders(4) == 3].sum(axis=1))
    found = rows(own, variant="scratch", removed="scratch_only", seed="1")["strength"]
    only = split_knowledge(FINAL["finetune"]["1"], FINAL["scratch"]["1"]).new
    np.testing.assert_allclose(found, only[:, orders(4) == 3].sum(axis=1))


def test_salience_counts() -> None:
    interactions = np.array([[5.0, 1.0, 0.01, 0.5]])
    table = salience_table(["x"], interactions, threshold=0.05, scale="sample")
    assert table["n_salient"].item() == 2
    assert table["salient_share"].item() == 0.5


def test_salience_by_threshold() -> None:
    table = threshold_table(SAMPLES, MODELS[0], [0.0, 0.05, 0.7], "model")
    assert table.groupby("threshold")["sample"].agg(list).tolist() == [SAMPLES] * 3
    none = table[table["threshold"] == 0]
    assert none["reconstruction_error"].to_numpy() == pytest.approx(0, abs=1e-12)
    # Everything but the empty set is kept, so chance keeps everything too.
    assert (none["n_salient"] == 15).all()
    assert none["random_error"].to_numpy() == pytest.approx(0)
    usual = table[table["threshold"] == 0.05].drop(columns=["threshold", "random_error"])
    same = salience_table(SAMPLES, MODELS[0], threshold=0.05, scale="model")
    assert usual.reset_index(drop=True).equals(same)
    assert (table["random_error"].diff(2).dropna() >= 0).all()


def test_what_rounding_leaves_counts_as_none_in_every_metric() -> None:
    """Below the floor of its order an interaction is nothing, of whichever network and seed."""
    parts = [[trained(variant, seed) for seed in SEEDS] for variant in ("finetune", "scratch")]
    parts[0][1].noise_floor[-1, 2] = 0.5
    noisy = compare(SEEDS, record(0, n_snapshots=1), *parts)
    made, plain_ones = final_tables(noisy, METRICS), tables()
    heard = FINAL["finetune"]["1"].copy()
    heard[:, (orders(4) == 2)] *= np.abs(heard[:, orders(4) == 2]) > 0.5
    keys: dict[str, str | int] = {"reference": "measured", "order": 2, "finetune": "1"}
    for name, part in split_knowledge(PROBE, heard)._asdict().items():
        found = rows(made["knowledge"], quantity=name, **keys)["strength"]
        np.testing.assert_allclose(found, of_order(part, 2))
        before = rows(plain_ones["knowledge"], quantity=name, **keys)["strength"]
        assert (found != before).any()
    for table in ("ratio", "agreement", "counterfactual", "redundancy", "models", "salience"):
        assert not made[table].equals(plain_ones[table]), table
