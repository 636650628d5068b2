"""Figures 2 to 4 of the paper, and the figure of its claims: what is drawn where."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from tests.report.summaries import summary_of
from whypretrain.claims.catalogue import CLAIMS
from whypretrain.report import style
from whypretrain.report.figures import claims, fig2, fig3, fig4
from whypretrain.settings.knowledge import Statistics
from whypretrain.settings.report import Figures, FigureSettings


def settings_of(*experiments: str, reading: str = "zero") -> FigureSettings:
    return FigureSettings(
        experiments=list(experiments),
        titles=[name.upper() for name in experiments],
        figures=Figures.model_validate({"ratio_reading": reading}),
        statistics=Statistics(),
    )


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return summary_of("one")


def lines_of(panel: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in panel.get_lines()}


def test_shares_by_order_stand_below_amounts(summary: pd.DataFrame) -> None:
    figure, _ = fig2.draw({"summary": summary}, settings_of("one"))
    _, below = figure.axes
    lines = lines_of(below)
    for part, (*_, label) in fig2.SHARES.items():
        own = summary[summary["quantity"] == f"{part}_share"]
        assert lines[label].get_ydata().tolist() == own["number"].to_list()
    chance = [line.get_ydata() for line in below.get_lines() if line.get_label() == fig2.CHANCE]
    np.testing.assert_array_equal(
        np.stack(chance).ravel(),
        summary.loc[summary["quantity"].isin(["discard_share", "new_share"])]
        .sort_values("quantity", kind="stable")["chance"]
        .to_numpy(),
    )


def test_brackets_span_the_totals_of_the_longest_bar(summary: pd.DataFrame) -> None:
    figure, _ = fig2.draw({"summary": summary}, settings_of("one"))
    above, _ = figure.axes
    parts = summary[summary["quantity"].isin(fig2.PARTS) & (summary["order"] != "0")]
    wide = parts.pivot(index="order", columns="quantity", values="number")
    longest = wide.iloc[int(wide.sum(axis=1).to_numpy().argmax())]
    assert [text.get_text() for text in above.texts] == [
        f"{network}, order {longest.name}" for network in ("pre-trained", "fine-tuned")
    ]
    spans: Any = [line.get_xdata() for line in above.get_lines()]
    widths = [span[-1] - span[0] for span in spans]
    totals = [longest["discard"] + longest["preserve"], longest["preserve"] + longest["new"]]
    np.testing.assert_allclose(widths, totals)


@pytest.mark.parametrize("reading", ["zero", "salient"])
def test_every_reading_has_its_own_chance_level(summary: pd.DataFrame, reading: str) -> None:
    figure, _ = fig3.draw({"summary": summary}, settings_of("one", reading=reading))
    above: Any = figure.axes[0]
    own = summary[(summary["quantity"] == "ratio") & (summary["order"] == "all")]
    own = own.set_index("reading")
    order = [reading, *(name for name in style.READINGS if name != reading)]
    dots = {one.get_label(): one[0] for one in above.containers}
    ticks = [one for one in above.collections if one.get_color()[0][0] == 0x7F / 255]
    crosses = [line for line in above.get_lines() if line.get_marker() == "x"]
    assert len(ticks) == len(crosses) == len(order)
    places = []
    for name, tick, cross in zip(order, ticks, crosses, strict=True):
        (x,), (y,) = dots[style.READINGS[name]].get_data()
        ((start, end),) = tick.get_segments()
        assert start[0] < x < end[0]
        assert (y, start[1], cross.get_ydata()[0]) == (
            own["number"][name],
            own["chance"][name],
            own["second_run"][name],
        )
        places.append(x)
    assert places == sorted(places)


def test_fraction_is_drawn_only_where_schedules_differ(summary: pd.DataFrame) -> None:
    figure, _ = fig4.draw({"summary": summary}, settings_of("one"))
    assert [panel.get_xlabel() for panel in figure.axes] == ["epoch"] * 2
    longer = summary.copy()
    longer.loc[longer["variant"] == "scratch", "epoch"] *= 3
    figure, _ = fig4.draw({"summary": longer}, settings_of("one"))
    assert [panel.get_xlabel() for panel in figure.axes] == [
        *["epoch"] * 2,
        *["fraction of training"] * 2,
    ]
    own = lines_of(figure.axes[2])[style.LABELS["scratch"]]
    assert own.get_xdata().tolist() == [0.0, 0.5, 1.0]


def test_another_seeds_end_stands_beside_the_own(summary: pd.DataFrame) -> None:
    figure, _ = fig4.draw({"summary": summary}, settings_of("one"))
    above, below = map(lines_of, figure.axes)
    name = "fine-tuned, another seed's end"
    assert set(above[name].get_ydata()) == {0.9}
    courses = summary[
        (summary["quantity"] == "agreement_course")
        & (summary["variant"] == "finetune")
        & (summary["order"] == "all")
    ]
    for label, level in (("fine-tuned", "own"), (name, "second run")):
        expected = courses.loc[courses["level"] == level, "number"].to_list()
        assert below[label].get_ydata().tolist() == expected


def judged(**changes: Any) -> pd.DataFrame:
    """Claims of one experiment with two readings each, the first of which is drawn."""
    row = {"experiment": "one", "n": 6, "n_seeds": 3, "number": 0.25, "agreement": -0.5}
    row |= {"retraining": np.nan, "note": "", "as_worded": "yes", "beyond_chance": "no"}
    row |= {"beyond_retraining": "open"} | changes
    rows = [row | {"claim": claim.key} for claim in CLAIMS]
    return pd.DataFrame([*rows, *(own | {"as_worded": "no", "number": 7.0} for own in rows)])


def words_of(table: pd.DataFrame) -> list[str]:
    figure, numbers = claims.draw({"claims": table}, settings_of("one"))
    assert len(numbers) == len(table)
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_claim_has_three_answers_with_numbers() -> None:
    words = words_of(judged())
    for expected in ("✓", "✗", "?", "0.25", "−0.5"):
        assert words.count(expected) == len(CLAIMS)
    assert "7" not in words  # of another reading
    assert not any("*" in word for word in words)
    wrapped = [word.replace("\n", " ") for word in words]
    assert all(claim.statement in wrapped for claim in CLAIMS)


def test_a_claim_that_hangs_on_the_reading_says_so() -> None:
    words = words_of(judged(note="2 seeds; changes with the reading"))
    assert words.count("0.25*") == len(CLAIMS)


def test_what_is_not_asked_has_no_mark() -> None:
    answers = dict.fromkeys(("as_worded", "beyond_chance", "beyond_retraining"), "–")
    words = words_of(judged(**answers))
    assert words.count("–") == 3 * len(CLAIMS)
    assert not {"✓", "✗", "?"} & set(words)


def test_answers_differ_without_colour() -> None:
    looks = [look["facecolor"] for _, look in claims.ANSWERS.values()]
    assert len({sign for sign, _ in claims.ANSWERS.values()}) == len(looks)
    grey = sorted(float(np.dot(to_rgb(one), (0.299, 0.587, 0.114))) for one in looks)
    assert min(np.diff(grey)) > 0.1
