"""The summary of smaller designs: fewer seeds, one trajectory, one sample, fewer tables."""

import pandas as pd
import pytest

from tests.knowledge import plain, records
from tests.knowledge.plain import check
from tests.knowledge.records import OPTIONS, record, row, tables, trained
from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.reading import QUANTITIES
from whypretrain.knowledge.strengths import split_knowledge
from whypretrain.knowledge.summary import TEXTS, summarise

KEYS = [*TEXTS, "fraction", "epoch"]
PROBE = record(0, n_snapshots=1).interactions[-1]


def test_one_seed_has_intervals_over_samples_and_no_second_run() -> None:
    found = records.summary(seeds=(0,))
    assert found["second_run"].isna().all()
    assert (found["n_seeds"] == 1).all()
    pairs = set(found.query("quantity == 'agreement'")["variant"])
    assert not pairs & {"finetune-finetune", "scratch-scratch", "preserved-finetune"}
    assert not set(found["quantity"]) & {"beyond_retraining", "falls_beyond_retraining"}
    assert "second run" not in set(found["level"])
    assert set(found["quantity"]) >= QUANTITIES
    kept = split_knowledge(PROBE, trained("finetune", 0).interactions[-1]).preserve
    values = kept[:, orders(4) == 2].mean(axis=1)
    own = row(found, "preserve", order="2")
    check(own, values.mean(), plain.reach(values))
    assert own["least"] == own["most"] == pytest.approx(own["number"])


def test_two_seeds_have_second_runs_whose_interval_is_over_samples() -> None:
    found = records.summary(seeds=(0, 1))
    assert set(found["n_seeds"]) == {1, 2}
    own = tables(seeds=(0, 1))["agreement"].query("kind == 'sets' and order == 'all'")
    again = own[own["pair"] == "finetune-finetune"].groupby("sample")["agreement"].mean()
    of = row(found, "agreement", variant="finetune-finetune", order="all")
    check(of, again.mean(), plain.reach(again.to_numpy()))


def test_trajectories_of_the_first_seed_alone_are_enough_for_final_networks() -> None:
    found, whole = records.summary(trajectories="first"), records.summary()
    along = {"jaccard", "jaccard_area", "earlier", "steadier", "agreement_course", "epochs"}
    along |= {"earlier_agreement", "steadier_agreement"}
    along |= {"late_uncancelled", "late_uncancelled_excess", "late_held", "late_held_excess"}
    # Their rows of the last snapshot are of all seeds.
    till_the_end = {"held_share", "uncancelled_share", "turnover_count"}
    is_along = found["quantity"].isin(along)
    is_along |= found["quantity"].isin(till_the_end) & (found["fraction"] < 1)
    assert set(found.loc[is_along, "n_seeds"]) == {1}
    same = ~is_along & ~found["variant"].str.contains("untrained")
    one, other = (
        t.merge(found.loc[same, KEYS], on=KEYS).sort_values(KEYS, ignore_index=True)
        for t in (found, whole)
    )
    assert len(one) > 200
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    single = records.summary(seeds=(0,))
    for quantity in ("jaccard_area", "earlier", "epochs"):
        for _, own in found[found["quantity"] == quantity].iterrows():
            of = row(single, quantity, variant=own["variant"], reading=own["reading"])
            assert list(own[["number", "low", "high"]]) == pytest.approx(
                list(of[["number", "low", "high"]])
            )
    # Other seeds' final networks are targets all the same.
    assert found.query("quantity == 'jaccard'")["second_run"].notna().all()
    assert len(found.query("quantity == 'earlier_agreement' and level == 'second run'")) == 3


def test_tables_that_are_not_there_are_passed_over() -> None:
    needed = {
        name: table
        for name, table in tables().items()
        if name in ("knowledge", "ratio", "agreement", "jaccard", "courses", "losses", "history")
    }
    quantities = set(summarise("one", needed, OPTIONS)["quantity"])
    assert {"preserve", "ratio", "transfer", "accuracy"} <= quantities
    assert not quantities & {"salient_count", "changed", "robustness_lost", "prunable_share"}


def test_one_sample_of_one_seed_has_numbers_without_intervals() -> None:
    alone = {
        name: table[table["sample"] == "a"] if "sample" in table else table
        for name, table in tables(seeds=(0,)).items()
    }
    found = summarise("one", alone, OPTIONS)
    over_samples = found[found["quantity"].isin(["preserve", "ratio", "earlier", "jaccard"])]
    assert over_samples["low"].isna().all()
    assert over_samples["number"].notna().any()
    assert (over_samples["n"].dropna() <= 1).all()


def test_one_sample_of_three_seeds_has_the_interval_over_seeds() -> None:
    alone = {
        name: table[table["sample"] == "a"] if "sample" in table else table
        for name, table in tables().items()
    }
    found = row(summarise("one", alone, OPTIONS), "preserve", order="2")
    own = alone["knowledge"].query("quantity == 'preserve' and reference == 'measured'")
    values = own[own["order"] == 2].sort_values("finetune")["strength"].to_numpy()
    check(found, values.mean(), plain.reach(values))
