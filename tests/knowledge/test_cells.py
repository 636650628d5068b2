"""From rows of a table to cells: what depends on which seeds, gaps, references, and the spread."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.knowledge import plain
from whypretrain.knowledge.cells import by_reference, cells, difference, means, number, with_gaps
from whypretrain.knowledge.statistics import quotient

Array = NDArray[np.float64]
CONFIDENCE = 0.95
EVERY = ("0", "1", "2")


def rows(
    value: Array, axes: dict[str, tuple[str, ...]], *, shuffled: bool = True, **known: str
) -> pd.DataFrame:
    """A row for each element of an array; columns of seeds that are no axis are empty."""
    index = pd.MultiIndex.from_product(list(axes.values()), names=list(axes))
    table = pd.DataFrame({"x": value.ravel()}, index=index).reset_index()
    if "seed" not in axes:
        known = {"finetune": "", "scratch": "", "second": ""} | known
    table = table.assign(**{name: own for name, own in known.items() if name not in axes})
    return table.sample(frac=1, random_state=0) if shuffled else table


SAMPLES = ("b", "a", "c", "10")


@pytest.mark.parametrize(
    ("seeds", "shape"),
    [
        ({}, (1, 1)),
        ({"finetune": EVERY}, (3, 1)),
        ({"scratch": EVERY[:2]}, (1, 2)),
        ({"finetune": EVERY, "scratch": EVERY[:2]}, (3, 2)),
        ({"seed": EVERY}, (3, 1)),
    ],
)
def test_each_factor_has_its_axis(
    seeds: dict[str, tuple[str, ...]], shape: tuple[int, int]
) -> None:
    axes = {"order": ("1", "2"), **seeds, "sample": SAMPLES}
    value = np.random.default_rng(0).normal(size=[len(own) for own in axes.values()])
    found = cells(rows(value, axes), ["order"], "x")
    assert found.array.shape == (2, *shape, 4)
    assert found.keys["order"].tolist() == ["1", "2"]
    by_id = value[..., [3, 1, 0, 2]]
    np.testing.assert_array_equal(found.array, by_id.reshape(found.array.shape))
    np.testing.assert_array_equal(found.one(order="2"), found.array[1])
    assert found.n_seeds == min((len(own) for own in seeds.values()), default=1)


def test_rows_in_another_order_give_the_same_bits() -> None:
    axes = {"order": ("1", "2"), "finetune": EVERY, "scratch": EVERY, "sample": SAMPLES}
    value = np.random.default_rng(1).normal(size=(2, 3, 3, 4))
    one, other = (
        cells(rows(value, axes, shuffled=shuffled), ["order"], "x") for shuffled in (False, True)
    )
    np.testing.assert_array_equal(one.array, other.array)


def test_a_missing_row_is_a_gap() -> None:
    table = rows(np.ones((3, 4)), {"finetune": EVERY, "sample": SAMPLES}, order="1")
    lost = (table["finetune"] == "1") & (table["sample"] == "a")
    found = cells(table[~lost], ["order"], "x").array[0, :, 0]
    assert np.isnan(found).sum() == 1
    assert np.isnan(found[1, 1])


def test_two_rows_of_one_cell_are_refused() -> None:
    table = rows(np.ones((3, 4)), {"finetune": EVERY, "sample": SAMPLES}, order="1")
    with pytest.raises(ValueError, match="several rows of one sample"):
        cells(pd.concat([table, table[:1]]), ["order"], "x")


@pytest.mark.parametrize("kind", ["finetune", "scratch", "seed"])
def test_two_seeds_of_one_kind_are_one_factor(kind: str) -> None:
    value = np.random.default_rng(2).normal(size=(3, 3, 4))
    axes = {kind: EVERY, "second": EVERY, "sample": SAMPLES}
    table = rows(value, axes, order="1").query(f"{kind} != second")
    found = cells(table, ["order"], "x")
    assert found.array.shape == ((1, 1, 3, 4) if kind == "scratch" else (1, 3, 1, 4))
    assert found.n_seeds == 3
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(
        found.array.mean(axis=(1, 2))[0], value[off].mean(axis=0)[[3, 1, 0, 2]]
    )


def test_of_two_seeds_a_pair_is_one_level() -> None:
    value = np.random.default_rng(3).normal(size=(2, 2, 4))
    axes = {"finetune": EVERY[:2], "second": EVERY[:2], "sample": SAMPLES}
    found = cells(rows(value, axes, order="1").query("finetune != second"), ["order"], "x")
    assert (found.array.shape, found.n_seeds) == ((1, 1, 1, 4), 2)


def test_one_trajectory_against_the_ends_of_others() -> None:
    """With `trajectories: first`: seed 0 along training, against final networks of 1 and 2."""
    value = np.random.default_rng(4).normal(size=(1, 2, 4))
    axes = {"seed": ("0",), "second": EVERY[1:], "sample": SAMPLES}
    found = cells(rows(value, axes, order="1"), ["order"], "x")
    assert (found.array.shape, found.n_seeds) == ((1, 1, 1, 4), 1)
    np.testing.assert_allclose(found.array[0, 0, 0], value.mean(axis=(0, 1))[[3, 1, 0, 2]])


def test_a_number_has_its_references_and_its_excess() -> None:
    generator = np.random.default_rng(5)
    measured, chance = generator.uniform(1, 2, size=(2, 3, 2, 6))
    swapped = generator.uniform(1, 2, size=(1, 2, 6))
    found = number(
        quotient,
        {
            "measured": [measured, np.ones_like(measured)],
            "chance": [chance, np.ones_like(chance)],
            "swapped": [swapped, np.ones_like(swapped)],
        },
        CONFIDENCE,
    )
    assert found["number"] == pytest.approx(measured.mean())
    assert found["chance"] == pytest.approx(chance.mean())
    assert found["swapped"] == pytest.approx(swapped.mean())
    assert "second_run" not in found
    seeds = measured.mean(axis=-1)
    assert (found["least"], found["most"]) == pytest.approx((seeds.min(), seeds.max()))
    # Cell by cell, in which measured and chance go together.
    gap = measured - chance
    expected = (gap.mean(), gap.mean() - plain.reach(gap), gap.mean() + plain.reach(gap))
    assert [found[f"excess{end}"] for end in ("", "_low", "_high")] == pytest.approx(expected)


def test_difference_takes_the_first_means_minus_the_others() -> None:
    assert difference(quotient, 2)(*map(np.array, (6.0, 2.0, 1.0, 2.0))) == 2.5


def test_gaps_are_left_out_of_number_and_interval() -> None:
    values = np.array([1.0, np.nan, 2.0, 6.0]).reshape(1, 1, -1)
    found = number(quotient, {"measured": with_gaps(values)}, CONFIDENCE)
    assert found["number"] == 3
    # The delta method of a mean over those that are there, of a number that varies too.
    above, below = np.array([1, 0, 2, 6.0]), np.array([1, 0, 1, 1.0])
    reach = plain.quotient_reach(above, below)
    assert (found["low"], found["high"]) == pytest.approx((3 - reach, 3 + reach), rel=1e-3)


def test_means_are_of_each_combination_of_keys() -> None:
    """Of the first key's values, each may depend on other seeds."""
    generator = np.random.default_rng(6)
    first, second = generator.normal(size=(2, 3, 4)), generator.normal(size=(2, 4))
    second[0, 2] = np.nan
    table = pd.concat(
        [
            rows(first, {"order": ("1", "2"), "finetune": EVERY, "sample": SAMPLES}, kind="both"),
            rows(second, {"order": ("1", "2"), "sample": SAMPLES}, kind="none"),
        ]
    )
    found = list(means(table, ["kind", "order"], "x", CONFIDENCE, quantity="x"))
    by_key = {(row["kind"], row["order"]): row for row in found}
    assert len(found) == len(by_key) == 4
    assert {row["quantity"] for row in found} == {"x"}
    one = by_key["both", "2"]
    assert one["number"] == pytest.approx(first[1].mean())
    reach = plain.reach(first[1][:, None])
    assert (one["low"], one["high"]) == pytest.approx(
        (one["number"] - reach, one["number"] + reach)
    )
    assert (one["n"], one["n_seeds"]) == (4, 3)
    assert (by_key["none", "1"]["n"], by_key["none", "1"]["n_seeds"]) == (3, 1)
    assert by_key["none", "1"]["number"] == pytest.approx(np.nanmean(second[0]))


