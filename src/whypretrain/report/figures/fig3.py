"""Fig. 3: the share of the preserved knowledge that training from scratch reaches (eq. 8).

Above, the ratio under every reading of 0/0, the configured one filled, with its interval, its own
chance level (grey), where scratch's interactions are permuted among the sets of their order, and
what a second fine-tuned run reaches (cross). Below, the test accuracy of the three models. The
thick part of a line reaches from the least to the most that seeds give.
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
WIDTH = 1.15  # inches of an experiment


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """A dot a reading and experiment; below, one a variant."""
    ratios = drawing.pick(tables, "ratio", order="all")
    accuracies = drawing.pick(tables, "accuracy")
    width = max(5.4, WIDTH * len(settings.experiments) + 1.4)
    figure, (above, below) = plt.subplots(
        2, figsize=(width, 5.2), sharex=True, height_ratios=[3, 2]
    )
    places = np.arange(len(settings.experiments), dtype=np.float64)

    def in_turn(rows: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
        own = rows[rows[column] == value].set_index("experiment")
        return own.reindex(settings.experiments)

    first = settings.figures.ratio_reading
    readings = [first, *(reading for reading in style.READINGS if reading != first)]
    for reading, shift in zip(readings, READING_PLACES, strict=True):
        own = in_turn(ratios, "reading", reading)
        look = {"marker": style.READING_MARKERS[reading], "label": style.READINGS[reading]}
        filled = style.COLOURS["preserve"] if reading == first else "white"
        look |= {"color": "black", "markerfacecolor": filled, "linestyle": "none"}
        _seeds(above, places + shift, own, "black")
        drawing.points(above, places + shift, own, **look)
        if reading == first:
            for place, number in zip(places + shift, own["number"], strict=True):
                above.text(place, 0.02, f"{number:.0%}", ha="center", fontsize=7.5)
    for reading, shift in zip(readings, READING_PLACES, strict=True):
        own = in_turn(ratios, "reading", reading)
        _references(above, places + shift, own, named=reading == first)
    above.set_ylim(bottom=0)
    above.set(ylabel="ratio of preserved knowledge\nthat scratch reaches")
    for variant, shift in zip(style.VARIANTS, VARIANT_PLACES, strict=True):
        own = in_turn(accuracies, "variant", variant)
        _seeds(below, places + shift, own, style.COLOURS[variant])
        drawing.points(below, places + shift, own, variant, linestyle="none")
    for panel in (above, below):
        panel.yaxis.set_major_formatter(drawing.PERCENT)
        for border in places[1:] - 0.5:
            panel.axvline(border, color="0.85", linewidth=0.6, zorder=0)
    below.set(ylim=(None, 1.02), ylabel="test accuracy", xlim=(-0.5, len(places) - 0.5))
    below.set_xticks(places, drawing.names_with_n(ratios, settings))
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    drawing.legend_below(figure, below)
    return figure, pd.concat([ratios, accuracies], ignore_index=True)


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
    panel.vlines(x, own["least"], own["most"], color=colour, linewidth=2.4)
