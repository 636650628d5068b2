"""The figure of variations: its numbers are what the tables say, its lines what was varied."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.report.summaries import summary_of
from whypretrain.report.figures.drawing import Tables
from whypretrain.report.figures.sensitivity import PANELS, Line, draw, lines_of, numbers_of
from whypretrain.report.style import READINGS
from whypretrain.settings.experiments import Variation
from whypretrain.settings.knowledge import Statistics
from whypretrain.settings.report import Figures, FigureSettings


def tables_of(names: list[str]) -> dict[str, pd.DataFrame]:
    """Summaries whose numbers tell which experiment they come from."""
    parts = [summary_of(name, start=(place + 1) / 10) for place, name in enumerate(names)]
    return {"summary": pd.concat(parts, ignore_index=True)}


def settings_of(variation: Variation, *others: str, reading: str = "positive") -> FigureSettings:
    varied = variation.experiments()
    names = [variation.base, *varied, *others]
    return FigureSettings.model_validate(
        {
            "experiments": names,
            "titles": [name.upper() for name in names],
            "varied": {
                name: {"base": own["extends"], "levels": {own["factor"]: own["level"]}}
                for name, own in varied.items()
            },
            "figures": Figures.model_validate({"ratio_reading": reading}),
            "statistics": Statistics(),
        }
    )


VARIATION = Variation.model_validate(
    {"base": "a", "factors": {"seed": [1, 2], "players": {"fine": {"sampling.players.cells": 7}}}}
)


@pytest.fixture(scope="module")
def settings() -> FigureSettings:
    return settings_of(VARIATION, "other")


@pytest.fixture(scope="module")
def tables(settings: FigureSettings) -> Tables:
    return tables_of(settings.experiments)


@pytest.fixture(scope="module")
def numbers(tables: Tables, settings: FigureSettings) -> pd.DataFrame:
    return numbers_of(tables, settings)


def test_numbers_are_those_of_the_summary(tables: Tables, numbers: pd.DataFrame) -> None:
    assert numbers["quantity"].value_counts().to_dict() == {
        "ratio": 4 * 5,
        **dict.fromkeys(set(PANELS) - {"ratio"}, 5),
    }
    known = tables["summary"].set_index(["experiment", "number"])
    for row in numbers.to_dict("records"):
        own = known.loc[(row["experiment"], row["number"])]
        shared = ["low", "chance"]
        np.testing.assert_array_equal([row[one] for one in shared], own[shared].astype(float))
        assert own["order"] in ("", "1-2" if row["quantity"] == "transfer" else "all")
        assert row["quantity"] != "earlier" or row["reading"] == "epoch"
        assert row["quantity"] != "discard_over_preserve" or row["reading"] == "orders"


def test_numbers_say_what_is_varied(numbers: pd.DataFrame) -> None:
    columns = ["experiment", "base", "factor", "variation"]
    assert numbers[columns].drop_duplicates().to_numpy().tolist() == [
        ["a", "", "", ""],
        ["a-seed-1", "a", "seed", "1"],
        ["a-seed-2", "a", "seed", "2"],
        ["a-players-fine", "a", "players", "fine"],
        ["other", "", "", ""],
    ]


def test_lines_are_grouped_below_their_base(settings: FigureSettings) -> None:
    assert lines_of(settings) == [
        Line("A", "a", "a"),
        Line("seed", "a"),
        Line("1", "a", "a-seed-1"),
        Line("2", "a", "a-seed-2"),
        Line("players", "a"),
        Line("fine", "a", "a-players-fine"),
        Line("OTHER", "other", "other"),
    ]


def test_an_experiment_may_be_drawn_without_its_base(
    tables: Tables, settings: FigureSettings
) -> None:
    alone = settings.model_copy(update={"experiments": ["a-seed-1"], "titles": ["A, seed 1"]})
    assert lines_of(alone) == [Line("seed", "a"), Line("1", "a", "a-seed-1")]
    _, numbers = draw(tables, alone)
    assert numbers["base"].unique().tolist() == ["a"]


@pytest.mark.parametrize("reading", ["positive", "weighted"])
def test_the_figure_shows_all_it_counts(reading: str, tables: Tables) -> None:
    settings = settings_of(VARIATION, "other", reading=reading)
    figure, numbers = draw(tables, settings)
    panels: list[Any] = figure.axes
    first, ratio = panels[0], panels[list(PANELS).index("ratio")]
    assert [tick.get_text() for tick in first.get_yticklabels()] == [
        line.label for line in lines_of(settings)
    ]
    drawn = {line.get_label() for line in ratio.get_lines()}
    marks = set(READINGS.values())
    assert drawn & marks == marks - {READINGS[reading]}
    dots = [line for line in ratio.get_lines() if line.get_marker() in ("o", "s")]
    shown = {round(float(dot.get_xdata()[0]), 12) for dot in dots if dot.get_label()[0] == "_"}
    expected = numbers.query("quantity == 'ratio' and reading == @reading")["number"]
    assert shown == {round(number, 12) for number in expected}
