"""The figure of agreement: a line a pair, a matrix of all pairs, and transfer by group."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.report.summaries import summary_of
from whypretrain.report.figures.agreement import NETWORKS, PAIRS, draw
from whypretrain.settings.knowledge import Statistics
from whypretrain.settings.report import Figures, FigureSettings

SETTINGS = FigureSettings(
    experiments=["one"], titles=["One"], figures=Figures(), statistics=Statistics()
)


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return summary_of("one", n_players=6)


def panels_of(summary: pd.DataFrame) -> list[Any]:
    figure, _ = draw({"summary": summary}, SETTINGS)
    return figure.axes


def expected(summary: pd.DataFrame, pair: str, orders: list[str]) -> list[float]:
    own = summary[(summary["quantity"] == "agreement") & (summary["variant"] == pair)]
    return own.set_index("order").loc[orders, "number"].to_list()


def test_every_pair_is_a_line_over_single_orders(summary: pd.DataFrame) -> None:
    panel, *_ = panels_of(summary)
    lines = {line.get_label(): line for line in panel.get_lines()}
    for pair, (label, _) in PAIRS.items():
        drawn = lines[label].get_ydata().tolist()
        assert drawn == expected(summary, pair, ["1", "2", "3", "4", "5"])
    # Side by side, so that intervals do not hide each other.
    starts = [lines[label].get_xdata()[0] for label, _ in PAIRS.values()]
    assert len(set(starts)) == len(PAIRS)
    assert max(starts) - min(starts) < 1


def test_the_matrix_holds_low_orders_of_all_pairs(summary: pd.DataFrame) -> None:
    _, matrix, _ = panels_of(summary)
    size = len(NETWORKS)
    words = np.array([text.get_text() for text in matrix.texts]).reshape(size, size)
    np.testing.assert_array_equal(words, words.T)
    names = list(NETWORKS)
    for pair in ("probe-finetune", "finetune-finetune", "finetune-untrained"):
        row, column = map(names.index, pair.split("-"))
        assert words[row, column] == f"{expected(summary, pair, ['1-2'])[0]:.2f}"
    # There is but one probe, so there are no two of it.
    assert words[0, 0] == "–"


def test_transfer_stands_by_group(summary: pd.DataFrame) -> None:
    *_, transfer = panels_of(summary)
    assert [tick.get_text() for tick in transfer.get_xticklabels()] == ["1–2", "3–4", "5+", "all"]
    own = summary[summary["quantity"] == "transfer"].set_index("order")
    drawn = transfer.containers[0][0].get_ydata()
    assert drawn.tolist() == own.loc[["1-2", "3-4", "5+", "all"], "number"].to_list()


def test_a_pair_that_was_not_measured_is_left_out(summary: pd.DataFrame) -> None:
    own = summary[~summary["variant"].str.endswith("untrained")]
    panel, matrix, _ = panels_of(own)
    assert PAIRS["finetune-untrained"].label not in panel.get_legend_handles_labels()[1]
    assert [text.get_text() for text in matrix.texts[-4:]] == ["–"] * 4
