"""Intervals against textbook formulas, simulated worlds and scipy; nothing hangs on any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from tests.knowledge import plain
from whypretrain.knowledge.intervals import estimate, second_runs, variance_of_mean
from whypretrain.knowledge.statistics import quotient, total_quotient

Array = NDArray[np.float64]
CONFIDENCE = 0.95


def mean(value: Array) -> Array:
    return value


def world(
    generator: np.random.Generator, shape: tuple[int, ...], spreads: dict[str, float]
) -> Array:
    """Crossed worlds, (n_worlds, a, b, c): effects of the named factors, such as "a" or "ac"."""
    sizes = dict(zip("wabc", shape, strict=True))
    total = np.zeros(shape)
    for name, spread in spreads.items():
        own = [size if axis in f"w{name}" else 1 for axis, size in sizes.items()]
        total = total + spread * generator.normal(size=own)
    return total


def test_two_factors_by_hand() -> None:
    """Two seeds and three samples; MS of seeds 6, of samples 9, of both 1, of six cells."""
    # Mean 5; seeds -1, +1; samples -2, -1/2, +5/2 …: sums of squares written out below.
    cells = np.array([[2.0, 3.0, 7.0], [3.0, 7.0, 8.0]])
    seeds, samples, whole = [4.0, 6.0], [2.5, 5.0, 7.5], 5.0
    ms_seeds = 3 * sum((one - whole) ** 2 for one in seeds) / 1
    ms_samples = 2 * sum((one - whole) ** 2 for one in samples) / 2
    rest = [cells[i, j] - seeds[i] - samples[j] + whole for i in range(2) for j in range(3)]
    ms_rest = sum(one**2 for one in rest) / 2
    assert (ms_seeds, ms_samples, ms_rest) == (6, 12.5, 1.5)
    variance = (ms_seeds + ms_samples - ms_rest) / 6
    freedom = (6 * variance) ** 2 / (ms_seeds**2 / 1 + ms_samples**2 / 2 + ms_rest**2 / 2)
    for shape in ((2, 1, 3), (1, 2, 3)):
        np.testing.assert_allclose(variance_of_mean(cells.reshape(shape)), (variance, freedom))
    np.testing.assert_allclose(variance_of_mean(cells.T.reshape(1, 3, 2)), (variance, freedom))


def test_three_factors_are_those_of_the_table() -> None:
    generator = np.random.default_rng(0)
    for shape in ((3, 3, 5), (2, 4, 3), (5, 5, 20)):
        spreads = {"a": 1.0, "b": 0.5, "c": 2.0, "ab": 0.3, "ac": 0.7, "bc": 0.2, "abc": 0.4}
        cells = world(generator, (20, *shape), spreads)
        variance, freedom = variance_of_mean(cells)
        for place, own in enumerate(cells):
            expected = plain.anova(own)
            assert (variance[place], freedom[place]) == pytest.approx(expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_factor_is_the_classical_interval(axis: int) -> None:
    values = np.random.default_rng(1).normal(3, 2, size=7)
    cells = values.reshape([7 if a == axis else 1 for a in range(3)])
    found = estimate(mean, [cells], CONFIDENCE)
    low, high = stats.t.interval(CONFIDENCE, 6, values.mean(), stats.sem(values))
    assert found[:3] == pytest.approx((values.mean(), low, high), rel=1e-12)


SPREADS = [
    {"a": 1.0, "b": 0.8, "c": 3.0, "ab": 0.2, "ac": 0.5, "bc": 0.5, "abc": 1.0},
    {"a": 1.0, "c": 2.0, "ac": 2.0},
    {"c": 3.0, "abc": 1.0},  # seeds do nothing of their own
]


@pytest.mark.parametrize("spreads", SPREADS)
def test_the_variance_is_that_of_means_in_simulated_worlds(spreads: dict[str, float]) -> None:
    """It is no less than one factor's share, so where seeds do nothing it is a little too large."""
    cells = world(np.random.default_rng(2), (4000, 5, 5, 20), spreads)
    variance, _ = variance_of_mean(cells)
    true = cells.mean(axis=(1, 2, 3)).var()
    assert 0.95 * true <= variance.mean() <= 1.1 * true


