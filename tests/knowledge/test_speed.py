"""Who is earlier, on every axis of time: areas, descents and epochs from the tables by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.knowledge import plain, records
from tests.knowledge.records import NAMES, SEEDS, tables

Array = NDArray[np.float64]
TIMES: dict[str, tuple[list[float], list[float]]] = {
    "epoch": ([0, 1, 2], [0, 2, 4]),
    "step": ([0, 10, 20], [0, 10, 20]),
    "fraction": ([0, 0.5, 1], [0, 0.5, 1]),
}


def row(quantity: str, **keys: str) -> pd.Series:
    return records.row(records.summary(), quantity, **keys)


def curves(name: str, value: str, variant: str, **keys: str) -> Array:
    """(3 snapshots, 3 seeds, 5 samples) of one variant."""
    table = tables()[name]
    for key, own in {"variant": variant, **keys}.items():
        table = table[table[key] == own]
    found = table.sort_values(["fraction", "seed", "sample"])[value].to_numpy()
    return found.reshape(3, len(SEEDS), len(NAMES))


def area(times: list[float], values: Array, end: float) -> Array:
    """Under the curve that stays where it ends, relative to the time until the end."""
    total = np.zeros(values.shape[1:])
    for at in (0, 1):
        total += (times[at + 1] - times[at]) * (values[at] + values[at + 1]) / 2
    return (total + (end - times[-1]) * values[-1]) / end


def gap(finetune: Array, scratch: Array) -> Array:
    """Of every pair of seeds."""
    return np.asarray(finetune[:, None] - scratch[None])


def check(found: pd.Series, cells: Array) -> None:
    assert found["number"] == pytest.approx(cells.mean())
    assert found["high"] - found["number"] == pytest.approx(plain.reach(cells), rel=1e-4)
    of_seeds = cells.mean(axis=-1)
    assert (found["least"], found["most"]) == pytest.approx((of_seeds.min(), of_seeds.max()))
    assert (found["n"], found["n_seeds"]) == (5, 3)


@pytest.mark.parametrize("axis", TIMES)
def test_the_shorter_training_stays_at_its_end_on_a_common_axis(axis: str) -> None:
    own, other = TIMES[axis]
    end = max(own[-1], other[-1])
    found = {}
    for reference in ("measured", "chance"):
        both = (
            curves("jaccard", "jaccard", v, reference=reference) for v in ("finetune", "scratch")
        )
        areas = [area(t, c, end) for t, c in zip((own, other), both, strict=True)]
        found[reference] = gap(areas[0], areas[1])
    check(row("earlier", reading=axis), found["measured"])
    earlier = row("earlier", reading=axis)
    assert earlier["chance"] == pytest.approx(found["chance"].mean())
    excess = found["measured"] - found["chance"]
    assert earlier["excess"] == pytest.approx(excess.mean())
    reach = plain.reach(excess)
    assert earlier["excess_high"] - earlier["excess"] == pytest.approx(reach, rel=1e-4)


def test_the_axes_differ_where_epochs_do() -> None:
    """Steps and fractions coincide in these tables; in epochs fine-tuning is at its end first."""
    epoch, step, fraction = (row("earlier", reading=axis)["number"] for axis in TIMES)
    assert step == pytest.approx(fraction)
    assert epoch > step


def test_areas_of_each_variant_have_their_references() -> None:
    for variant in ("finetune", "scratch"):
        found = row("jaccard_area", variant=variant)
        own = area([0, 0.5, 1], curves("jaccard", "jaccard", variant, reference="measured"), 1)
        assert found["number"] == pytest.approx(own.mean())
        assert found["high"] - found["number"] == pytest.approx(plain.reach(own), rel=1e-4)
        jaccard = tables()["jaccard"].query("variant == @variant")
        for reference in ("chance", "swapped", "second_run"):
            means = jaccard[jaccard["reference"] == reference].groupby("fraction")["jaccard"].mean()
            expected = np.trapezoid(means.to_numpy(), means.index.to_numpy())
            assert found[reference] == pytest.approx(expected)


def test_curves_are_by_snapshot() -> None:
    table = tables()["jaccard"].query("reference == 'measured' and variant == 'scratch'")
    found = (
        records.summary()
        .query("quantity == 'jaccard' and variant == 'scratch'")
        .set_index("fraction")
    )
    assert found["epoch"].to_dict() == {0: 0, 0.5: 2, 1: 4}
    expected = table.groupby("fraction")["jaccard"].mean()
    assert found["number"].to_dict() == pytest.approx(expected.to_dict())
    values = curves("jaccard", "jaccard", "scratch", reference="measured")[1]
    reach = found["high"][0.5] - found["number"][0.5]
    assert reach == pytest.approx(plain.reach(values), rel=1e-4)
    assert found["number"][1] == found["low"][1] == found["high"][1] == 1


def test_steadier_counts_what_goes_down() -> None:
    def falls(values: Array) -> Array:
        return np.asarray(
            sum(np.maximum(values[at] - values[at + 1], 0) for at in range(len(values) - 1))
        )

    both = [
        falls(curves("jaccard", "jaccard", v, reference="measured"))
        for v in ("finetune", "scratch")
    ]
    check(row("steadier"), (both[1][None] - both[0][:, None]))


def test_agreement_with_the_own_end_is_compared_alike() -> None:
    """Where a snapshot has no agreement the curve has no area, and is left out."""
    keys = {"target": "own", "order": "all"}
    both = [curves("courses", "agreement", v, **keys) for v in ("finetune", "scratch")]
    areas = [area(t, c, 4) for t, c in zip(TIMES["epoch"], both, strict=True)]
    cells = gap(areas[0], areas[1])
    held = ~np.isnan(cells)
    assert 0 < (~held).sum() < 10
    found = row("earlier_agreement", reading="epoch", level="own")
    assert found["number"] == pytest.approx(cells[held].mean())
    reach = plain.quotient_reach(np.where(held, cells, 0), held.astype(float))
    assert found["high"] - found["number"] == pytest.approx(reach, rel=1e-3)


def test_agreement_with_another_seeds_end_is_over_pairs() -> None:
    """Of samples that have it at every snapshot of every pair."""
    table = tables()["courses"].query("target == 'second run' and order == 'all'")
    lost = set(table.loc[table["agreement"].isna(), "sample"])
    assert 0 < len(lost) < 4
    table = table[~table["sample"].isin(lost)]
    areas = []
    for variant, times in zip(("finetune", "scratch"), TIMES["epoch"], strict=True):
        of = table[table["variant"] == variant].groupby("fraction")["agreement"].mean().to_numpy()
        areas.append(float(area(times, of[:, None], 4)[0]))
    found = row("earlier_agreement", reading="epoch", level="second run")
    assert found["number"] == pytest.approx(areas[0] - areas[1])
    assert found["low"] < found["least"] <= found["number"] <= found["most"] < found["high"]


def reached(times: list[float], losses: Array, level: float) -> float:
    """When the mean loss is first at the level, by hand."""
    for at, loss in enumerate(losses):
        if loss <= level:
            if at == 0:
                return times[0]
            part = (losses[at - 1] - level) / (losses[at - 1] - loss)
            return float(times[at - 1] + part * (times[at] - times[at - 1]))
    raise AssertionError


@pytest.mark.parametrize("axis", ["epoch", "step"])
def test_epochs_are_to_a_loss_of_means_that_both_reach(axis: str) -> None:
    both = [curves("losses", "loss", v) for v in ("finetune", "scratch")]

    def saved(finetune: Array, scratch: Array) -> float:
        level = max(finetune[-1], scratch[-1])
        own, other = TIMES[axis]
        return reached(other, scratch, level) - reached(own, finetune, level)

    found = row("epochs", reading=axis)
    assert found["number"] == pytest.approx(saved(*(own.mean(axis=(1, 2)) for own in both)))
    pairs = [
        saved(both[0][:, i].mean(axis=-1), both[1][:, j].mean(axis=-1))
        for i in range(3)
        for j in range(3)
    ]
    assert (found["least"], found["most"]) == pytest.approx((min(pairs), max(pairs)))
    assert found["low"] < found["number"] < found["high"]


def test_two_snapshots_cannot_be_unsteady() -> None:
    from whypretrain.knowledge.speed import course_rows

    ends = tables()
    for name in ("jaccard", "courses", "losses"):
        ends[name] = ends[name].query("fraction in (0, 1)")
    quantities = {own["quantity"] for own in course_rows(ends, 0.95)}
    assert not quantities & {"steadier", "steadier_agreement"}
    assert {"earlier", "earlier_agreement", "epochs"} <= quantities
