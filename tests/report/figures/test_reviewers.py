"""The figures of what reviewers asked: they draw from tables, and show the tables' numbers."""

from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from whypretrain.knowledge.counterfactual import counterfactual_table
from whypretrain.knowledge.redundancy import redundancy_table
from whypretrain.knowledge.references import Models, comparisons
from whypretrain.knowledge.tables import knowledge_table, threshold_table
from whypretrain.report import style
from whypretrain.report.figures import counterfactual, exclusive, redundancy, salience
from whypretrain.report.figures.draw import Draw
from whypretrain.report.figures.summary import means
from whypretrain.settings.figures import Figures, FigureSettings
from whypretrain.settings.metrics import Metrics
from whypretrain.settings.statistics import Statistics

OPTIONS = Statistics(n_resamples=100, n_permutations=3)
EXPERIMENTS = ["one", "two"]
VARIANTS = ("probe", "finetune", "scratch")
SETTINGS = FigureSettings(
    experiments=EXPERIMENTS, titles=["One", "Two"], figures=Figures(), statistics=OPTIONS
)


def tables(
    make: Callable[[list[str], dict[str, np.ndarray]], pd.DataFrame], n_samples: int = 6
) -> pd.DataFrame:
    """Tables of both experiments, of random interactions whose answer is right without them."""
    samples = [f"{number:02}" for number in range(n_samples)]
    generator = np.random.default_rng(0)
    parts = []
    for experiment in EXPERIMENTS:
        models = dict(zip(VARIANTS, generator.normal(size=(3, n_samples, 16)), strict=True))
        for interactions in models.values():
            interactions[:, 0] = -1.0
            interactions[:, 1] += 20.0
        parts.append(make(samples, models).assign(experiment=experiment))
    return pd.concat(parts, ignore_index=True)


def of_variants(
    one: Callable[[list[str], str, np.ndarray], pd.DataFrame],
) -> Callable[[list[str], dict[str, np.ndarray]], pd.DataFrame]:
    """A table of all variants from a function for one."""
    return lambda samples, models: pd.concat(
        [one(samples, variant, interactions) for variant, interactions in models.items()]
    )


def knowledge_tables(samples: list[str], models: Models) -> pd.DataFrame:
    """Knowledge under every reference."""
    floor = np.zeros(5)
    parts = []
    for reference, compared in comparisons(models, OPTIONS):
        table = knowledge_table(samples, compared._asdict(), floor)
        if reference == "measured":
            own = {"finetune": np.abs(models.finetune), "scratch": np.abs(models.scratch)}
            table = pd.concat([table, knowledge_table(samples, own, floor)])
        parts.append(table.assign(reference=reference))
    return pd.concat(parts)


MAKERS = {
    "salience": of_variants(lambda s, v, i: threshold_table(s, v, i, Metrics())),
    "exclusive": lambda s, m: knowledge_tables(s, Models(*m.values())),
    "counterfactual": lambda s, m: counterfactual_table(s, m["probe"], m["finetune"], OPTIONS),
    "redundancy": of_variants(lambda s, v, i: redundancy_table(s, v, i, OPTIONS)),
}
DRAWS: dict[str, tuple[str, Draw]] = {
    "salience": ("salience", salience.draw),
    "exclusive": ("knowledge", exclusive.draw),
    "counterfactual": ("counterfactual", counterfactual.draw),
    "redundancy": ("redundancy", redundancy.draw),
}


