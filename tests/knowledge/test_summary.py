"""The summary: numbers of every kind by plain formulas from the tables, and which rows it has."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.knowledge import plain, records
from tests.knowledge.plain import check
from tests.knowledge.records import NAMES, OPTIONS, SEEDS, record, row, tables, trained
from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.reading import QUANTITIES, TABLES, not_learned
from whypretrain.knowledge.strengths import split_knowledge
from whypretrain.knowledge.summary import COLUMNS, TEXTS, summarise

Array = NDArray[np.float64]
KEYS = [*TEXTS, "fraction", "epoch"]
WITHOUT_INTERVALS = {"test_loss", "train_loss", "train_accuracy", "learned"}
PROBE = record(0, n_snapshots=1).interactions[-1]


@pytest.fixture(scope="module", name="summary")
def made() -> pd.DataFrame:
    return records.summary()


def wide(table: pd.DataFrame, value: str, **keys: str | int) -> Array:
    """A column as an array by the seeds that it depends on, and by sample."""
    for name, key in keys.items():
        table = table[table[name] == key]
    seeds = [name for name in ("finetune", "scratch", "seed") if any(table.get(name, []))]
    found = table.set_index([*seeds, "sample"])[value].sort_index()
    return found.to_numpy().reshape(*(len(SEEDS) for _ in seeds), len(NAMES))


def test_columns_are_those_that_readers_ask_for(summary: pd.DataFrame) -> None:
    assert tuple(summary.columns) == COLUMNS
    assert set(COLUMNS) == TABLES["summary"].keys()
    assert not summary.duplicated(KEYS).any()
    assert set(summary["quantity"]) >= QUANTITIES


def test_seeds_and_samples_are_counted(summary: pd.DataFrame) -> None:
    seeds = summary.groupby("quantity")["n_seeds"].agg(lambda own: sorted(set(own)))
    assert seeds["probe"] == seeds["robustness_accuracy"] == [1]
    assert seeds["preserve"] == seeds["transfer"] == seeds["earlier"] == seeds["epochs"] == [3]
    assert seeds["accuracy"] == seeds["salient_count"] == [1, 3]  # that of the probe, and others
    samples = summary.set_index("quantity")["n"]
    assert (samples["preserve"] == 5).all()
    assert samples["transfer"].eq(5).all()
    assert (samples["accuracy"] == 50).all()


@pytest.mark.parametrize("order", ["1", "2", "4"])
def test_strengths_of_an_order_from_the_records(summary: pd.DataFrame, order: str) -> None:
    """Over seeds of fine-tuning and samples, with all references."""
    of, knowledge = orders(4) == int(order), tables()["knowledge"]

    def values(first: Array, variant: str, part: str) -> Array:
        networks = [trained(variant, seed).interactions[-1] for seed in SEEDS]
        parts = [getattr(split_knowledge(first, own), part) for own in networks]
        return np.stack(parts)[:, :, of].mean(axis=-1)

    for quantity in ("preserve", "new"):
        measured = values(PROBE, "finetune", quantity)
        found = row(summary, quantity, order=order)
        check(found, measured.mean(), plain.reach(measured))
        by_seed = measured.mean(axis=1)
        assert (found["least"], found["most"]) == pytest.approx((by_seed.min(), by_seed.max()))
        assert found["swapped"] == pytest.approx(values(PROBE, "scratch", quantity).mean())
        again = [
            values(trained("finetune", k).interactions[-1], "finetune", quantity)[i]
            for k in SEEDS
            for i in SEEDS
            if i != k
        ]
        assert found["second_run"] == pytest.approx(np.mean(again))
        chance = wide(
            knowledge, "strength", quantity=quantity, reference="chance", order=int(order)
        )
        assert found["chance"] == pytest.approx(chance.mean())
        # A chance level is taken off network by network and sample by sample.
        gap = measured[:, np.argsort(NAMES)] - chance
        assert found["excess"] == pytest.approx(gap.mean(), abs=1e-14)
        if order != "4":  # of a single set chance is what there is
            assert found["excess_high"] - found["excess"] == pytest.approx(plain.reach(gap))
    assert (found["n"], found["n_seeds"], found["noise_floor"]) == (5, 3, 0)


def test_what_compares_fine_tuned_and_scratch_is_over_both_kinds_of_seeds(
    summary: pd.DataFrame,
) -> None:
    values = wide(
        tables()["knowledge"], "strength", quantity="reached", reference="measured", order=2
    )
    assert values.shape == (3, 3, 5)
    found = row(summary, "reached", order="2")
    check(found, values.mean(), plain.reach(values))
    pairs = values.mean(axis=2)
    assert (found["least"], found["most"]) == pytest.approx((pairs.min(), pairs.max()))


def test_what_depends_on_the_probe_alone_has_an_interval_over_samples(
    summary: pd.DataFrame,
) -> None:
    values = np.abs(PROBE)[:, orders(4) == 3].mean(axis=1)
    found = row(summary, "probe", order="3")
    check(found, values.mean(), plain.reach(values))
    assert (found["n"], found["n_seeds"]) == (5, 1)


TERMS = {
    "discard_over_preserve": (["discard"], ["preserve"]),
    "new_over_preserve": (["new"], ["preserve"]),
    "preserved_share": (["preserve"], ["preserve", "discard"]),
}


@pytest.mark.parametrize("quantity", TERMS)
@pytest.mark.parametrize("reading", ["orders", "sets"])
def test_totals_weigh_orders_alike_or_sets(
    summary: pd.DataFrame, quantity: str, reading: str
) -> None:
    """Without the empty set. Means of sums are divided, not samples."""
    knowledge = tables()["knowledge"].query("order > 0")
    weight = knowledge["n_sets"] if reading == "sets" else 1
    knowledge = knowledge.assign(weighted=knowledge["strength"] * weight)

    def sides(reference: str) -> list[Array]:
        chosen = knowledge[knowledge["reference"] == reference]
        keys = ["finetune", "scratch", "second", "sample"]
        sums = chosen.groupby(["quantity", *keys])["weighted"].sum()
        return [sum(sums[part] for part in side).to_numpy() for side in TERMS[quantity]]

    found = row(summary, quantity, reading=reading)
    above, below = (side.reshape(3, 5) for side in sides("measured"))
    check(found, above.mean() / below.mean(), plain.quotient_reach(above, below))
    for reference in ("chance", "swapped", "second_run"):
        other = sides(reference)
        assert found[reference] == pytest.approx(other[0].mean() / other[1].mean())
    by_seed = above.mean(axis=1) / below.mean(axis=1)
    assert (found["least"], found["most"]) == pytest.approx((by_seed.min(), by_seed.max()))


def test_totals_leave_orders_in_the_noise_floor_out() -> None:
    quiet = tables()
    floor = quiet["knowledge"]["noise_floor"].where(quiet["knowledge"]["order"] != 3, 1e9)
    quiet["knowledge"]["noise_floor"] = floor
    found = row(summarise("one", quiet, OPTIONS), "new_over_preserve", reading="sets")
    heard = np.isin(orders(4), [1, 2, 4])
    splits = [split_knowledge(PROBE, trained("finetune", s).interactions[-1]) for s in SEEDS]
    above, below = (
        sum(getattr(split, part)[:, heard].sum() for split in splits)
        for part in ("new", "preserve")
    )
    assert found["number"] == pytest.approx(above / below)


@pytest.mark.parametrize("part", ["discard", "new"])
def test_amounts_and_shares_rise_by_their_least_squares_slopes(
    summary: pd.DataFrame, part: str
) -> None:
    knowledge = tables()["knowledge"].query("reference == 'measured' and order > 0")
    means = knowledge.groupby(["quantity", "order"])["strength"].mean()
    amounts = means[part].to_numpy()
    shares = amounts / (means[part] + means["preserve"]).to_numpy()
    for reading, values in (("amount", amounts), ("share", shares)):
        found = row(summary, f"{part}_order", reading=reading)
        assert found["number"] == pytest.approx(np.polyfit([1, 2, 3, 4], values, 1)[0])
        assert found["n_seeds"] == 3
    # The slope of amounts is linear, so that its interval is that of the slopes of cells.
    cells = np.stack([wide(knowledge, "strength", quantity=part, order=o) for o in (1, 2, 3, 4)])
    slopes = np.tensordot(np.array([-1.5, -0.5, 0.5, 1.5]) / 5, cells, axes=1)
    check(row(summary, f"{part}_order", reading="amount"), slopes.mean(), plain.reach(slopes))
    for order in (1, 2, 3, 4):
        found = row(summary, f"{part}_share", order=str(order))
        above = wide(knowledge, "strength", quantity=part, order=order)
        below = above + wide(knowledge, "strength", quantity="preserve", order=order)
        check(found, shares[order - 1], plain.quotient_reach(above, below))


def test_the_smallest_discard_over_preserve_is_what_strengths_force(summary: pd.DataFrame) -> None:
    """Were both models' interactions sorted alike within each order."""
    strength = most = 0.0
    for seed in SEEDS:
        own = trained("finetune", seed).interactions[-1]
        for order in (1, 2, 3, 4):
            sets = orders(4) == order
            for x, y in zip(np.sort(PROBE[:, sets]), np.sort(own[:, sets]), strict=True):
                most += sum(map(plain.f, x, y)) / sets.sum()
                strength += np.abs(x).mean()
    found = row(summary, "smallest_discard_over_preserve", reading="orders")
    assert found["number"] == pytest.approx(strength / most - 1)
    assert found["number"] <= row(summary, "discard_over_preserve", reading="orders")["number"]


