"""Statistics against plain formulas; intervals against scipy's plain call, and their coverage."""

import numpy as np
import pytest
from scipy import stats

from whypretrain.knowledge.statistics import (
    area,
    bootstrap,
    descent,
    epochs_saved,
    mean,
    quotient,
    share_slope,
)
from whypretrain.settings.knowledge import Statistics

OPTIONS = Statistics(n_resamples=500)


def test_slope_is_the_least_squares_one() -> None:
    generator = np.random.default_rng(0)
    parts, rests = generator.uniform(size=(2, 5, 8))
    orders = np.array([1, 2, 3, 5, 6])
    shares = parts.sum(axis=1) / (parts + rests).sum(axis=1)
    expected = np.polyfit(orders, shares, 1)[0]
    assert share_slope(orders)(*parts, *(parts + rests)) == pytest.approx(expected)


def test_slope_leaves_empty_orders_out() -> None:
    parts = np.array([[1.0, 1.0], [0.0, 0.0], [3.0, 3.0]])
    wholes = np.array([[4.0, 4.0], [0.0, 0.0], [4.0, 4.0]])
    slope = share_slope(np.array([1, 2, 3]))(*parts, *wholes)
    assert slope == pytest.approx((0.75 - 0.25) / 2)
    assert np.isnan(share_slope(np.array([1]))(parts[0], wholes[0]))


def test_slope_is_ready_for_resampling() -> None:
    arrays = np.random.default_rng(1).uniform(1, 2, size=(6, 7, 9))
    slope = share_slope(np.array([1, 2, 3]))
    found = slope(*arrays, axis=-1)
    assert found.shape == (7,)
    assert found[4] == pytest.approx(slope(*arrays[:, 4]))


def test_area_and_descent() -> None:
    fractions = np.array([0.0, 0.25, 1.0])
    curves = np.array([[0.0, 0.4], [1.0, 0.2], [1.0, 1.0]])
    np.testing.assert_allclose(area(fractions, curves), [0.875, 0.075 + 0.45])
    np.testing.assert_allclose(descent(curves), [0.0, 0.2])


def test_epochs_are_interpolated_to_the_higher_final_loss() -> None:
    finetune = [np.array([x]) for x in (4.0, 1.0, 0.0)]  # at 0, 1, 2
    scratch = [np.array([x]) for x in (4.0, 4.0, 2.0)]  # at 0, 5, 10
    found = epochs_saved(np.array([0.0, 1, 2]), np.array([0.0, 5, 10]))(*finetune, *scratch)
    assert found == pytest.approx(10 - 2 / 3)  # the level is 2; finetune falls by 3 in an epoch


def test_a_model_that_starts_below_the_level_is_there_at_once() -> None:
    finetune, scratch = [np.array([0.1])] * 2, [np.array([x]) for x in (2.0, 0.5)]
    assert epochs_saved(np.array([0.0, 1]), np.array([0.0, 1]))(*finetune, *scratch) == 1


def test_every_row_is_as_if_it_were_alone() -> None:
    values = np.random.default_rng(0).normal(size=(3, 2, 15))
    low, high = bootstrap(mean, [values], OPTIONS)
    assert low.shape == (3, 2)
    alone = stats.bootstrap(
        (values[1, 1],), np.mean, n_resamples=500, rng=np.random.default_rng(OPTIONS.seed)
    ).confidence_interval
    assert low[1, 1] == pytest.approx(alone.low)
    assert high[1, 1] == pytest.approx(alone.high)


def test_models_are_resampled_together() -> None:
    """Unpaired, the interval of a quotient of equal arrays would not be a point."""
    values = np.random.default_rng(1).uniform(1, 9, size=20)
    low, high = bootstrap(quotient, [2 * values, values], OPTIONS)
    assert low == pytest.approx(2)
    assert high == pytest.approx(2)


def test_an_interval_covers_as_often_as_it_says() -> None:
    draws = np.random.default_rng(2).normal(size=(400, 20))
    low, high = bootstrap(mean, [draws], OPTIONS)
    covered = ((low <= 0) & (high >= 0)).mean()
    assert 0.9 <= covered <= 0.98


def test_samples_without_a_number_are_left_out() -> None:
    values = np.array([[1.0, np.nan, 2.0, 3.0, 5.0, 4.0], [np.nan] * 6])
    low, high = bootstrap(mean, [values], OPTIONS)
    assert 1 < low[0] < 3 < high[0] < 5
    assert np.isnan(low[1])


def test_one_sample_has_no_interval() -> None:
    assert np.isnan(bootstrap(mean, [np.array([1.0])], OPTIONS)).all()


def test_equal_samples_have_a_point() -> None:
    low, high = bootstrap(mean, [np.full(5, 3.0)], OPTIONS)
    assert float(low) == float(high) == 3


def test_intervals_repeat() -> None:
    values = np.random.default_rng(3).normal(size=12)
    assert bootstrap(mean, [values], OPTIONS) == bootstrap(mean, [values], OPTIONS)
    other = Statistics(n_resamples=500, seed=1)
    assert bootstrap(mean, [values], OPTIONS) != bootstrap(mean, [values], other)
