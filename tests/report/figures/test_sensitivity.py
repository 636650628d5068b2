"""The figure of variations: its numbers are what the tables say, its lines what was varied."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from whypretrain.report.figures.draw import Tables, save
from whypretrain.report.figures.fig3 import MARKS
from whypretrain.report.figures.sensitivity import PANELS, Line, draw, lines_of, numbers_of
from whypretrain.settings.figures import Figures, FigureSettings
from whypretrain.settings.statistics import Statistics
from whypretrain.settings.variations import Variation

READINGS = ("positive", "zero", "salient", "weighted")


def tables_of(names: list[str]) -> dict[str, pd.DataFrame]:
    """Tables as the stage `claims` writes them, of numbers that tell where they come from."""
    overview, claims = [], []
    quantities = ["discard_over_preserve", *(f"ratio_{reading}" for reading in READINGS)]
    for place, name in enumerate(names):
        for position, quantity in enumerate([*quantities, "accuracy_finetune"]):
            number = (place + 1) / 10 + position / 100
            bounds = {"low": number - 0.05, "high": number + 0.05, "permutation": 0.3, "n": 12}
            row = {"experiment": name, "quantity": quantity, "number": number}
            overview.append(row | bounds)
        for claim, number in (("accuracy", -0.1), ("earlier", 0.2), ("discard", 9.0)):
            bounds = {"low": number - 0.05, "high": number + 0.05, "null": 0.01, "n": 12}
            row = {"experiment": name, "claim": claim, "number": number + place / 100}
            claims.append(row | bounds)
    return {"overview": pd.DataFrame(overview), "claims": pd.DataFrame(claims)}


def settings_of(variation: Variation, *others: str, reading: str = "positive") -> FigureSettings:
    varied = variation.experiments()
    names = [variation.base, *varied, *others]
    return FigureSettings.model_validate(
        {
            "experiments": names,
            "titles": [name.upper() for name in names],
            "varied": {name: one.model_dump() for name, one in varied.items()},
            "figures": Figures.model_validate({"ratio_reading": reading}),
            "statistics": Statistics(n_resamples=200),
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


def value(numbers: pd.DataFrame, experiment: str, quantity: str) -> Any:
    (row,) = numbers[
        (numbers["experiment"] == experiment)
        & (numbers["quantity"] == quantity)
        & numbers["reading"].isin([np.nan, "positive"])
    ].to_dict("records")
    return row


def test_numbers_are_those_of_the_suites_tables(numbers: pd.DataFrame) -> None:
    found = value(numbers, "a-seed-1", "discard_over_preserve")
    assert found["value"] == pytest.approx(0.2)
    assert found["null"] == 0.3
    assert found["low"] <= found["value"] <= found["high"]
    assert value(numbers, "a-seed-2", "accuracy_gap")["value"] == pytest.approx(-0.08)
    assert value(numbers, "a", "jaccard_area")["null"] == 0.01
    assert set(numbers["quantity"]) == set(PANELS)


def test_every_reading_of_the_ratio_is_a_number_with_an_interval(numbers: pd.DataFrame) -> None:
    found = numbers.query("experiment == 'a' and quantity == 'ratio'").set_index("reading")
    assert list(found.index) == list(READINGS)
    assert found["value"].tolist() == pytest.approx([0.11, 0.12, 0.13, 0.14])
    assert found[["low", "high", "null"]].notna().all(axis=None)


def test_numbers_say_what_is_varied(numbers: pd.DataFrame) -> None:
    columns = ["experiment", "base", "factor", "level"]
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


def test_combinations_stand_below_the_factors_they_combine() -> None:
    factorial = Variation(base="a", factors={"x": [1, 2], "y": [3]}, design="factorial")
    lines = lines_of(settings_of(factorial))
    labels = [line.label for line in lines]
    assert labels == ["A", "x", "1", "2", "y", "3", "x · y", "1 · 3", "2 · 3"]


@pytest.mark.parametrize("reading", ["positive", "weighted"])
def test_the_figure_shows_all_it_counts(reading: str, tables: Tables, tmp_path: Any) -> None:
    settings = settings_of(VARIATION, "other", reading=reading)
    figure, numbers = draw(tables, settings)
    panels: list[Any] = figure.axes
    first, ratio, *_ = panels
    assert [tick.get_text() for tick in first.get_yticklabels()] == [
        line.label for line in lines_of(settings)
    ]
    drawn = {line.get_label() for line in ratio.get_lines()}
    assert {label for label in drawn if label in MARKS} == set(MARKS) - {reading}
    dots = [line for line in ratio.get_lines() if line.get_marker() in ("o", "s")]
    shown = {round(float(dot.get_xdata()[0]), 12) for dot in dots if dot.get_label()[0] == "_"}
    expected = numbers.query("quantity == 'ratio' and reading == @reading")["value"]
    assert shown == {round(number, 12) for number in expected}
    save(figure, numbers, tmp_path / "sensitivity.pdf")
    again = pd.read_csv(tmp_path / "sensitivity.csv")
    assert len(again) == len(settings.experiments) * 7
