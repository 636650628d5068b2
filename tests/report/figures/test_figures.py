"""Figures draw rows of the summary, compute nothing, and depend on little."""

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.report.summaries import COLUMNS, IMAGES, summary_of
from whypretrain.report import style
from whypretrain.report.figures.drawing import Tables
from whypretrain.settings.knowledge import Statistics
from whypretrain.settings.report import Figures, FigureSettings
from whypretrain.stages import figure as stage
from workflow.lib.code import ROOT, closure
from workflow.lib.start import category, summary

EXPERIMENTS = ["one", "two"]
SETTINGS = FigureSettings(
    experiments=EXPERIMENTS, titles=["One", "Two"], figures=Figures(), statistics=Statistics()
)
OF_EXPERIMENTS = sorted(set(stage.NAMES) - {"claims", "accuracy", "adapting", "pairs"})
OF_SECOND_RUNS = ("second fine-tuned", "another seed", "two fine-tuned", "two from scratch")
WITH_PANELS = sorted(set(OF_EXPERIMENTS) - {"fig3", "sensitivity"})


def tables(n: int = 6, shifts: tuple[str, ...] = IMAGES) -> dict[str, pd.DataFrame]:
    parts = [summary_of(name, n=n, shifts=shifts) for name in EXPERIMENTS]
    return {"summary": pd.concat(parts, ignore_index=True)}


def drawn(name: str, given: Tables) -> tuple[Figure, pd.DataFrame]:
    science = importlib.import_module(f"whypretrain.report.figures.{name}")
    figure, numbers = science.draw(given, SETTINGS)
    figure.draw_without_rendering()
    return figure, numbers


def titles(figure: Figure) -> list[str]:
    """Of experiments: the name, and how many samples and seeds."""
    found = [axes.get_title() for axes in figure.axes]
    return [" ".join(title.split("\n")[:2]) for title in found if "n = " in title]


@pytest.fixture(autouse=True)
def _styled() -> Iterator[None]:
    style.apply()
    yield
    plt.close("all")


def test_one_colour_is_one_thing() -> None:
    colours = [*style.COLOURS.values(), style.NULL]
    assert len({colour.upper() for colour in colours}) == len(colours)


@pytest.mark.parametrize("name", OF_EXPERIMENTS)
def test_every_number_is_one_of_the_summary(name: str) -> None:
    given = tables()
    _, numbers = drawn(name, given)
    assert set(numbers["experiment"]) == set(EXPERIMENTS)
    known = given["summary"].set_index(["experiment", "number"])
    shared = ["low", "high", "chance", "n"]
    for row in numbers.to_dict("records"):
        own = known.loc[(row["experiment"], row["number"])]
        np.testing.assert_array_equal([row[one] for one in shared], own[shared].astype(float))


@pytest.mark.parametrize("name", OF_EXPERIMENTS)
def test_a_figure_can_be_printed(name: str) -> None:
    figure, _ = drawn(name, tables())
    file = BytesIO()
    figure.savefig(file, format="pdf")
    assert file.getvalue().endswith(b"%%EOF\n")


@pytest.mark.parametrize("name", WITH_PANELS)
def test_panels_are_titled_with_their_n(name: str) -> None:
    figure, numbers = drawn(name, tables())
    n = 40 if name in ("curves", "robustness") else 6
    assert titles(figure) == [f"One n = {n}, 1 seed", f"Two n = {n}, 1 seed"]
    assert set(numbers["n"]) <= {6, 40}