def test_ratios_of_samples_are_averaged_and_weighted_ones_are_not(summary: pd.DataFrame) -> None:
    for order in ("all", "2"):
        ratio = tables()["ratio"].query("order == @order")
        for reading, own in ratio.groupby("reading"):
            found = row(summary, "ratio", order=order, reading=str(reading))
            columns = {"measured": "number"} | {
                name: name for name in ("chance", "swapped", "second_run")
            }
            for reference, column in columns.items():
                of = own[own["reference"] == reference]
                mean = of["numerator"].sum() / of["denominator"].sum()
                expected = mean if reading == "weighted" else of["ratio"].mean()
                if reference != "second_run" or not of["ratio"].isna().any():
                    assert found[column] == pytest.approx(expected)
    above, below = (
        wide(ratio, side, reference="measured", reading="weighted")
        for side in ("numerator", "denominator")
    )
    weighted = row(summary, "ratio", order="2", reading="weighted")
    check(weighted, above.mean() / below.mean(), plain.quotient_reach(above, below))
    zero = wide(ratio, "ratio", reference="measured", reading="zero")
    check(row(summary, "ratio", order="2", reading="zero"), zero.mean(), plain.reach(zero))


def test_agreements_are_means_over_seeds_and_samples(summary: pd.DataFrame) -> None:
    agreement = tables()["agreement"]
    for kind, quantity in (("sets", "agreement"), ("signs", "sign_agreement")):
        for pair in ("probe-scratch", "finetune-scratch"):
            own = wide(agreement, "agreement", pair=pair, kind=kind, order="all")
            found = row(summary, quantity, variant=pair, order="all")
            check(found, own.mean(), plain.reach(own))
            by_seeds = own.mean(axis=-1)
            assert found["least"] == pytest.approx(by_seeds.min())
            assert found["most"] == pytest.approx(by_seeds.max())