def test_a_table_without_references_is_measured() -> None:
    table = rows(np.ones((3, 4)), {"finetune": EVERY, "sample": SAMPLES}, order="1")
    assert list(by_reference(table, ["order"], "x")) == ["measured"]
    both = pd.concat([table.assign(reference="measured"), table.assign(reference="chance", x=2.0)])
    found = by_reference(both, ["order"], "x")
    assert (found["measured"].array == 1).all()
    assert (found["chance"].array == 2).all()


@pytest.mark.parametrize("k", [3, 5])
def test_the_spread_of_pairs_is_of_each_seeds_own_pairs(k: int) -> None:
    """Not of jackknife values, which may be what no pair has: here below the least, 0.2."""
    value = np.full((k, k, 2), 1.0)
    value[0, :, :] = value[:, 0, :] = 0.2
    seeds = tuple(map(str, range(k)))
    axes = {"finetune": seeds, "second": seeds, "sample": SAMPLES[:2]}
    table = rows(value, axes, order="1").query("finetune != second")
    found = cells(table, ["order"], "x")
    assert found.array.min() < 0.2
    (row,) = means(table.assign(kind="a"), ["kind", "order"], "x", CONFIDENCE)
    of_seed = [np.mean([value[i, j, 0] for j in range(k) if j != i]) for i in range(k)]
    assert (row["least"], row["most"]) == pytest.approx((min(of_seed), max(of_seed)))