@pytest.mark.parametrize(("n_seeds", "spreads"), [(5, own) for own in SPREADS] + [(3, SPREADS[0])])
def test_intervals_cover_as_often_as_they_say(n_seeds: int, spreads: dict[str, float]) -> None:
    cells = world(np.random.default_rng(3), (3000, n_seeds, n_seeds, 20), spreads)
    found = estimate(mean, [cells], CONFIDENCE)
    covered = ((found.low <= 0) & (found.high >= 0)).mean()
    assert 0.93 <= covered <= 0.98


def test_of_a_quotient_by_the_delta_method() -> None:
    """Cochran (1977): var(R) = Σ (y - R x)² / (n (n - 1) mean(x)²)."""
    generator = np.random.default_rng(4)
    x = generator.uniform(1, 3, size=12)
    y = 2 * x + generator.normal(size=12)
    found = estimate(quotient, [y.reshape(1, 1, -1), x.reshape(1, 1, -1)], CONFIDENCE)
    ratio = y.mean() / x.mean()
    variance = ((y - ratio * x) ** 2).sum() / (12 * 11 * x.mean() ** 2)
    reach = stats.t.ppf(0.975, 11) * np.sqrt(variance)
    assert found[:3] == pytest.approx((ratio, ratio - reach, ratio + reach), rel=1e-3)


def test_networks_and_samples_are_paired() -> None:
    """Unpaired, the interval of a quotient of equal arrays would not be a point."""
    values = np.random.default_rng(5).uniform(1, 9, size=(3, 2, 20))
    found = estimate(quotient, [2 * values, values], CONFIDENCE)
    assert found == pytest.approx((2, 2, 2, 2, 2))


def test_cells_that_depend_on_different_factors_are_crossed() -> None:
    """A mean over seeds of finetune minus one over those of scratch is over all pairs."""
    generator = np.random.default_rng(6)
    finetune, scratch = generator.normal(size=(3, 1, 8)), generator.normal(size=(1, 4, 8))
    apart = estimate(np.subtract, [finetune, scratch], CONFIDENCE)
    together = estimate(mean, [finetune - scratch], CONFIDENCE)
    np.testing.assert_allclose(apart, together)
    of_pairs = (finetune - scratch).mean(axis=-1)
    assert apart[3:] == pytest.approx((of_pairs.min(), of_pairs.max()))


def test_rows_are_as_if_each_were_alone() -> None:
    values = np.random.default_rng(7).uniform(1, 2, size=(2, 4, 5, 3, 3, 6))
    found = estimate(quotient, list(values), CONFIDENCE)
    assert found.number.shape == (4, 5)
    alone = estimate(quotient, list(values[:, 2, 3]), CONFIDENCE)
    np.testing.assert_allclose([part[2, 3] for part in found], alone)


