"""The interactions that an experiment is about: side by side, and all tables of AND-OR ones."""

import numpy as np
import pytest

from tests.knowledge.records import METRICS, N_PLAYERS, SEEDS, record, trained
from whypretrain.interactions.sets import is_or
from whypretrain.interactions.splits import split_record
from whypretrain.knowledge.compared import compare, heard_at
from whypretrain.knowledge.courses import course_tables
from whypretrain.knowledge.decomposed import decompose
from whypretrain.knowledge.tables import final_tables

N_SETS = 2**N_PLAYERS + 6 + 4 + 1


def test_without_splits_records_stay_as_they_are() -> None:
    own = record(1)
    found = decompose([own], [], METRICS)
    assert found.records[0] is own
    (table,) = found.sparsities
    assert set(table["kind"]) == {"harsanyi"}
    strength = np.abs(own.interactions[-1][:, 1:]).sum(axis=1)
    np.testing.assert_allclose(table["strength"], strength)
    assert not table[["gap", "iterations", "or_share"]].to_numpy().any()
    assert (table["n_sets"] == 2**N_PLAYERS - 1).all()


def test_both_kinds_stand_side_by_side() -> None:
    both = [record(1), record(1).at(-1)]
    splits = [split_record(one) for one in both]
    found = decompose(both, splits, METRICS)
    first, second = found.sparsities
    assert first.equals(second)
    harsanyi, split_ones = (first[first["kind"] == kind] for kind in ("harsanyi", "and_or"))
    assert (split_ones["n_sets"] == N_SETS - 1).all()
    np.testing.assert_array_equal(split_ones["gap"], splits[1].gap[0])
    np.testing.assert_array_equal(split_ones["iterations"], splits[1].iterations[0])
    assert (split_ones["strength"].to_numpy() < harsanyi["strength"].to_numpy()).all()
    heard = np.abs(heard_at(found.records[0], -1))
    share = heard[:, is_or(N_SETS)].sum(axis=1) / heard[:, 1:].sum(axis=1)
    np.testing.assert_allclose(split_ones["or_share"], share)
    assert ((share > 0) & (share < 1)).all()


def test_all_tables_can_be_made() -> None:
    records = [record(0, n_snapshots=1)]
    records += [trained(v, seed) for v in ("finetune", "scratch") for seed in SEEDS]
    own = decompose(records, [split_record(one) for one in records], METRICS).records
    networks = compare(SEEDS, own[0], own[1:4], own[4:])
    tables = final_tables(networks, METRICS) | course_tables(networks)
    strengths = tables["knowledge"].query("quantity == 'probe' and sample == 'a'")
    assert strengths["n_sets"].tolist() == [1, 4, 12, 8, 2]
    heard = np.abs(networks.finals("probe")[0])[networks.samples.index("a")]
    total = (strengths["strength"] * strengths["n_sets"])[1:].sum()
    assert total == pytest.approx(heard[1:].sum())
    final = tables["jaccard"].query("reference == 'measured' and fraction == 1")
    np.testing.assert_allclose(final["jaccard"], 1)
    measured = tables["counterfactual"].query("order == 'all' and removed == 'discard'")
    np.testing.assert_allclose(
        measured.query("reference == 'measured'")["v_before"].to_numpy()[:5],
        records[0].outputs[0, :, -1],
        atol=1e-3,
    )
