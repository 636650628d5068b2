"""The figure of variations: its numbers are what the tables say, its lines what was varied."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from whypretrain.config.figures import Figures, FigureSettings
from whypretrain.config.statistics import Statistics
from whypretrain.config.variations import Variation
from whypretrain.figures.draw import Tables, save
from whypretrain.figures.fig3 import MARKS
from whypretrain.figures.sensitivity import Line, draw, lines_of, numbers_of
from whypretrain.metrics.jaccard import jaccard
from whypretrain.metrics.knowledge import split_knowledge
from whypretrain.metrics.tables import knowledge_table, ratio_table

FRACTIONS = [0.0, 0.1, 0.5, 1.0]
SAMPLES = [f"{number:02}" for number in range(12)]


def interactions(experiment: int) -> Any:
    """Of twelve samples with two players, under the three models: shape (3, 12, 4)."""
    return np.random.default_rng(experiment).normal(size=(3, len(SAMPLES), 4))


def tables_of(names: list[str]) -> dict[str, pd.DataFrame]:
    """Tables as the stage `metrics` writes them, of random interactions."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for seed, name in enumerate(names):
        three = interactions(seed)
        similar = [
            pd.DataFrame(
                {
                    "variant": variant,
                    "fraction": fraction,
                    "epoch": 10 * fraction,
                    "sample": SAMPLES,
                    "jaccard": jaccard(share * final[:, 1:], final[:, 1:]),
                }
            )
            for variant, final, slow in zip(("finetune", "scratch"), three[1:], (1, 2), strict=True)
            for fraction in FRACTIONS
            for share in [fraction**slow]
        ]
        history = pd.DataFrame(
            {
                "variant": ["pretrain", "finetune", "finetune", "scratch", "scratch"],
                "epoch": [np.nan, 0, 1, 0, 1],
                "test_accuracy": [0.5, 0.2, 0.9, 0.2, 0.8 - 0.01 * seed],
            }
        )
        own = {
            "knowledge": knowledge_table(SAMPLES, *three),
            "ratio": ratio_table(SAMPLES, *three),
            "jaccard": pd.concat(similar),
            "history": history,
        }
        for table, rows in own.items():
            parts.setdefault(table, []).append(rows.assign(experiment=name))
    return {table: pd.concat(rows, ignore_index=True) for table, rows in parts.items()}


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


def test_knowledge_is_summed_over_all_sets_but_the_empty_one(numbers: pd.DataFrame) -> None:
    pretrain, finetune, _ = interactions(1)
    knowledge = split_knowledge(pretrain[:, 1:], finetune[:, 1:])
    expected = knowledge.discard.sum() / knowledge.preserve.sum()
    found = value(numbers, "a-seed-1", "discard_over_preserve")
    assert found["value"] == pytest.approx(expected)
    assert found["low"] <= found["value"] <= found["high"]
    assert found["n_samples"] == len(SAMPLES)


def test_every_reading_of_the_ratio_is_a_number_with_an_interval(
    tables: Tables, numbers: pd.DataFrame
) -> None:
    own = tables["ratio"].query("experiment == 'a' and order == 'all'")
    found = numbers.query("experiment == 'a' and quantity == 'ratio'").set_index("reading")
    assert set(found.index) == {"positive", "zero", "salient", "weighted"}
    for reading in ("positive", "zero", "salient"):
        of_reading = own[own["reading"] == reading]
        assert found["value"][reading] == pytest.approx(of_reading["ratio"].mean())
    weighted = own[own["reading"] == "weighted"]
    expected = weighted["numerator"].sum() / weighted["denominator"].sum()
    assert found["value"]["weighted"] == pytest.approx(expected)
    assert found[["low", "high"]].notna().all(axis=None)


def test_the_accuracy_gap_is_that_of_the_last_epoch(numbers: pd.DataFrame) -> None:
    found = value(numbers, "a-seed-2", "accuracy_gap")
    assert found["value"] == pytest.approx(0.12)
    assert np.isnan(found["low"])
    assert np.isnan(found["high"])


def test_the_area_between_the_curves_is_over_fractions_of_training(numbers: pd.DataFrame) -> None:
    # A share t of all final interactions has the Jaccard similarity t: areas of polygons.
    expected = 0.0
    for slow, sign in ((1, 1), (2, -1)):
        heights = [fraction**slow for fraction in FRACTIONS]
        for (x, y), (x_next, y_next) in zip(
            zip(FRACTIONS, heights, strict=True),
            list(zip(FRACTIONS, heights, strict=True))[1:],
            strict=False,
        ):
            expected += sign * (x_next - x) * (y + y_next) / 2
    assert value(numbers, "a", "jaccard_area")["value"] == pytest.approx(expected)


def test_null_controls_do_not_enter(tables: Tables, settings: FigureSettings) -> None:
    rng = np.random.default_rng(0)
    with_nulls = {}
    for name, table in tables.items():
        null = table.assign(reference="permuted")
        for column in {"strength", "numerator", "ratio", "jaccard", "test_accuracy"} & set(null):
            null[column] = rng.random(len(null))
        with_nulls[name] = pd.concat([null, table.assign(reference="measured")])
    pd.testing.assert_frame_equal(numbers_of(with_nulls, settings), numbers_of(tables, settings))


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