def test_a_higher_confidence_is_a_wider_interval() -> None:
    values = [np.random.default_rng(8).normal(size=(3, 3, 5))]
    narrow, wide = (estimate(mean, values, level) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.number < narrow.high < wide.high


orders_of_levels = st.tuples(*(st.permutations(range(n)) for n in (3, 4, 6)))


@given(
    arrays(np.float64, (2, 3, 4, 6), elements=st.floats(0.5, 9)),
    orders_of_levels,
    st.sampled_from([quotient, total_quotient]),
)
def test_the_order_of_seeds_and_samples_changes_nothing(
    cells: Array, moved: tuple[list[int], ...], statistic: object
) -> None:
    before, after = (
        estimate(statistic, list(own), CONFIDENCE)  # type: ignore[arg-type]
        for own in (cells, cells[np.ix_([0, 1], *moved)])
    )
    np.testing.assert_allclose(before, after, rtol=1e-9, atol=1e-12)


def test_nothing_is_drawn() -> None:
    cells = [np.random.default_rng(9).normal(size=(3, 3, 5))]
    np.testing.assert_array_equal(
        estimate(mean, cells, CONFIDENCE), estimate(mean, cells, CONFIDENCE)
    )


def test_one_cell_has_a_number_without_an_interval() -> None:
    found = estimate(mean, [np.array([[[3.0]]])], CONFIDENCE)
    assert found.number == found.least == found.most == 3
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_one_sample_of_several_seeds_has_the_interval_over_seeds() -> None:
    seeds = np.array([1.0, 2.0, 6.0])
    found = estimate(mean, [seeds.reshape(3, 1, 1)], CONFIDENCE)
    assert (found.low, found.high) == pytest.approx(
        stats.t.interval(CONFIDENCE, 2, 3, stats.sem(seeds))
    )
    assert (float(found.least), float(found.most)) == (1, 6)


def test_equal_cells_have_a_point() -> None:
    found = estimate(mean, [np.full((3, 3, 5), 3.0)], CONFIDENCE)
    assert [float(own) for own in found] == [3] * 5


def test_a_number_that_is_none_has_no_interval() -> None:
    found = estimate(quotient, [np.ones((3, 1, 4)), np.zeros((3, 1, 4))], CONFIDENCE)
    assert np.isnan(found).all()


def test_a_factor_never_counts_for_less_than_by_itself() -> None:
    """Where an interaction is strong by chance, the sum of mean squares may be negative."""
    cells = np.array([[[1.0, -1.0], [-1.0, 1.0]]])  # no main effect at all
    assert float(variance_of_mean(cells)[0]) == 0
    cells = cells + np.array([0.0, 0.1])
    variance, freedom = variance_of_mean(cells)
    assert variance == pytest.approx(0.05**2)
    assert freedom == 1


def test_a_kink_is_seen_with_a_wider_step() -> None:
    """The positive part of a mean 0.4 standard errors below 0: flat nearby, not within reach."""

    def positive(value: Array) -> Array:
        return np.maximum(value, 0)

    values = np.random.default_rng(10).normal(size=10)
    error = values.std() / np.sqrt(10)
    cells = [(values - values.mean() - 0.4 * error).reshape(1, 1, -1)]
    near, wide = (estimate(positive, cells, CONFIDENCE, step=step) for step in (0.01, 1.0))
    assert float(near.low) == float(near.high) == 0
    # From 1.4 errors below to 0.6 above: the slope is 0.6 of 2.
    half = 0.3 * stats.t.ppf(0.975, 9) * stats.sem(values)
    assert (wide.low, wide.high) == pytest.approx((-half, half))


@pytest.mark.parametrize("k", [3, 5])
def test_second_runs_are_the_jackknife_over_seeds(k: int) -> None:
    """Quenouille's variance of leaving out one seed, of a mean over ordered pairs."""
    generator = np.random.default_rng(11)
    effects = generator.normal(size=(k, 1, 1))
    pairs = effects + effects.swapaxes(0, 1) + 0.3 * generator.normal(size=(k, k, 1))
    pairs[range(k), range(k)] = np.nan

    def of(seeds: list[int]) -> float:
        return float(np.mean([pairs[i, j] for i in seeds for j in seeds if i != j]))

    whole = of(list(range(k)))
    without = np.array([of([j for j in range(k) if j != i]) for i in range(k)])
    found = second_runs(pairs)
    assert found.shape == (k, 1)
    np.testing.assert_allclose(found[:, 0], k * whole - (k - 1) * without)
    assert found.mean() == pytest.approx(whole)
    variance, freedom = variance_of_mean(found[:, None])
    assert variance == pytest.approx((k - 1) / k * ((without - without.mean()) ** 2).sum())
    assert freedom == k - 1


def test_second_runs_keep_each_samples_mean_and_rows_apart() -> None:
    pairs = np.random.default_rng(12).normal(size=(2, 4, 4, 6))
    pairs[:, range(4), range(4)] = np.nan
    found = second_runs(pairs)
    assert found.shape == (2, 4, 6)
    np.testing.assert_allclose(found.mean(axis=1), np.nanmean(pairs, axis=(1, 2)))
    np.testing.assert_array_equal(second_runs(pairs[1]), found[1])
    moved = [2, 0, 3, 1]
    np.testing.assert_allclose(second_runs(pairs[:, moved][:, :, moved]), found[:, moved])


def test_of_two_seeds_neither_can_be_left_out() -> None:
    pairs = np.array([[[np.nan], [1.0]], [[2.0], [np.nan]]])
    assert second_runs(pairs).tolist() == [[1.5]]