def drawn(name: str, table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """A figure of one table."""
    which, draw = DRAWS[name]
    return draw({which: table}, SETTINGS)


@pytest.fixture(autouse=True)
def _styled() -> Iterator[None]:
    style.apply()
    yield
    plt.close("all")


def rendered(figure: Figure) -> list[str]:
    """Lay out; titles of the panels that are seen."""
    figure.draw_without_rendering()
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


@pytest.mark.parametrize("name", DRAWS)
def test_every_number_has_an_interval_around_it(name: str) -> None:
    figure, numbers = drawn(name, tables(MAKERS[name]))
    assert rendered(figure) == ["One, n = 6", "Two, n = 6"]
    assert set(numbers["experiment"]) == set(EXPERIMENTS)
    value = numbers["strength" if name == "exclusive" else "value"]
    assert value.notna().all()
    assert (numbers["low"] <= value + 1e-9).all()
    assert (value <= numbers["high"] + 1e-9).all()
    assert (numbers["n_samples"] == 6).all()


@pytest.mark.parametrize("name", DRAWS)
def test_a_single_sample_is_drawn_without_interval(name: str) -> None:
    figure, numbers = drawn(name, tables(MAKERS[name], n_samples=1))
    assert rendered(figure) == ["One, n = 1", "Two, n = 1"]
    assert numbers[["low", "high"]].isna().all(axis=None)


def test_means_are_over_samples_and_leave_out_what_is_missing() -> None:
    table = pd.DataFrame(
        {
            "experiment": ["a"] * 4 + ["b"],
            "sample": ["x", "y", "x", "y", "x"],
            "key": ["k", "k", "l", "l", "k"],
            "value": [1.0, 3.0, 5.0, np.nan, 7.0],
        }
    )
    found = means(table, ["key"], "value", OPTIONS)
    assert found["experiment"].tolist() == ["a", "a", "b"]
    assert found["value"].tolist() == [2.0, 5.0, 7.0]
    assert found["n_samples"].tolist() == [2, 1, 1]
    with pytest.raises(ValueError, match="duplicate"):
        means(pd.concat([table, table]), ["key"], "value", OPTIONS)


def test_exclusive_shows_what_permuted_models_would_hold_alone() -> None:
    table = tables(MAKERS["exclusive"])
    _, numbers = drawn("exclusive", table)
    assert 0 not in set(numbers["order"])
    keys = ["experiment", "quantity", "order"]
    chance = table[table["reference"] == "permutation"].groupby(keys)["strength"].mean()
    alone = numbers[numbers["quantity"] == "finetune_only"].set_index(keys)
    assert alone["permutation"].to_numpy() == pytest.approx(chance[alone.index].to_numpy())


def test_counterfactual_pairs_measured_and_random_removal() -> None:
    table = tables(MAKERS["counterfactual"])
    _, numbers = drawn("counterfactual", table)
    keys = ["experiment", "variant", "removed", "quantity"]
    wide = numbers.pivot(index=keys, columns="reference", values="value")
    paired = wide.dropna()
    assert len(paired) == 2 * 4 * 2
    excess = (paired["measured"] - paired["permutation"]).to_numpy()
    assert paired["excess"].to_numpy() == pytest.approx(excess)
    chosen = table.query("order == 'all' and reference == 'permutation' and removed == 'new'")
    change = (chosen["v_after"] - chosen["v_before"])[chosen["experiment"] == "two"].mean()
    assert wide.loc[("two", "finetune", "new", "change"), "permutation"] == pytest.approx(change)


def test_redundancy_is_of_samples_that_interactions_decide() -> None:
    table = tables(MAKERS["redundancy"])
    dropped = table.copy()
    dropped.loc[dropped["sample"] == "00", "v"] = -1.0
    dropped.loc[dropped["sample"] == "01", "v_empty"] = 1.0
    figure, numbers = drawn("redundancy", dropped)
    assert (numbers["n_samples"] == 4).all()
    assert rendered(figure) == ["One, n = 4", "Two, n = 4"]
    changed = numbers[numbers["quantity"] == "changed"]
    for _, own in changed.groupby(["experiment", "variant"]):
        assert own["value"].is_monotonic_increasing
        assert own["value"].iloc[-1] == 1


def test_numbers_of_several_n_are_titled_with_the_range() -> None:
    table = tables(MAKERS["redundancy"])
    table.loc[(table["sample"] == "00") & (table["variant"] == "scratch"), "v"] = -1.0
    figure, _ = drawn("redundancy", table)
    assert rendered(figure) == ["One, n = 5–6", "Two, n = 5–6"]


def test_redundancy_without_any_such_sample_is_an_empty_figure() -> None:
    figure, numbers = drawn("redundancy", tables(MAKERS["redundancy"]).assign(v=-1.0))
    assert rendered(figure) == ["One, n = 0", "Two, n = 0"]
    assert numbers.empty
