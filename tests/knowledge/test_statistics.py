"""Statistics of means against plain formulas, one by one and many at a time."""

import numpy as np
import pytest

from whypretrain.knowledge.statistics import (
    area,
    descent,
    quotient,
    saved,
    share_slope,
    slope,
    total_quotient,
)


def test_a_quotient_is_none_where_there_is_nothing_to_divide_by() -> None:
    above, below = np.array([[1.0], [2.0]]), np.array([2.0, 0.0, -1.0])
    found = quotient(above, below)
    np.testing.assert_array_equal(found, [[0.5, np.nan, np.nan], [1.0, np.nan, np.nan]])


def test_totals_are_divided() -> None:
    terms = np.random.default_rng(0).uniform(1, 2, size=(6, 4))
    np.testing.assert_allclose(
        total_quotient(*terms), terms[:3].sum(axis=0) / terms[3:].sum(axis=0)
    )


def test_slopes_are_the_least_squares_ones() -> None:
    generator = np.random.default_rng(0)
    parts, rests = generator.uniform(size=(2, 5))
    orders = np.array([1, 2, 3, 5, 6])
    assert slope(orders)(*parts) == pytest.approx(np.polyfit(orders, parts, 1)[0])
    expected = np.polyfit(orders, parts / (parts + rests), 1)[0]
    assert share_slope(orders)(*parts, *(parts + rests)) == pytest.approx(expected)


def test_slopes_leave_empty_orders_out() -> None:
    parts, wholes = map(np.array, ([1.0, 0.0, 3.0], [4.0, 0.0, 4.0]))
    found = share_slope(np.array([1, 2, 3]))(*parts, *wholes)
    assert found == pytest.approx((0.75 - 0.25) / 2)
    assert slope(np.array([1, 2, 4]))(*map(np.array, (1.0, np.nan, 7.0))) == pytest.approx(2)
    assert np.isnan(share_slope(np.array([1]))(parts[0], wholes[0]))


def test_many_slopes_at_once_are_as_each_alone() -> None:
    parts = np.random.default_rng(1).uniform(0, 1, size=(3, 2, 7))
    wholes = np.random.default_rng(2).uniform(1, 2, size=(3, 1, 7))
    wholes[1, 0, 3] = 0.0
    fitted = share_slope(np.array([1, 2, 3]))
    found = fitted(*parts, *wholes)
    assert found.shape == (2, 7)
    for place in np.ndindex(2, 7):
        alone = fitted(*parts[:, place[0], place[1]], *wholes[:, 0, place[1]])
        assert found[place] == pytest.approx(alone)


def test_area_and_descent() -> None:
    fractions = np.array([0.0, 0.25, 1.0])
    curves = np.array([[0.0, 0.4], [1.0, 0.2], [1.0, 1.0]])
    np.testing.assert_allclose(area(fractions, curves), [0.875, 0.075 + 0.45])
    np.testing.assert_allclose(area(8 * fractions, curves), [0.875, 0.075 + 0.45])
    np.testing.assert_allclose(descent(curves), [0.0, 0.2])


def times(finetune: list[float], scratch: list[float], *losses: float) -> float:
    """Epochs that fine-tuning saves."""
    found = saved(np.array(finetune), np.array(scratch))(*map(np.array, losses))
    return float(found)


def test_epochs_are_interpolated_to_the_higher_final_loss() -> None:
    found = times([0, 1, 2], [0, 5, 10], *(4.0, 1.0, 0.0), *(4.0, 4.0, 2.0))
    assert found == pytest.approx(10 - 2 / 3)  # the level is 2; finetune falls by 3 in an epoch


def test_a_model_that_starts_below_the_level_is_there_at_once() -> None:
    assert times([0, 1], [0, 1], *(0.1, 0.1), *(2.0, 0.5)) == 1


def test_the_first_time_counts_though_the_loss_rises_again() -> None:
    found = times([0, 1, 2, 3], [0, 3], *(4.0, 1.0, 3.0, 1.0), *(4.0, 1.0))
    assert found == pytest.approx(3 - 1)


def test_losses_of_many_seeds_at_once_are_as_each_alone() -> None:
    generator = np.random.default_rng(3)
    finetune, scratch = generator.uniform(size=(4, 3, 1)), generator.uniform(size=(3, 1, 5))
    statistic = saved(np.arange(4.0), 2 * np.arange(3.0))
    found = statistic(*finetune, *scratch)
    assert found.shape == (3, 5)
    for i, j in np.ndindex(3, 5):
        assert found[i, j] == pytest.approx(statistic(*finetune[:, i, 0], *scratch[:, 0, j]))