def jackknife_reach(pairs: Array) -> float:
    """Half the interval over ordered pairs, (k, k, n): pseudo-values of seeds and samples."""
    k = len(pairs)
    off = ~np.eye(k, dtype=bool)
    whole = pairs[off].mean(axis=0)
    without = [
        pairs[off & ~np.isin(np.arange(k), i)[:, None] & ~np.isin(np.arange(k), i)].mean(axis=0)
        for i in range(k)
    ]
    return plain.reach(np.stack([k * whole - (k - 1) * one for one in without]))


def test_agreement_of_two_fine_tuned_is_over_pairs(summary: pd.DataFrame) -> None:
    own = tables()["agreement"].query(
        "pair == 'finetune-finetune' and kind == 'sets' and order == 'all'"
    )
    pairs = np.zeros((3, 3, 5))
    for at, name in enumerate(sorted(NAMES)):
        for pair in own[own["sample"] == name].to_dict("records"):
            pairs[int(pair["finetune"]), int(pair["second"]), at] = pair["agreement"]
    found = row(summary, "agreement", variant="finetune-finetune", order="all")
    check(found, pairs.sum() / 30, jackknife_reach(pairs))
    of_seed = pairs.sum(axis=(1, 2)) / 10  # agreement is symmetric
    assert (found["least"], found["most"]) == pytest.approx((of_seed.min(), of_seed.max()))


def test_transfer_is_a_difference_over_both_kinds_of_seeds(summary: pd.DataFrame) -> None:
    agreement = tables()["agreement"].query("kind == 'sets'")
    for group in ("1-2", "all"):
        kept = wide(agreement, "agreement", pair="probe-finetune", order=group)
        other = wide(agreement, "agreement", pair="probe-scratch", order=group)
        gap = kept[:, None] - other[None]
        found = row(summary, "transfer", order=group)
        check(found, gap.mean(), plain.reach(gap))
        pairs = gap.mean(axis=-1)
        assert (found["least"], found["most"]) == pytest.approx((pairs.min(), pairs.max()))
    assert set(summary.query("quantity == 'transfer'")["order"]) == {"1-2", "3-4", "all"}


