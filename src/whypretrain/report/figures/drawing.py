"""What all figures do alike: choose rows of the summary, lay out panels, draw bars and lines.

Every number with its interval comes from summary.csv; figures compute none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from whypretrain.report import style
from whypretrain.settings.report import FigureSettings

MOST_COLUMNS = 4
LEGEND_WIDTH = 5.0  # inches that the longest legend needs

Tables = Mapping[str, pd.DataFrame]
"""`summary` of all experiments, their rows one below the other; tables of the suite by name."""
Panels = dict[str, list[Axes]]
"""By experiment its panels, from the top."""


def pick(tables: Tables, *quantities: str, **keys: str) -> pd.DataFrame:
    """Rows of the summary of some quantities whose other key columns have the values given."""
    found = tables["summary"]
    found = found[found["quantity"].isin(quantities)]
    for column, value in keys.items():
        found = found[found[column] == value]
    return found.reset_index(drop=True)


def by_order(tables: Tables, *quantities: str) -> pd.DataFrame:
    """Rows of the summary of single orders, the empty set's left out; `order` becomes a number."""
    found = pick(tables, *quantities)
    found = found[found["order"].str.isdigit() & (found["order"] != "0")]
    return found.astype({"order": int}).reset_index(drop=True)


def panels(
    settings: FigureSettings, numbers: pd.DataFrame, *, rows: int = 1, share_y: bool = False
) -> tuple[Figure, Panels]:
    """A grid with `rows` panels an experiment, one above the other.

    The uppermost is titled with the experiment's name and column `n` of its numbers.
    """
    names = settings.experiments
    n_columns = min(len(names), MOST_COLUMNS)
    n_bands = -(-len(names) // n_columns)
    width, height = style.PANEL
    figure, grid = plt.subplots(
        n_bands * rows,
        n_columns,
        figsize=(max(width * n_columns, LEGEND_WIDTH), height * n_bands * rows + 0.35),
        squeeze=False,
        sharey="row" if share_y else False,
    )
    chosen: Panels = {}
    for position in range(n_bands * n_columns):
        band, column = divmod(position, n_columns)
        stacked = [grid[band * rows + row][column] for row in range(rows)]
        if position < len(names):
            name = names[position]
            stacked[0].set_title(f"{settings.titles[position]}, {_counted(numbers, name)}")
            chosen[name] = stacked
        else:
            for panel in stacked:
                panel.set_visible(False)
    return figure, chosen


def label_left(axes: Panels, *labels: str) -> None:
    """Label the y axes of the panels in the first column, from the top."""
    for stacked in list(axes.values())[::MOST_COLUMNS]:
        for panel, label in zip(stacked, labels, strict=True):
            panel.set_ylabel(label)


def names_with_n(numbers: pd.DataFrame, settings: FigureSettings) -> list[str]:
    """Ticks of an axis with a place an experiment: its name and, in a line below, its samples.

    Parameters
    ----------
    numbers : with columns `experiment` and `n`
    """
    return [
        "\n".join([*title.split(" · "), _counted(numbers, name)])
        for name, title in zip(settings.experiments, settings.titles, strict=True)
    ]


def _counted(numbers: pd.DataFrame, experiment: str) -> str:
    counts = numbers.loc[numbers["experiment"] == experiment, "n"].dropna().astype(int)
    counts = counts[counts > 0]
    if counts.empty:
        return "n = 0"
    least, most = counts.min(), counts.max()
    return f"n = {least}" if least == most else f"n = {least}–{most}"


def whiskers(numbers: pd.DataFrame) -> NDArray[np.float64]:
    """How far the interval reaches below and above the number: shape (2, n_rows), >= 0."""
    reach = [numbers["number"] - numbers["low"], numbers["high"] - numbers["number"]]
    # A bound equal to the number may lie beyond it by rounding.
    return np.maximum(np.stack(reach).astype(float), 0.0)


def points(panel: Axes, x: ArrayLike, own: pd.DataFrame, variant: str = "", **look: Any) -> None:
    """Numbers with their intervals over the places `x`, in a variant's look where one is named."""
    if variant:
        look = variant_look(variant) | look
    options = {"markersize": 4, "linewidth": 0.8} | look
    panel.errorbar(x, own["number"], yerr=whiskers(own), **options)


def variant_look(variant: str) -> dict[str, Any]:
    """Colour, dashes, marker and label of a variant's line."""
    return {
        "color": style.COLOURS[variant],
        "linestyle": style.DASHES[variant],
        "marker": style.MARKERS[variant],
        "label": style.LABELS[variant],
    }


def line_with_band(panel: Axes, own: pd.DataFrame, x: ArrayLike, variant: str, **look: Any) -> None:
    """A variant's numbers along `x`, with the band of their intervals."""
    colour = style.COLOURS[variant]
    panel.fill_between(x, own["low"], own["high"], color=colour, alpha=0.2, linewidth=0)
    panel.plot(
        x, own["number"], **variant_look(variant) | {"markersize": 3, "linewidth": 1.2} | look
    )


def bars(
    panel: Axes, places: ArrayLike, own: pd.DataFrame, *, sideways: bool, size: float, **look: Any
) -> None:
    """Bars of numbers with their intervals, from 0 up, or sideways."""
    options = look | {"edgecolor": "white", "linewidth": 0.4}
    if sideways:
        panel.barh(places, own["number"], height=size, **options)
    else:
        panel.bar(places, own["number"], width=size, **options)
    strokes(panel, places, own, sideways=sideways)


def strokes(panel: Axes, places: ArrayLike, own: pd.DataFrame, *, sideways: bool) -> None:
    """Thin black intervals, as they stand on bars."""
    look: dict[str, Any] = {"fmt": "none", "ecolor": "black", "elinewidth": 0.7, "capsize": 1.2}
    if sideways:
        panel.errorbar(own["number"], places, xerr=whiskers(own), **look)
    else:
        panel.errorbar(places, own["number"], yerr=whiskers(own), **look)


def two_sided(panel: Axes, orders: Iterable[int]) -> None:
    """An axis of orders whose bars go to both sides of 0, counted upwards on either."""
    panel.axvline(0, color="black", linewidth=0.6)
    panel.use_sticky_edges = False  # leave room beyond the longest bar
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    panel.set_yticks(sorted(orders))
    panel.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


def percent(value: float, _: object = None) -> str:
    """Formatter of an axis of shares."""
    return f"{value:.0%}"


def legend_below(figure: Figure, *axes: Axes, ncols: int = 0) -> None:
    """One legend for the whole figure, under it, from the handles of some panels, each once."""
    found: dict[str, Any] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    handles, labels = list(found.values()), list(found)
    figure.legend(handles, labels, loc="outside lower center", ncols=ncols or len(found))
