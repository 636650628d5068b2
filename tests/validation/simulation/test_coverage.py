"""The cells that coverage is measured on, the other intervals, and coverage where it is quick."""

import numpy as np
import pytest

from validation.simulation import coverage
from validation.simulation.coverage import (
    CASES,
    COMPONENTS,
    Case,
    Design,
    crossed_bootstrap,
    of_samples,
    of_summary,
)


def case(name: str, components: str = "even", n_worlds: int = 500, **size: int) -> Case:
    sizes = {"n_seeds": 5, "n_samples": 20} | size
    generator = np.random.default_rng(0)
    return CASES[name](Design(generator, COMPONENTS[components], n_worlds, **sizes))


def covered(found: tuple[np.ndarray, np.ndarray], truth: float) -> float:
    low, high = found
    return float(((low <= truth) & (truth <= high)).mean())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("components", COMPONENTS)
def test_the_truth_is_the_mean_over_worlds(name: str, components: str) -> None:
    own = case(name, components, n_worlds=2000)
    low, high = of_summary(own, 0.95)
    error = (low + high) / 2 - own.truth
    bias = abs(error.mean())
    # A quotient of means is biased by little.
    assert bias < 4 * error.std() / np.sqrt(len(error)) + 0.05 * error.std()


@pytest.mark.parametrize("components", COMPONENTS)
def test_cells_have_the_components_they_should(components: str) -> None:
    of = COMPONENTS[components]
    for seeds in ("a", "ab"):
        design = Design(np.random.default_rng(1), of, 20_000, 2, 2)
        cells = design.cells(seeds)
        one = cells[:, 0, 0, 0]
        assert one.var() == pytest.approx(1, abs=0.05)
        other_seeds = cells[:, -1, -1, 0]
        assert np.mean(one * other_seeds) == pytest.approx(of.samples, abs=0.05)
        other_sample = cells[:, 0, 0, 1]
        assert np.mean(one * other_sample) == pytest.approx(of.seeds, abs=0.05)


@pytest.mark.parametrize("name", CASES)
def test_five_seeds_cover(name: str) -> None:
    own = case(name, n_worlds=1000)
    assert 0.925 < covered(of_summary(own, 0.95), own.truth) < 0.975


def test_samples_alone_do_not_where_seeds_matter() -> None:
    own = case("mean", "mostly seeds", n_worlds=400)
    assert covered(of_samples(own, 0.95), own.truth) < 0.7
    none = case("mean", "no seeds", n_worlds=400)
    assert covered(of_samples(none, 0.95), none.truth) > 0.92


@pytest.mark.parametrize("name", ["crossed_mean", "second_run"])
def test_the_bootstrap_comes_near_with_many_seeds(name: str) -> None:
    own = case(name, n_worlds=150, n_seeds=25, n_samples=50)
    found = crossed_bootstrap(own, 0.95, np.random.default_rng(1))
    assert covered(found, own.truth) > 0.87
    low, high = of_summary(own, 0.95)
    assert np.mean(found[1] - found[0]) == pytest.approx(np.mean(high - low), rel=0.15)


def test_a_seed_makes_no_pair_with_itself() -> None:
    pairs = np.zeros((1, 3, 3, 2))
    pairs[0, [0, 1, 2], [0, 1, 2]] = 9
    pairs[0, 0, 1] = 6
    equal = [np.full((1, 3), 1 / 3)] * 2
    mean = coverage._weighted(pairs, equal, is_pair=True)
    np.testing.assert_allclose(mean, [[[1, 1]]])
    np.testing.assert_allclose(coverage._weighted(pairs, equal, is_pair=False), [[[33 / 9] * 2]])


def test_rates_of_every_design() -> None:
    found = coverage.coverage(8, 0.95)
    keys = ["statistic", "components", "seeds", "samples", "interval"]
    assert not found.duplicated(keys).any()
    assert len(found) == len(CASES) * len(COMPONENTS) * 3 * 2 * 3
    assert found.groupby("interval")["n"].first().to_dict() == {
        "bootstrap": 2,
        "samples alone": 8,
        "summary": 8,
    }
    assert found["rate"].between(found["low"], found["high"]).all()
    assert (found["width"] > 0).all()
