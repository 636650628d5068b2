"""Tables along training: similarity and agreement of every snapshot with each target, losses."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.knowledge import plain
from tests.knowledge.records import LAST_EPOCH, NAMES, compared, record, tables, trained
from whypretrain.knowledge.courses import course_tables, n_snapshots
from whypretrain.knowledge.strengths import expected_jaccard, jaccard

Array = NDArray[np.float64]


def rows(table: pd.DataFrame, **keys: str | float) -> pd.DataFrame:
    for name, key in keys.items():
        table = table[table[name] == key]
    return table.set_index("sample").loc[list(NAMES)]


def literal(first: Array, second: Array) -> list[float]:
    """Eq. 9 by loops, without the empty set."""
    found = []
    for x, y in zip(first[:, 1:].tolist(), second[:, 1:].tolist(), strict=True):
        held = sum(map(plain.f, x, y))
        found.append(held / (sum(map(abs, x)) + sum(map(abs, y)) - held))
    return found


def test_similarity_is_to_the_own_end_to_the_others_and_to_that_of_another_seed() -> None:
    table = tables()["jaccard"]
    own = trained("scratch", 1).interactions
    keys: dict[str, str | float] = {"variant": "scratch", "seed": "1", "fraction": 0.5}
    assert rows(table, reference="measured", **keys)["jaccard"].tolist() == pytest.approx(
        literal(own[1], own[2])
    )
    swapped = [literal(own[1], trained("finetune", seed).interactions[2]) for seed in (0, 1, 2)]
    found = rows(table, reference="swapped", **keys)["jaccard"]
    np.testing.assert_allclose(found, np.mean(swapped, axis=0))
    for second in (0, 2):
        found = rows(table, reference="second_run", second=str(second), **keys)["jaccard"]
        again = trained("scratch", second).interactions
        assert found.tolist() == pytest.approx(literal(own[1], again[2]))
    ends = table.query("fraction == 1")
    assert (ends.query("reference == 'measured'")["jaccard"] == 1).all()
    assert ends["epoch"].groupby(ends["variant"]).unique().map(list).to_dict() == {
        variant: [epoch] for variant, epoch in LAST_EPOCH.items()
    }


def test_similarity_at_chance_is_that_of_a_permuted_snapshot() -> None:
    own = trained("finetune", 2).interactions
    keys: dict[str, str | float] = {"variant": "finetune", "seed": "2", "fraction": 0.0}
    found = rows(tables()["jaccard"], reference="chance", **keys)["jaccard"]
    counted = np.arange(16) > 0
    np.testing.assert_allclose(found, expected_jaccard(own[0], own[2], counted))
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(500):
        moved = own[0].copy()
        for order in range(5):
            sets = plain.sets_of(order, 16)
            moved[:, sets] = generator.permuted(own[0][:, sets], axis=1)
        draws.append(jaccard(moved[:, 1:], own[2][:, 1:]))
    # The quotient of expectations, not the expectation of quotients: near, not the same.
    np.testing.assert_allclose(found, np.mean(draws, axis=0), atol=0.02)


def test_agreement_along_training_is_with_the_own_end_another_seeds_and_the_probe() -> None:
    table = tables()["courses"]
    assert set(table["order"]) == {"1-2", "3-4", "all"}
    own = trained("finetune", 1).interactions
    targets = {
        ("own", ""): own[2],
        ("second run", "0"): trained("finetune", 0).interactions[2],
        ("second run", "2"): trained("finetune", 2).interactions[2],
        ("probe", ""): record(0, n_snapshots=1).interactions[0],
    }
    of = table.query("variant == 'finetune' and seed == '1' and fraction == 0.5")
    found_targets = set(zip(of["target"], of["second"], strict=True))
    assert found_targets == set(targets)
    for (target, second), final in targets.items():
        for order, counted in (("1-2", [1, 2]), ("all", [1, 2, 3])):
            found = rows(of, target=target, second=second, order=order)["agreement"]
            expected = plain.agreement(own[1][2], final[2], counted)
            assert found.iloc[2] == pytest.approx(expected, nan_ok=True)
    ends = table.query("fraction == 1 and target == 'own'")["agreement"].dropna()
    np.testing.assert_allclose(ends, 1)


def test_losses_are_those_of_the_records() -> None:
    own = trained("scratch", 2)
    for at, fraction in enumerate((0.0, 0.5, 1.0)):
        found = rows(tables()["losses"], variant="scratch", seed="2", fraction=fraction)
        np.testing.assert_allclose(found["loss"], own.losses[at])
        assert found["correct"].tolist() == own.correct[at].tolist()
        assert (found["epoch"] == own.epochs[at]).all()


def test_seeds_with_their_last_snapshot_alone_are_targets_without_a_course() -> None:
    made = tables(trajectories="first")
    for name in ("jaccard", "courses", "losses"):
        assert set(made[name]["seed"]) == {"0"}, name
    whole = tables()
    for name in ("jaccard", "courses"):
        of_first = whole[name].query("seed == '0'").reset_index(drop=True)
        assert set(of_first["second"]) == {"", "1", "2"}
        keys = ["sample", "fraction", "variant", "second", *of_first.columns[:0]]
        extra = [own for own in ("reference", "target", "order") if own in of_first]
        one, other = (
            t.sort_values([*keys, *extra]).reset_index(drop=True) for t in (made[name], of_first)
        )
        pd.testing.assert_frame_equal(one, other)


def test_it_ticks_once_a_snapshot() -> None:
    for trajectories, expected in (("all", 18), ("first", 6)):
        ticks: list[int] = []
        networks = compared(trajectories=trajectories)  # type: ignore[arg-type]
        course_tables(networks, tick=lambda ticks=ticks: ticks.append(1))  # type: ignore[misc]
        assert len(ticks) == n_snapshots(networks) == expected


def test_a_snapshot_is_heard_above_its_own_noise_floor() -> None:
    networks = compared()
    networks.finetune[0].noise_floor[1] = 0.7
    found = course_tables(networks)["jaccard"]
    keys: dict[str, str | float] = {"variant": "finetune", "seed": "0", "reference": "measured"}
    own = networks.finetune[0].interactions
    heard = np.where(np.abs(own[1]) > 0.7, own[1], 0)
    assert rows(found, fraction=0.5, **keys)["jaccard"].tolist() == pytest.approx(
        literal(heard, own[2])
    )
    assert rows(found, fraction=0.0, **keys)["jaccard"].tolist() == pytest.approx(
        literal(own[0], own[2])
    )
