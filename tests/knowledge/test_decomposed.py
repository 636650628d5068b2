"""AND-OR interactions of records: exact sums, what is not told from none, and all tables."""

from dataclasses import replace

import numpy as np
import pytest

from tests.knowledge.records import METRICS, N_PLAYERS, SEEDS, record, trained
from whypretrain.interactions.and_or import split
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.sets import is_or, outputs_of
from whypretrain.knowledge.compared import compare, heard_at
from whypretrain.knowledge.courses import course_tables
from whypretrain.knowledge.decomposed import and_or_record, decompose, resolution
from whypretrain.knowledge.tables import final_tables
from whypretrain.settings.knowledge import Interactions

OPTIONS = Interactions(kind="and_or")
N_SETS = 2**N_PLAYERS + 6 + 4 + 1


def test_harsanyi_records_stay_as_they_are() -> None:
    own = record(1)
    found = decompose([own], Interactions(), METRICS)
    assert found.records[0] is own
    (table,) = found.sparsities
    assert set(table["kind"]) == {"harsanyi"}
    strength = np.abs(own.interactions[-1][:, 1:]).sum(axis=1)
    np.testing.assert_allclose(table["strength"], strength)
    assert not table[["gap", "iterations", "or_share"]].to_numpy().any()
    assert (table["n_sets"] == 2**N_PLAYERS - 1).all()


def test_every_snapshot_is_split_and_adds_up() -> None:
    own, ticks = record(1), []
    found, splits = and_or_record(own, OPTIONS, lambda: ticks.append(1))
    assert found.interactions.shape == (3, 5, N_SETS)
    np.testing.assert_allclose(outputs_of(found.interactions), own.outputs, atol=1e-12)
    np.testing.assert_allclose(found.residuals, 0, atol=1e-12)
    assert len(ticks) == len(splits) == 3
    for at in range(3):
        alone = split(own.outputs[at])
        np.testing.assert_array_equal(alone.interactions_and, splits[at].interactions_and)
    np.testing.assert_array_equal(own.interactions, mobius(own.outputs))


def test_what_a_split_leaves_open_counts_as_none() -> None:
    own = record(1)
    planted = np.zeros(N_SETS)
    planted[[3, 9, 17, 20]] = 2.0, -1.0, 3.0, 0.5  # two AND and two OR interactions
    outputs = np.broadcast_to(outputs_of(planted), own.outputs.shape).copy()
    found, splits = and_or_record(replace(own, outputs=outputs), OPTIONS)
    floor = found.noise_floor[-1]
    assert (floor == resolution(splits[-1]).max()).all()
    assert 0 < floor[0] < 1e-3
    heard = heard_at(found, -1)
    np.testing.assert_allclose(heard, np.broadcast_to(planted, heard.shape), atol=3 * floor[0])
    assert (heard[:, planted != 0] != 0).all()
    assert ((heard != 0).sum(axis=1) < 10).all()
    assert (found.interactions[-1, :, 1:] != 0).all()
    loud = np.full_like(own.noise_floor, 0.5)
    quiet, _ = and_or_record(replace(own, noise_floor=loud), OPTIONS)
    np.testing.assert_array_equal(quiet.noise_floor, loud)


def test_both_kinds_stand_side_by_side() -> None:
    own = record(1)
    found = decompose([own, own.at(-1)], OPTIONS, METRICS)
    first, second = found.sparsities
    assert first.equals(second)
    harsanyi, split_ones = (first[first["kind"] == kind] for kind in ("harsanyi", "and_or"))
    assert (split_ones["n_sets"] == N_SETS - 1).all()
    assert (split_ones["gap"] <= found.largest_gap).all()
    assert found.largest_gap <= OPTIONS.tolerance
    assert (split_ones["strength"].to_numpy() < harsanyi["strength"].to_numpy()).all()
    heard = np.abs(heard_at(found.records[0], -1))
    share = heard[:, is_or(N_SETS)].sum(axis=1) / heard[:, 1:].sum(axis=1)
    np.testing.assert_allclose(split_ones["or_share"], share)
    assert ((share > 0) & (share < 1)).all()


def test_says_the_largest_gap_of_any_snapshot() -> None:
    few = Interactions(kind="and_or", tolerance=1e-9, max_iterations=5)
    found = decompose([record(1)], few, METRICS)
    _, splits = and_or_record(record(1), few)
    assert found.largest_gap == max(one.gap.max() for one in splits) > 1e-9


def test_all_tables_can_be_made() -> None:
    records = [record(0, n_snapshots=1)]
    records += [trained(v, seed) for v in ("finetune", "scratch") for seed in SEEDS]
    own = decompose(records, OPTIONS, METRICS).records
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
