"""What all figures do alike: choose rows of the summary, lay out panels, draw bars and lines.

Every number with its interval comes from summary.csv; figures compute none.
"""

from collections.abc import Mapping, Sequence
from textwrap import fill, wrap
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from whypretrain.report import style
from whypretrain.settings.report import FigureSettings

CHARACTER = 0.06  # inches, the mean width of one in a title
BAR = 0.75  # height of a bar, in orders
PERCENT = "{x:.0%}"  # format of an axis of shares

Tables = Mapping[str, pd.DataFrame]
"""`summary` of all experiments, their rows one below the other; tables of the suite by name."""
Drawn = tuple[Figure, pd.DataFrame]
"""A figure, and the numbers that it shows."""
Look = dict[str, Any]
"""Colour, line width, label and the like, as matplotlib's functions take them."""
EDGE: Look = {"edgecolor": "white", "linewidth": 0.4}  # of bars


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
    settings: FigureSettings,
    numbers: pd.DataFrame,
    *labels: str,
    share_y: bool = False,
    heights: Sequence[float] = (),
    narrowest: float = style.NARROWEST,
    beside: float = 0.0,
) -> tuple[Figure, list[tuple[pd.DataFrame, list[Axes]]]]:
    """A grid with a column of panels an experiment, one panel a label of the y axis.

    The uppermost is titled with the experiment's name and how many samples and seeds its numbers
    rest on. What does not fit beside one another in the width of print wraps into rows of columns.

    Parameters
    ----------
    heights : those of a column's panels in units of the usual one
    narrowest : inches that a column needs at least
    beside : inches that words need beside the first column of a row

    Returns
    -------
    the figure, and for every experiment its rows of `numbers` and its panels, from the top
    """
    n_panels, n_experiments = len(labels), len(settings.experiments)
    n_columns = columns(n_experiments, settings.figures.width - beside, narrowest)
    n_bands = -(-n_experiments // n_columns)
    width = min(settings.figures.width, beside + style.WIDEST * n_columns)
    ratios = [*(heights or [1.0] * n_panels)] * n_bands
    figure, grid = plt.subplots(
        n_bands * n_panels,
        n_columns,
        figsize=(width, style.HEIGHT * sum(ratios) + 0.35 * n_bands),
        height_ratios=ratios,
        squeeze=False,
        sharey="row" if share_y else False,
    )
    stacks = grid.reshape(n_bands, n_panels, n_columns).swapaxes(1, 2).reshape(-1, n_panels)
    if share_y:  # over all rows of columns, which would else have scales of their own
        for stacked in stacks[n_columns::n_columns]:
            for panel, first in zip(stacked, stacks[0], strict=True):
                panel.sharey(first)
    for panel in stacks[n_experiments:].flat:
        panel.set_visible(False)
    for stacked in stacks[::n_columns]:
        for panel, label in zip(stacked, labels, strict=True):
            panel.set_ylabel(label)
    found = []
    fitting = int(((width - beside) / n_columns - 0.25) / CHARACTER)
    for name, title, stacked in zip(settings.experiments, settings.titles, stacks, strict=False):
        own = numbers[numbers["experiment"] == name]
        lines = [fill(part, fitting) for part in title.split("\n")]
        stacked[0].set_title("\n".join([*lines, _counted(own)]))
        found.append((own, list(stacked)))
    return figure, found


def columns(count: int, width: float, narrowest: float) -> int:
    """How many of `count` stand in a row of `width` inches, with rows of like length.

    >>> columns(7, 7.0, 1.65)
    4
    >>> columns(4, 5.5, 1.65)
    2
    """
    most = max(1, int(width / narrowest))
    return -(-count // -(-count // most))


def is_first(panel: Axes) -> bool:
    """Whether a panel is the first of its row."""
    place = panel.get_subplotspec()
    return place is not None and place.is_first_col()


def names_with_n(numbers: pd.DataFrame, settings: FigureSettings) -> list[str]:
    """Ticks of an axis with a place an experiment: its name and, below, its samples and seeds.

    `numbers` has the columns `experiment`, `n` and `n_seeds`. What a title adds in further lines is
    broken to the width of a place.
    """
    found = []
    for name, title in zip(settings.experiments, settings.titles, strict=True):
        first, *added = title.split("\n")
        lines = [*first.split(" · "), *(part for own in added for part in wrap(own, 16))]
        counted = _counted(numbers[numbers["experiment"] == name])
        found.append("\n".join([*lines, *counted.split(", ")]))
    return found


def counted_lines(numbers: pd.DataFrame, settings: FigureSettings) -> list[str]:
    """A line an experiment: its name, its samples and seeds, and what its title adds."""
    found = []
    for name, title in zip(settings.experiments, settings.titles, strict=True):
        first, *added = title.split("\n")
        counted = _counted(numbers[numbers["experiment"] == name])
        found.append("; ".join([f"{first}: {counted}", *added]))
    return found


def _counted(own: pd.DataFrame) -> str:
    """Samples and seeds that numbers rest on; there is but one probe, whatever the seeds."""
    counted = own[own["n"] > 0]
    if "variant" in counted and (counted["variant"] != "probe").any():
        counted = counted[counted["variant"] != "probe"]
    if "quantity" in counted and (counted["quantity"] != "probe").any():
        counted = counted[counted["quantity"] != "probe"]
    samples, seeds = (_range(counted[column]) for column in ("n", "n_seeds"))
    return f"n = {samples or 0}, {seeds or 0} seed{'' if seeds == '1' else 's'}"


def _range(counts: "pd.Series[float]") -> str:
    return "–".join(map(str, sorted({int(counts.min()), int(counts.max())}))) if len(counts) else ""


def whiskers(numbers: pd.DataFrame) -> NDArray[np.float64]:
    """How far the interval reaches below and above the number: shape (2, n_rows), >= 0."""
    reach = [numbers["number"] - numbers["low"], numbers["high"] - numbers["number"]]
    # A bound equal to the number may lie beyond it by rounding.
    return np.maximum(np.stack(reach).astype(float), 0.0)


def points(panel: Axes, x: ArrayLike, own: pd.DataFrame, variant: str = "", **look: Any) -> None:
    """Numbers with their intervals over the places `x`, in a variant's look where one is named."""
    options = {"markersize": 4, "linewidth": 0.8} | (_look(variant) if variant else {}) | look
    panel.errorbar(x, own["number"], yerr=whiskers(own), **options)


def _look(variant: str) -> Look:
    return {
        "color": style.COLOURS[variant],
        "linestyle": style.DASHES[variant],
        "marker": style.MARKERS[variant],
        "label": style.LABELS[variant],
    }


def line(panel: Axes, own: pd.DataFrame, along: str, variant: str, **look: Any) -> None:
    """A variant's numbers along a column, with the band of their intervals."""
    x, colour = own[along], style.COLOURS[variant]
    panel.fill_between(x, own["low"], own["high"], color=colour, alpha=0.2, linewidth=0)
    panel.plot(x, own["number"], **_look(variant) | {"markersize": 3, "linewidth": 1.2} | look)


def chance_line(panel: Axes, own: pd.DataFrame, along: str, variant: str, **look: Any) -> None:
    """The chance levels of a variant's numbers along a column, in grey."""
    dashes = style.DASHES[variant]
    panel.plot(own[along], own["chance"], color=style.NULL, linestyle=dashes, **look)


def bars(
    panel: Axes, places: ArrayLike, own: pd.DataFrame, *, sideways: bool, size: float, **look: Any
) -> None:
    """Bars of numbers, from 0 up or sideways, with their intervals as thin black lines."""
    draw, thickness, reach = (
        (panel.barh, "height", "xerr") if sideways else (panel.bar, "width", "yerr")
    )
    look |= {"error_kw": {"ecolor": "black", "elinewidth": 0.7, "capsize": 1.2}} | EDGE
    look |= {thickness: size, reach: whiskers(own)}
    draw(places, own["number"], **look)


def chance_ticks(panel: Axes, chance: "pd.Series[float]", label: str) -> None:
    """Grey ticks at the chance level of bars that lie, one an order."""
    ends = chance.index - BAR / 2, chance.index + BAR / 2
    panel.vlines(chance, *ends, color=style.NULL, linewidth=1.2, label=label)


def two_sided(panel: Axes, orders: pd.Index) -> None:
    """An axis of orders whose bars go to both sides of 0, counted upwards on either."""
    panel.vlines(0, min(orders) - 0.6, max(orders) + 0.6, color="black", linewidth=0.6)
    panel.use_sticky_edges = False  # leave room beyond the longest bar
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    panel.set_yticks(sorted(orders))
    panel.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


def matrix(
    panel: Axes, numbers: "pd.Series[float]", names: Sequence[str], *, short: bool = False
) -> None:
    """Numbers of every two of some networks, by the pair, such as `probe-finetune`; 1 is black.

    Parameters
    ----------
    short : write .55 for 0.55, where cells are narrow
    """
    values = np.full((len(names), len(names)), np.nan)
    for row, one in enumerate(names):
        for column, other in enumerate(names):
            for pair in (f"{one}-{other}", f"{other}-{one}"):
                if pair in numbers.index:
                    values[row, column] = numbers[pair]
    panel.imshow(values, cmap="Greys", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
        if short:
            text = text.replace("0.", ".").replace("1.00", "1")
        look: Look = {"ha": "center", "va": "center", "fontsize": style.SMALLEST}
        panel.text(column, row, text, color="white" if value > 0.5 else "black", **look)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def legend_below(
    figure: Figure,
    settings: FigureSettings,
    *axes: Axes,
    interval: Literal["band", "line", "both", ""] = "",
    title: str = "",
) -> None:
    """One legend for the whole figure, under it: each label of the panels once.

    It has as many columns as fit the figure, which grows by the legend's height.

    Parameters
    ----------
    axes : the panels; if not given, the first
    interval : how intervals are drawn, which the legend then tells; empty if there are none
    """
    found: dict[str, Any] = {}
    for panel in axes or figure.axes[:1]:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if interval:
        band = Patch(color="black", alpha=0.2, linewidth=0)
        whisker = Line2D([], [], color="black", linewidth=0.8)
        looks = {"band": band, "line": whisker, "both": (band, whisker)}
        found[f"{settings.statistics.confidence:.0%} interval"] = looks[interval]
    for n_rows in range(1, len(found) + 1):
        legend = figure.legend(
            list(found.values()),
            list(found),
            title=title or None,
            loc="outside lower center",
            ncols=-(-len(found) // n_rows),
            columnspacing=1.2,
            handlelength=2.2,
            borderaxespad=0.2,
        )
        size = legend.get_window_extent()
        if size.width <= figure.bbox.width or n_rows == len(found):
            break
        legend.remove()
    figure.set_figheight(figure.get_figheight() + size.height / figure.dpi)
