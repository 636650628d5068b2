"""Fig. 3: what scratch reaches.

The share of the preserved knowledge that training from scratch reaches (eq. 8). Above, the ratio
under every reading of 0/0, the configured one filled, with its interval, its own chance level
(grey), where scratch's interactions are permuted among the sets of their order, and what a second
fine-tuned run reaches (cross). Below, the test accuracy of the three networks. The thick part of a
line reaches from the least to the most that seeds give.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

READING_PLACES = (-0.3, -0.1, 0.1, 0.3)
VARIANT_PLACES = (-0.2, 0.0, 0.2)
NARROWEST, WIDEST, BESIDE = 0.95, 1.6, 0.6  # inches of an experiment, and left of the first
SEEDS = "least to most of seeds"
HEIGHT = 3.4  # inches of a row of experiments


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """A dot a reading and experiment; below, one a variant."""
    ratios = drawing.pick(tables, "ratio", order="all")
    accuracies = drawing.pick(tables, "accuracy")
    names, ticks = settings.experiments, drawing.names_with_n(ratios, settings)
    width = settings.figures.width
    n_columns = drawing.columns(len(names), width - BESIDE, NARROWEST)
    rows = [slice(i, i + n_columns) for i in range(0, len(names), n_columns)]
    size = min(width, max(BESIDE + WIDEST * n_columns, style.WIDEST)), (HEIGHT + 0.5) * len(rows)
    ratios_of_heights = [3, 2] * len(rows)
    figure, axes = plt.subplots(
        2 * len(rows), figsize=size, height_ratios=ratios_of_heights, squeeze=False
    )
    for row, above, below in zip(rows, axes[::2, 0], axes[1::2, 0], strict=True):
        _ratios(above, ratios, names[row], settings.figures.ratio_reading)
        _accuracies(below, accuracies, names[row])
        places = range(len(names[row]))
        for panel in (above, below):
            panel.yaxis.set_major_formatter(drawing.PERCENT)
            # A row with fewer experiments keeps the width of theirs.
            panel.set_xlim(-0.5, n_columns - 0.5)
            for border in places[1:]:
                panel.axvline(border - 0.5, color="0.85", linewidth=0.6, zorder=0)
        above.set_xticks(places, [""] * len(places))
        below.set_xticks(places, ticks[row])
    drawing.legend_below(figure, settings, axes[0, 0], axes[1, 0], interval="line")
    return figure, pd.concat([ratios, accuracies], ignore_index=True)


def _in_turn(rows: pd.DataFrame, names: list[str], column: str, value: str) -> pd.DataFrame:
    return rows[rows[column] == value].set_index("experiment").reindex(names)


def _ratios(panel: Axes, ratios: pd.DataFrame, names: list[str], first: str) -> None:
    places = np.arange(len(names), dtype=np.float64)
    readings = [first, *(reading for reading in style.READINGS if reading != first)]
    for reading, shift in zip(readings, READING_PLACES, strict=True):
        own = _in_turn(ratios, names, "reading", reading)
        look = {"marker": style.READING_MARKERS[reading], "label": style.READINGS[reading]}
        filled = style.COLOURS["preserve"] if reading == first else "white"
        look |= {"color": "black", "markerfacecolor": filled, "linestyle": "none"}
        _seeds(panel, places + shift, own, "black")
        drawing.points(panel, places + shift, own, **look)
        if reading == first:
            for place, number in zip(places + shift, own["number"], strict=True):
                panel.text(place, 0.02, f"{number:.0%}", ha="center", fontsize=6.5)
    for reading, shift in zip(readings, READING_PLACES, strict=True):
        own = _in_turn(ratios, names, "reading", reading)
        _references(panel, places + shift, own, named=reading == first)
    panel.margins(y=0.1)
    panel.set_ylim(bottom=0)
    panel.set_ylabel("preserved knowledge\nthat scratch reaches")


def _accuracies(panel: Axes, accuracies: pd.DataFrame, names: list[str]) -> None:
    places = np.arange(len(names), dtype=np.float64)
    for variant, shift in zip(style.VARIANTS, VARIANT_PLACES, strict=True):
        own = _in_turn(accuracies, names, "variant", variant)
        _seeds(panel, places + shift, own, style.COLOURS[variant])
        drawing.points(panel, places + shift, own, variant, linestyle="none")
    panel.set_ylim(None, 1.02)
    panel.set_ylabel("test accuracy")


def _references(panel: Axes, x: NDArray[np.float64], own: pd.DataFrame, *, named: bool) -> None:
    """Chance level and second run of each number; in the legend where they are `named`."""
    look: drawing.Look = {"color": style.NULL, "linewidth": 1.8, "zorder": 1}
    label = "chance level of each" if named else ""
    panel.hlines(own["chance"], x - 0.085, x + 0.085, label=label, **look)
    if own["second_run"].notna().any():
        look = {"color": style.COLOURS["finetune"], "markersize": 4, "zorder": 4}
        label = "second fine-tuned run" if named else ""
        # Beside the dot, which it may equal.
        panel.plot(x + 0.06, own["second_run"], "x", label=label, **look)


def _seeds(panel: Axes, x: NDArray[np.float64], own: pd.DataFrame, colour: str) -> None:
    """From the least to the most that seeds give, where there are several."""
    several = SEEDS if colour == "black" else ""
    panel.vlines(x, own["least"], own["most"], color=colour, linewidth=2.4, label=several)
