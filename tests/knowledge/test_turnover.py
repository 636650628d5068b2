"""Removed, preserved and emerged sets, and what is held, by loops and over every permutation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tests.knowledge import plain
from tests.knowledge.records import (
    METRICS,
    NAMES,
    SEEDS,
    Trajectories,
    compared,
    record,
    trained,
)
from whypretrain.interactions.sets import sets_of_orders
from whypretrain.knowledge.cancellation import expected_uncancelled, uncancelled
from whypretrain.knowledge.chance import by_order
from whypretrain.knowledge.courses import n_snapshots
from whypretrain.knowledge.turnover import (
    Held,
    Signs,
    expected_turnover,
    held_salient,
    held_strength,
    shares,
    turnover,
    turnover_tables,
)

Array = NDArray[np.float64]
Keys = dict[str, str | float]
signs = st.integers(1, 4).flatmap(
    lambda n: arrays(np.int8, (2, 1 << n), elements=st.integers(-1, 1))
)
strengths = st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-9, 9, allow_subnormal=False)
models = arrays(np.float64, (2, 8), elements=strengths)


@given(signs)
def test_what_there_was_is_removed_or_preserved_and_what_there_is_preserved_or_emerged(
    both: Signs,
) -> None:
    before, after = both
    parts = turnover(before, after)
    for place, (b, a) in enumerate(zip(before.tolist(), after.tolist(), strict=True)):
        keeps = b == a and b != 0
        expected = (b != 0 and not keeps, keeps, a != 0 and not keeps)
        assert tuple(bool(part[place]) for part in parts) == expected
    back = turnover(after, before)
    np.testing.assert_array_equal(back.removed, parts.emerged)
    np.testing.assert_array_equal(back.preserved, parts.preserved)


@given(arrays(np.int8, (2, 8), elements=st.integers(-1, 1)))
@settings(max_examples=20)
def test_expected_counts_are_those_over_all_permutations(both: Signs) -> None:
    before, after = both
    every = [turnover(before, moved) for moved in permuted(after)]
    found = expected_turnover(before, after)
    for name in ("removed", "preserved", "emerged"):
        mean = np.mean([by_order(getattr(one, name)) for one in every], axis=0)
        np.testing.assert_allclose(getattr(found, name), mean, atol=1e-12)


def permuted(own: Signs) -> list[Signs]:
    return [moved.astype(np.int8) for moved in plain.permuted_models(own.astype(np.float64))]


@given(models)
@settings(max_examples=20)
def test_what_is_held_and_expected_is_what_loops_and_all_permutations_give(both: Array) -> None:
    own, other = both
    found = held_strength(own, other)
    literal = [sum(plain.f(own[s], other[s]) for s in plain.sets_of(k, 8)) for k in range(4)]
    np.testing.assert_allclose(found.held, literal)
    every = [held_strength(own, moved).held for moved in plain.permuted_models(other)]
    np.testing.assert_allclose(found.chance, np.mean(every, axis=0), atol=1e-12)
    np.testing.assert_allclose(found.whole, by_order(np.abs(own)))


@given(models, arrays(np.int8, 8, elements=st.integers(-1, 1)), st.integers(0, 255))
@settings(max_examples=20)
def test_what_is_salient_in_both_is_what_loops_and_all_permutations_give(
    both: Array, other: Signs, mask: int
) -> None:
    own = both[0]
    own_signs = np.where([mask >> s & 1 for s in range(8)], np.sign(own), 0).astype(np.int8)
    found = held_salient(own, own_signs, other)
    literal = [0.0] * 4
    whole = [0.0] * 4
    for s in range(8):
        if own_signs[s]:
            whole[s.bit_count()] += abs(own[s])
            literal[s.bit_count()] += abs(own[s]) * (own_signs[s] == other[s])
    np.testing.assert_allclose(found.held, literal)
    np.testing.assert_allclose(found.whole, whole)
    every = [held_salient(own, own_signs, moved).held for moved in permuted(other)]
    np.testing.assert_allclose(found.chance, np.mean(every, axis=0), atol=1e-12)


@given(models)
def test_a_share_lies_between_nothing_and_all(both: Array) -> None:
    own, other = both
    terms = held_strength(own, other)
    for counted in ([1], [1, 2], [1, 2, 3]):
        measured, chance = shares(terms, np.array(counted))
        if not np.abs(own[np.isin([s.bit_count() for s in range(8)], counted)]).sum():
            assert np.isnan([measured, chance]).all()
        else:
            assert 0 <= measured <= 1 + 1e-12
            assert 0 <= chance <= 1 + 1e-12


def test_a_network_holds_all_of_itself_and_nothing_of_its_opposite() -> None:
    own = np.random.default_rng(0).normal(size=(5, 16))
    counted = np.array([1, 2, 3])
    sign = np.sign(own).astype(np.int8)
    for terms in (held_strength(own, own), held_salient(own, sign, sign)):
        assert shares(terms, counted)[0].tolist() == pytest.approx([1.0] * 5)
    for terms in (held_strength(own, -own), held_salient(own, sign, -sign)):
        assert shares(terms, counted)[0].tolist() == [0.0] * 5


def test_a_weaker_copy_holds_its_own_share() -> None:
    own = np.random.default_rng(1).normal(size=(5, 16))
    held, _ = shares(held_strength(own, 0.3 * own), np.array([1, 2]))
    assert held.tolist() == pytest.approx([0.3] * 5)
    assert isinstance(held_strength(own, own), Held)


@pytest.fixture(scope="module", name="tables")
def made_tables() -> dict[str, pd.DataFrame]:
    return turnover_tables(compared(), METRICS)


def rows(table: pd.DataFrame, **keys: str | float) -> pd.DataFrame:
    for name, key in keys.items():
        table = table[table[name] == key]
    return table.set_index("sample").loc[list(NAMES)]


def salient_signs(own: Array) -> Signs:
    """By loops, over the samples of one network."""
    found = np.zeros(own.shape, dtype=np.int8)
    for sample, values in enumerate(own):
        largest = max(abs(values[1:]))
        for s in range(1, len(values)):
            if abs(values[s]) > METRICS.salience_threshold * largest:
                found[sample, s] = np.sign(values[s])
    return found


def test_shares_are_of_the_probe_of_the_own_end_and_of_another_seeds(
    tables: dict[str, pd.DataFrame],
) -> None:
    own = trained("finetune", 1).interactions
    probe = record(0, n_snapshots=1).interactions[0]
    keys: Keys = {"variant": "finetune", "seed": "1", "fraction": 0.5}
    others = {
        ("probe", "", "measured"): probe,
        ("own", "", "measured"): own[2],
        ("own", "0", "second_run"): trained("finetune", 0).interactions[2],
    }
    for (target, second, reference), other in others.items():
        terms = {
            "strength": held_strength(own[1], other),
            "salient": held_salient(own[1], salient_signs(own[1]), salient_signs(other)),
        }
        of: Keys = {"target": target, "second": second, "order": "1-2", **keys}
        for reading, one in terms.items():
            measured, chance = shares(one, np.array([1, 2]))
            found = rows(tables["held"], reading=reading, reference=reference, **of)
            np.testing.assert_allclose(found["held"], measured)
            if not second:
                found = rows(tables["held"], reading=reading, reference="chance", **of)
                np.testing.assert_allclose(found["held"], chance)


@pytest.mark.parametrize("part", ["every", "salient", "removed", "preserved", "emerged", "later"])
def test_parts_are_counted_and_weighed(tables: dict[str, pd.DataFrame], part: str) -> None:
    own = trained("scratch", 2).interactions
    probe = record(0, n_snapshots=1).interactions[0]
    before, now, end = map(salient_signs, (probe, own[1], own[2]))
    network, chosen, expected = {
        "every": (own[1], np.ones_like(now, dtype=bool), None),
        "salient": (own[1], now != 0, None),
        "removed": (probe, (before != 0) & (before != now), expected_turnover(before, now)),
        "preserved": (own[1], (now != 0) & (before == now), expected_turnover(before, now)),
        "emerged": (own[1], (now != 0) & (before != now), expected_turnover(before, now)),
        "later": (own[2], (end != 0) & (end != now), expected_turnover(now, end)),
    }[part]
    for group, counted in (("1-2", [1, 2]), ("all", [1, 2, 3])):
        within = np.isin([s.bit_count() for s in range(16)], counted)
        of: Keys = {"variant": "scratch", "seed": "2", "fraction": 0.5, "order": group}
        of |= {"part": part}
        found = rows(tables["turnover"], reference="measured", **of)
        assert found["n_sets"].tolist() == (chosen & within).sum(axis=1).tolist()
        np.testing.assert_allclose(found["uncancelled"], uncancelled(network, chosen & within))
        at_chance = rows(tables["turnover"], reference="chance", **of)
        np.testing.assert_allclose(
            at_chance["uncancelled"], expected_uncancelled(network, chosen & within)
        )
        if expected is None:
            assert at_chance["n_sets"].tolist() == found["n_sets"].tolist()
        else:
            name = "emerged" if part == "later" else part
            counts = getattr(expected, name)[:, counted].sum(axis=1)
            np.testing.assert_allclose(at_chance["n_sets"], counts)


@pytest.mark.parametrize("part", ["salient", "removed", "preserved", "emerged", "later"])
def test_of_each_part_another_seeds_end_holds_some(
    tables: dict[str, pd.DataFrame], part: str
) -> None:
    own = trained("finetune", 0).interactions
    probe = record(0, n_snapshots=1).interactions[0]
    before, now, end = map(salient_signs, (probe, own[1], own[2]))
    network, chosen = {
        "salient": (own[1], now),
        "removed": (probe, np.where(before != now, before, 0)),
        "preserved": (own[1], np.where(before == now, now, 0)),
        "emerged": (own[1], np.where(before != now, now, 0)),
        "later": (own[2], np.where(end != now, end, 0)),
    }[part]
    other = salient_signs(trained("finetune", 2).interactions[2])
    terms = held_salient(network, chosen.astype(np.int8), other)
    of: Keys = {"variant": "finetune", "seed": "0", "fraction": 0.5, "target": part}
    of |= {"second": "2", "order": "all"}
    both = shares(terms, np.array([1, 2, 3]))
    for reference, values in zip(("measured", "chance"), both, strict=True):
        found = rows(tables["held"], reference=reference, **of)
        assert set(found["reading"]) == {"salient"}
        np.testing.assert_allclose(found["held"], values)


def test_nothing_emerges_after_the_end(tables: dict[str, pd.DataFrame]) -> None:
    of_part = tables["turnover"].groupby("fraction")["part"].unique().map(set).to_dict()
    assert of_part[0.0] == of_part[0.5] == of_part[1.0] | {"later"}


def test_single_orders_are_told_at_the_end_alone(tables: dict[str, pd.DataFrame]) -> None:
    for table in tables.values():
        of_fraction = table.groupby("fraction")["order"].unique().map(set).to_dict()
        assert of_fraction == {
            0.0: {"1-2", "3-4", "all"},
            0.5: {"1-2", "3-4", "all"},
            1.0: {"1", "2", "3", "1-2", "3-4", "all"},
        }


def test_what_there_was_and_what_there_is_add_up(tables: dict[str, pd.DataFrame]) -> None:
    keys = ["variant", "seed", "fraction", "order", "sample", "reference"]
    counts = tables["turnover"].pivot_table(index=keys, columns="part", values="n_sets")
    np.testing.assert_allclose(counts["preserved"] + counts["emerged"], counts["salient"])
    before = counts["preserved"] + counts["removed"]
    # The probe is one and the same, whatever is compared with it.
    assert (before.groupby(["order", "sample"]).std() < 1e-12).all()
    sizes = [len(own) for own in sets_of_orders(16)]
    assert (counts["every"].xs("all", level="order") == sum(sizes[1:4])).all()


def test_seeds_with_their_last_snapshot_alone_have_rows_of_it(
    tables: dict[str, pd.DataFrame],
) -> None:
    made = turnover_tables(compared(trajectories="first"), METRICS)
    for name, table in made.items():
        assert set(table.loc[table["fraction"] < 1, "seed"]) == {"0"}
        there = (tables[name]["seed"] == "0") | (tables[name]["fraction"] == 1)
        expected = tables[name][there].reset_index(drop=True)
        pd.testing.assert_frame_equal(table, expected)
    assert set(made["held"]["second"]) == {"", *map(str, SEEDS)}


@pytest.mark.parametrize(("trajectories", "expected"), [("all", 18), ("first", 6)])
def test_it_ticks_once_a_snapshot(trajectories: Trajectories, expected: int) -> None:
    ticks: list[int] = []
    networks = compared(trajectories=trajectories)
    turnover_tables(networks, METRICS, tick=lambda: ticks.append(1))
    assert len(ticks) == n_snapshots(networks) == expected


def test_chance_permutes_and_and_or_sets_apart() -> None:
    # Two players: ∅, {0}, {1}, {0, 1} of AND, then {0, 1} of OR, which is alone.
    before, after = np.array([0, 1, 0, 1, 0]), np.array([0, 1, 1, 0, 1])
    np.testing.assert_allclose(expected_turnover(before, after).preserved, [0, 1, 0])
    own = np.array([0.0, 2.0, 0.0, 3.0, 0.0])
    np.testing.assert_allclose(held_salient(own, before, after).chance, [0, 2, 0])