@pytest.mark.parametrize("name", OF_EXPERIMENTS)
def test_a_single_sample_is_drawn_without_interval(name: str) -> None:
    _, numbers = drawn(name, tables(n=1))
    assert numbers.loc[numbers["n"] == 1, ["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize("name", ["fig2", "fig3", "fig4", "agreement"])
def test_without_a_second_run_it_is_not_in_the_legend(name: str) -> None:
    given = tables()

    def told() -> list[str]:
        figure, _ = drawn(name, given)
        found = [text.get_text() for one in figure.legends for text in one.get_texts()]
        return [word for word in found if any(end in word for end in OF_SECOND_RUNS)]

    assert told()
    parts = [summary_of(experiment, replicated=False) for experiment in EXPERIMENTS]
    given["summary"] = pd.concat(parts, ignore_index=True)
    assert not told()


def test_numbers_of_several_n_are_titled_with_the_range() -> None:
    given = tables()
    is_one = given["summary"]["quantity"].eq("preserve") & given["summary"]["experiment"].eq("one")
    given["summary"].loc[is_one, "n"] = 5
    figure, _ = drawn("fig2", given)
    assert titles(figure) == ["One n = 5–6, 1 seed", "Two n = 6, 1 seed"]


def test_titles_count_seeds_of_what_is_trained() -> None:
    given = tables()
    is_probe = (given["summary"][["variant", "quantity"]] == "probe").any(axis=1)
    given["summary"].loc[~is_probe, "n_seeds"] = 3
    for name in ("curves", "exclusive"):
        figure, _ = drawn(name, given)
        assert all(title.endswith(", 3 seeds") for title in titles(figure))
    given["summary"].loc[given["summary"]["quantity"] == "finetune_only", "n_seeds"] = 2
    figure, _ = drawn("exclusive", given)
    assert all(title.endswith(", 2–3 seeds") for title in titles(figure))


def test_images_and_sentences_have_panels_for_the_shifts_they_have() -> None:
    texts = ("none", "masked_words 0.1")
    given = {"summary": pd.concat([summary_of("one"), summary_of("two", shifts=texts)])}
    figure, numbers = drawn("robustness", given)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in shown] == [
        "noise, σ [black to white]",
        "share of words masked",
        "rotation [degrees]",
    ]
    own = given["summary"].query(
        "experiment == 'one' and quantity == 'preserved_share' and reading == 'orders'"
    )
    share = own["number"].item()
    assert shown[0].get_title() == f"One\nn = 40, 1 seed\npreserved share {share:.0%}"
    # Level 0, the split as it is, begins every line.
    for axes, n_levels in zip(shown, (3, 2, 2), strict=True):
        assert [len(line[0].get_xdata()) for line in axes.containers] == [n_levels] * 3
        assert axes.containers[0][0].get_xdata()[0] == 0
    assert {"robustness_accuracy", "robustness_lost", "preserved_share"} == set(numbers["quantity"])


def test_without_any_shift_the_split_as_it_is_is_drawn() -> None:
    figure, _ = drawn("robustness", tables(shifts=("none",)))
    assert {axes.get_xlabel() for axes in figure.axes} == {"unshifted"}


def test_redundancy_without_any_sample_is_an_empty_panel() -> None:
    given = tables()
    own = given["summary"]["experiment"] == "one"
    shares = own & given["summary"]["quantity"].isin(["prunable_share", "random_share"])
    given["summary"].loc[shares, ["number", "low", "high"]] = np.nan
    given["summary"].loc[shares, "n"] = 0
    given["summary"] = given["summary"][~(own & (given["summary"]["quantity"] == "changed"))]
    figure, _ = drawn("redundancy", given)
    assert titles(figure) == ["One n = 0, 0 seeds", "Two n = 6, 1 seed"]


@pytest.mark.parametrize("name", stage.NAMES)
def test_a_reader_of_a_figure_opens_four_modules(name: str) -> None:
    left_out = ("whypretrain.settings", "whypretrain.files")
    needed = [
        module
        for module in closure(f"whypretrain.report.figures.{name}")
        if not module.startswith(left_out) and not _is_package(module)
    ]
    assert len(needed) <= 4, sorted(needed)


def _is_package(module: str) -> bool:
    origin = importlib.import_module(module).__file__
    assert origin is not None
    return Path(origin).name == "__init__.py"


def test_statistics_are_not_imported() -> None:
    script = f"""
import importlib, sys
for name in {stage.NAMES}:
    importlib.import_module(f"whypretrain.report.figures.{{name}}")
print([name for name in ("torch", "scipy.stats", "statsmodels", "seaborn") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_made_up_summary_has_the_columns_of_the_real_one() -> None:
    reading = importlib.import_module("whypretrain.knowledge.reading")
    assert set(reading.TABLES["summary"]) <= set(COLUMNS)


@pytest.mark.parametrize("name", stage.NAMES)
def test_titles_of_the_report_fit_its_menu(name: str) -> None:
    assert len(summary(f"report.figures.{name}")) <= 35


def test_other_titles_of_the_report_fit_its_menu() -> None:
    rules = (ROOT / "workflow/rules/report.smk").read_text(encoding="utf-8")
    titles = re.findall(r'labels=\{\s*"\w+": "([^"]*)"', rules)
    assert len(titles) == rules.count("labels={")
    assert titles
    assert all(len(title) <= 35 for title in titles)


def test_the_figure_of_claims_stands_with_the_claims() -> None:
    assert [category(name, ["fig2"]) for name in ("claims", "fig2", "salience")] == [
        "Claims",
        "Figures of the paper",
        "Further figures",
    ]
