"""Fig. 3: the share of the preserved knowledge that training from scratch reaches (eq. 8).

Above, the ratio under every reading of 0/0 with its interval; the grey line is the chance level,
where scratch's interactions are permuted among the sets of their order, the cross a second
fine-tuned run. Below, the test accuracy of the three models.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One bar an experiment for the reading that is configured, marks for the other readings."""
    ratios = drawing.pick(tables, "ratio", order="all")
    accuracies = drawing.pick(tables, "accuracy")
    width = max(4.8, 0.9 * len(settings.experiments) + 1.4)
    figure, (above, below) = plt.subplots(
        2, figsize=(width, 4.4), sharex=True, height_ratios=[3, 2]
    )
    _ratios(above, ratios, settings)
    places = np.arange(len(settings.experiments))
    for variant, offset in zip(style.VARIANTS, (-0.2, 0.0, 0.2), strict=True):
        own = _in_turn(accuracies[accuracies["variant"] == variant], settings)
        drawing.points(below, places + offset, own, variant, linestyle="none")
    below.yaxis.set_major_formatter(drawing.percent)
    below.set_ylabel("test accuracy")
    below.set_xticks(places, drawing.names_with_n(ratios, settings))
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    drawing.legend_below(figure, below)
    return figure, pd.concat([ratios, accuracies], ignore_index=True)


def _in_turn(own: pd.DataFrame, settings: FigureSettings) -> pd.DataFrame:
    """Rows, one an experiment, in the suite's order."""
    return own.set_index("experiment").reindex(settings.experiments)


def _ratios(axes: Axes, ratios: pd.DataFrame, settings: FigureSettings) -> None:
    drawn = settings.figures.ratio_reading
    places = np.arange(len(settings.experiments))
    own = _in_turn(ratios[ratios["reading"] == drawn], settings)
    axes.bar(
        places,
        own["number"],
        yerr=drawing.whiskers(own),
        error_kw={"linewidth": 0.8},
        width=0.7,
        color=style.COLOURS["preserve"],
        label=f"{style.READINGS[drawn]} (bar)",
    )
    for place, number in enumerate(own["number"]):
        axes.text(place, 0.02, f"{number:.0%}", ha="center", fontsize=7.5)
    axes.hlines(
        own["chance"],
        places - 0.42,
        places + 0.42,
        color=style.NULL,
        linewidth=1.5,
        label="chance level of the bar",
    )
    if own["second_run"].notna().any():
        label = "second fine-tuned run"
        axes.plot(places + 0.42, own["second_run"], "x", color="black", markersize=4, label=label)
    others = [reading for reading in style.READINGS if reading != drawn]
    for reading, offset in zip(others, (-0.2, 0.0, 0.2), strict=True):
        drawing.points(
            axes,
            places + offset,
            _in_turn(ratios[ratios["reading"] == reading], settings),
            linestyle="none",
            marker=style.READING_MARKERS[reading],
            color="black",
            markerfacecolor="white",
            label=style.READINGS[reading],
        )
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(drawing.percent)
    axes.set_ylabel("ratio of preserved knowledge\nthat scratch reaches")
