"""The figure of robustness: its intervals, the share beside them, and panels for what there is."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from whypretrain.report.figures.robustness import accuracies, draw, preserved_shares
from whypretrain.settings.figures import Figures, FigureSettings
from whypretrain.settings.statistics import Statistics

OPTIONS = Statistics(n_resamples=400)


def robustness(experiment: str, shifts: list[tuple[str, float]]) -> pd.DataFrame:
    rows = [
        {
            "experiment": experiment,
            "variant": variant,
            "shift": shift,
            "level": level,
            "n_items": 200,
            "n_correct": 180 - place * 20 - index,
            "n_lost": place * 20 + 5 if place else 0,
            "n_gained": 5 if place else 0,
        }
        for index, variant in enumerate(("probe", "finetune", "scratch"))
        for place, (shift, level) in enumerate(shifts)
    ]
    return pd.DataFrame(rows)


def knowledge(experiment: str) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = [
        {
            "experiment": experiment,
            "sample": f"{sample}",
            "order": order,
            "quantity": quantity,
            "strength": generator.exponential() + 100 * (order == 0),
            "n_sets": n_sets,
            "reference": reference,
        }
        for reference in ("measured", "permutation", "self")
        for sample in range(30)
        for order, n_sets in enumerate((1, 3, 3, 1))
        for quantity in ("preserve", "discard", "new")
    ]
    return pd.DataFrame(rows)


IMAGES = [("none", 0.0), ("noise", 0.1), ("noise", 0.2), ("rotation", 15.0)]
TEXTS = [("none", 0.0), ("masked_words", 0.1)]


def test_accuracies_have_wilson_intervals() -> None:
    found = accuracies(robustness("a", IMAGES), OPTIONS)
    row = found[(found["quantity"] == "accuracy") & (found["variant"] == "finetune")].iloc[1]
    assert row["value"] == 159 / 200
    expected = stats.binomtest(159, 200).proportion_ci(0.95, method="wilson")
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    wider = accuracies(robustness("a", IMAGES), OPTIONS.model_copy(update={"confidence": 0.99}))
    assert wider["low"].iloc[0] < found["low"].iloc[0]


def test_what_a_shift_costs_is_counted_item_by_item() -> None:
    found = accuracies(robustness("a", IMAGES), OPTIONS)
    lost = found[found["quantity"] == "accuracy_lost"]
    assert len(lost) == 3 * 3
    row = lost.iloc[1]
    assert row["value"] == pytest.approx((45 - 5) / 200)
    # Paired: sqrt of (lost + gained - (lost - gained)²/n) over n, by hand.
    error = np.sqrt(45 + 5 - 40**2 / 200) / 200
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_a_shift_that_costs_nothing_has_an_interval_of_nothing() -> None:
    table = robustness("a", TEXTS).assign(n_lost=0, n_gained=0)
    lost = accuracies(table, OPTIONS).query("quantity == 'accuracy_lost'")
    assert (lost[["value", "low", "high"]] == 0).all(axis=None)


def test_the_preserved_share_is_a_quotient_of_sums_over_sets_without_the_empty_one() -> None:
    table = knowledge("a")
    (row,) = preserved_shares(table, OPTIONS).to_dict("records")
    kept = held = 0.0
    for item in table.to_dict("records"):
        if item["order"] > 0 and item["reference"] == "measured":
            kept += (item["quantity"] == "preserve") * item["strength"] * item["n_sets"]
            held += (item["quantity"] != "new") * item["strength"] * item["n_sets"]
    assert row["value"] == pytest.approx(kept / held)
    assert row["low"] < row["value"] < row["high"]
    assert row["n_samples"] == 30


def settings_of(*names: str) -> FigureSettings:
    return FigureSettings(
        experiments=list(names),
        titles=[f"Net · {name}" for name in names],
        figures=Figures(),
        statistics=OPTIONS,
    )


def test_images_and_sentences_have_panels_for_the_shifts_they_have() -> None:
    tables = {
        "robustness": pd.concat([robustness("a", IMAGES), robustness("b", TEXTS)]),
        "knowledge": pd.concat([knowledge("a"), knowledge("b")]),
    }
    figure, numbers = draw(tables, settings_of("a", "b"))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in shown] == [
        "noise, σ as share of black to white",
        "share of words masked",
        "rotation [degrees]",
    ]
    share = numbers.query("experiment == 'a' and quantity == 'preserved_share'")["value"].item()
    assert shown[0].get_title() == f"Net · a, n = 200\npreserved share {share:.0%}"
    # Level 0, the split as it is, begins every line.
    for axes, n_levels in zip(shown, (3, 2, 2), strict=True):
        assert [len(line[0].get_xdata()) for line in axes.containers] == [n_levels] * 3
        assert axes.containers[0][0].get_xdata()[0] == 0
    assert set(numbers["quantity"]) == {"accuracy", "accuracy_lost", "preserved_share"}
    assert numbers[["value", "low", "high"]].notna().all(axis=None)


def test_without_any_shift_the_split_as_it_is_is_drawn() -> None:
    tables = {"robustness": robustness("a", [("none", 0.0)]), "knowledge": knowledge("a")}
    figure, numbers = draw(tables, settings_of("a"))
    assert [axes.get_xlabel() for axes in figure.axes] == ["unshifted"]
    assert len(numbers) == 3 + 1
