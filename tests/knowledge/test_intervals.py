"""Bootstrap intervals: against scipy's plain call, their coverage, and where there is none."""

import numpy as np
import pytest
from scipy import stats

from whypretrain.knowledge.intervals import bootstrap, mean, quotient
from whypretrain.settings.knowledge import Statistics

OPTIONS = Statistics(n_resamples=500)


def test_every_row_is_as_if_it_were_alone() -> None:
    values = np.random.default_rng(0).normal(size=(3, 2, 15))
    found = bootstrap(mean, [values], OPTIONS)
    assert found.low.shape == (3, 2)
    alone = stats.bootstrap(
        (values[1, 1],), np.mean, n_resamples=500, rng=np.random.default_rng(OPTIONS.seed)
    ).confidence_interval
    assert found.low[1, 1] == pytest.approx(alone.low)
    assert found.high[1, 1] == pytest.approx(alone.high)


def test_models_are_resampled_together() -> None:
    """Unpaired, the interval of a quotient of equal arrays would not be a point."""
    values = np.random.default_rng(1).uniform(1, 9, size=20)
    found = bootstrap(quotient, [2 * values, values], OPTIONS)
    assert found.low == pytest.approx(2)
    assert found.high == pytest.approx(2)


def test_an_interval_covers_as_often_as_it_says() -> None:
    draws = np.random.default_rng(2).normal(size=(400, 20))
    found = bootstrap(mean, [draws], OPTIONS)
    covered = ((found.low <= 0) & (found.high >= 0)).mean()
    assert 0.9 <= covered <= 0.98


def test_samples_without_a_number_are_left_out() -> None:
    values = np.array([[1.0, np.nan, 2.0, 3.0, 5.0, 4.0], [np.nan] * 6])
    found = bootstrap(mean, [values], OPTIONS)
    assert 1 < found.low[0] < 3 < found.high[0] < 5
    assert np.isnan(found.low[1])


def test_one_sample_has_no_interval() -> None:
    assert np.isnan(bootstrap(mean, [np.array([1.0])], OPTIONS).low)


def test_equal_samples_have_a_point() -> None:
    found = bootstrap(mean, [np.full(5, 3.0)], OPTIONS)
    assert float(found.low) == float(found.high) == 3


def test_intervals_repeat() -> None:
    values = np.random.default_rng(3).normal(size=12)
    assert bootstrap(mean, [values], OPTIONS) == bootstrap(mean, [values], OPTIONS)
    other = Statistics(n_resamples=500, seed=1)
    assert bootstrap(mean, [values], OPTIONS) != bootstrap(mean, [values], other)