def test_differences_of_agreements_are_those_of_their_rows(summary: pd.DataFrame) -> None:
    def agreed(pair: str, order: str) -> float:
        return float(row(summary, "agreement", variant=pair, order=order)["number"])

    falls = agreed("probe-finetune", "1-2") - agreed("probe-finetune", "3-4")
    assert row(summary, "agreement_falls")["number"] == pytest.approx(falls)
    again = agreed("finetune-finetune", "1-2") - agreed("finetune-finetune", "3-4")
    assert row(summary, "falls_beyond_retraining")["number"] == pytest.approx(falls - again)
    for kept, again_pair in (
        ("probe-finetune", "finetune-finetune"),
        ("preserved-scratch", "preserved-finetune"),
    ):
        expected = agreed(kept, "all") - agreed(again_pair, "all")
        found = row(summary, "beyond_retraining", variant=kept)
        assert found["number"] == pytest.approx(expected)
        assert found["n_seeds"] == 3


@pytest.mark.parametrize("quantity", ["counterfactual_change", "counterfactual_strength"])
def test_removals_are_means_over_seeds_and_samples(summary: pd.DataFrame, quantity: str) -> None:
    own = tables()["counterfactual"].query("variant == 'probe' and removed == 'discard'")
    own = own[own["order"] == "all"].assign(change=own["v_after"] - own["v_before"])
    column = quantity.removeprefix("counterfactual_")
    values = wide(own, column, reference="measured")
    found = row(summary, quantity, variant="probe", level="discard", order="all")
    check(found, values.mean(), plain.reach(values))
    if column == "change":
        assert found["chance"] == pytest.approx(wide(own, column, reference="chance").mean())


def test_salience_is_by_threshold(summary: pd.DataFrame) -> None:
    own = tables()["salience"].query("variant == 'scratch' and threshold == 0.3")
    values = wide(own, "reconstruction_error")
    found = row(summary, "reconstruction_error", variant="scratch", level="0.3")
    check(found, values.mean(), plain.reach(values))
    assert found["chance"] == pytest.approx(wide(own, "random_error").mean())
    counts = row(summary, "salient_count", variant="scratch", level="0.3")
    assert counts["number"] == pytest.approx(wide(own, "n_salient").mean())


def test_redundancy_is_of_samples_that_interactions_decide(summary: pd.DataFrame) -> None:
    own = tables()["redundancy"].query("variant == 'scratch' and v > 0 and v_empty <= 0")
    assert 0 < len(own) < 15
    found = row(summary, "prunable_share", variant="scratch")
    assert found["number"] == pytest.approx(own["prunable_share"].mean())
    assert found["n"] == own["sample"].nunique()
    share = (own["n_random"] / own["n_sets"]).mean()
    assert row(summary, "random_share", variant="scratch")["number"] == pytest.approx(share)
    for count in ("1", "2", "5"):
        changed = row(summary, "changed", variant="scratch", level=count)["number"]
        assert changed == pytest.approx((own["n_critical"] <= int(count)).mean())


def test_intervals_hold_their_numbers(summary: pd.DataFrame) -> None:
    bounded = summary[~summary["quantity"].isin(WITHOUT_INTERVALS)].dropna(subset=["low"])
    assert len(bounded) > 0.9 * len(summary.dropna(subset=["number"])) - 20
    assert (bounded["low"] <= bounded["number"]).all()
    assert (bounded["number"] <= bounded["high"]).all()
    excess = summary.dropna(subset=["excess"])
    np.testing.assert_allclose(
        excess["excess"], excess["number"] - excess["chance"], rtol=1e-9, atol=1e-12
    )


def test_of_agreement_least_and_most_are_possible(summary: pd.DataFrame) -> None:
    own = summary[summary["quantity"].isin(["agreement", "sign_agreement", "agreement_course"])]
    own = own.dropna(subset=["least"])
    tolerance = 1e-9
    assert (own["most"] <= 1 + tolerance).all()
    assert (own["least"] <= own["number"] + tolerance).all()
    assert (own["number"] <= own["most"] + tolerance).all()


def test_scratch_below_its_mark_counts_as_not_learned() -> None:
    accuracy = tables()["history"].query("variant == 'scratch'")["test_accuracy"].iloc[-1]
    for least, number, words in (
        (None, 1, {}),
        (accuracy, 1, {}),
        (0.99, 0, {"one": "scratch below its mark of 99 %"}),
    ):
        found = summarise("one", tables(), OPTIONS, least)
        assert row(found, "learned", variant="scratch")["number"] == number
        assert row(found, "learned", variant="finetune")["number"] == 1
        assert not_learned(found) == words
