"""How results depend on each choice: every experiment of a suite beside the one it varies.

Grey ticks are chance levels.
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

PANELS = {
    "discard_over_preserve": "discarded ÷ preserved\nstrength",
    "ratio": "preserved knowledge\nthat scratch reaches [%]",
    "accuracy_gain": "test accuracy, fine-tuned\n− from scratch [points]",
    "earlier": "area between Jaccard curves,\nfine-tuned − from scratch",
}
"""By quantity of the summary the label of its panel."""
IN_PERCENT = ("ratio", "accuracy_gain")
SIGNED = ("accuracy_gain", "earlier")
COLUMNS = [
    *("experiment", "base", "factor", "variation", "quantity", "reading"),
    *("number", "low", "high", "chance", "n"),
]
PANEL_WIDTH, LABEL_WIDTH, LINE_HEIGHT = 1.75, 1.5, 0.16  # inches


class Line(NamedTuple):
    """One line of the figure, from the top: an experiment, or the name of a factor above its own.

    `base` is the experiment to compare with.
    """

    label: str
    base: str
    experiment: str = ""


def numbers_of(tables: drawing.Tables, settings: FigureSettings) -> pd.DataFrame:
    """Everything the figure shows, one row an experiment, quantity and reading of 0/0.

    Returns
    -------
    rows of the summary with the columns `base` (empty for a base), `factor` and `variation` (the
    level of that factor)
    """
    numbers = drawing.pick(tables, *PANELS)
    numbers = numbers[(numbers["quantity"] != "ratio") | (numbers["order"] == "all")]
    place = {name: place for place, name in enumerate(settings.experiments)}
    numbers = numbers[numbers["experiment"].isin(place)].sort_values(
        "experiment", key=lambda names: names.map(place), kind="stable"
    )
    varied = [settings.varied.get(name) for name in numbers["experiment"]]
    levels = [one.levels if one else {} for one in varied]
    return numbers.assign(
        base=[one.base if one else "" for one in varied],
        factor=[" · ".join(own) for own in levels],
        variation=[" · ".join(own.values()) for own in levels],
    )[COLUMNS].reset_index(drop=True)


def lines_of(settings: FigureSettings) -> list[Line]:
    """The lines of the figure: each base, and below it what is varied, factor by factor."""
    titles = dict(zip(settings.experiments, settings.titles, strict=True))
    found: list[Line] = []
    bases = [
        settings.varied[name].base if name in settings.varied else name
        for name in settings.experiments
    ]
    for base in dict.fromkeys(bases):
        if base in titles:
            found.append(Line(titles[base], base, base))
        headed: dict[str, list[Line]] = {}
        for name in settings.experiments:
            varied = settings.varied.get(name)
            if varied and varied.base == base:
                line = Line(" · ".join(varied.levels.values()), base, name)
                headed.setdefault(" · ".join(varied.levels), []).append(line)
        for factor, lines in headed.items():
            found += [Line(factor, base), *lines]
    return found


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One line an experiment and one panel a quantity; the base is drawn through its variations."""
    numbers = numbers_of(tables, settings)
    lines = lines_of(settings)
    drawn = settings.figures.ratio_reading
    figure, axes = plt.subplots(
        ncols=len(PANELS),
        sharey=True,
        squeeze=False,
        figsize=(
            LABEL_WIDTH + PANEL_WIDTH * len(PANELS),
            LINE_HEIGHT * len(lines) + 1.2,
        ),
    )
    for panel, (quantity, label) in zip(axes[0], PANELS.items(), strict=True):
        own = numbers[numbers["quantity"] == quantity]
        if quantity == "ratio":
            for reading in style.READINGS:
                if reading != drawn:
                    _marks(panel, lines, own[own["reading"] == reading], reading)
            own = own[own["reading"] == drawn]
        _intervals(panel, lines, own)
        panel.set_xlabel(label)
        if quantity in SIGNED:
            panel.axvline(0, color="black", linewidth=0.6, linestyle=":", zorder=0)
        else:
            panel.set_xlim(left=0)
        if quantity in IN_PERCENT:
            panel.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    first = axes[0][0]
    first.set_yticks(range(len(lines)), [line.label for line in lines])
    first.set_ylim(len(lines) - 0.4, -0.6)
    for line, tick in zip(lines, first.get_yticklabels(), strict=True):
        if line.experiment in {"", line.base}:
            tick.set_fontweight("bold")
    for panel in axes[0]:
        panel.tick_params(axis="y", length=0)
    figure.legend(
        *axes[0][1].get_legend_handles_labels(),
        title=f"ratio: {style.READINGS[drawn]} (black), and",
        loc="outside lower center",
        ncols=3,
    )
    return figure, numbers


def _intervals(panel: Axes, lines: list[Line], own: pd.DataFrame) -> None:
    """A mark and an interval a line; those of a base are drawn through all lines of its own."""
    found = own.set_index("experiment")
    for base in dict.fromkeys(line.base for line in lines if line.base == line.experiment):
        rows = [row for row, line in enumerate(lines) if line.base == base]
        block = (rows[0] - 0.5, rows[-1] + 0.5)
        reference = found.loc[base]
        panel.fill_betweenx(
            block, reference["low"], reference["high"], color="0.9", linewidth=0, zorder=-1
        )
        panel.plot([reference["number"]] * 2, block, color="0.55", linewidth=0.8, zorder=0)
    for row, line in enumerate(lines):
        if line.experiment:
            one = found.loc[line.experiment]
            marker = "s" if line.experiment == line.base else "o"
            panel.hlines(row, one["low"], one["high"], color="black", linewidth=1)
            panel.plot(one["number"], row, marker, color="black", markersize=3.5)
            panel.vlines(one["chance"], row - 0.4, row + 0.4, color=style.NULL, linewidth=1.2)


def _marks(panel: Axes, lines: list[Line], own: pd.DataFrame, reading: str) -> None:
    """What another reading of 0/0 makes of the ratio."""
    values = own.set_index("experiment")["number"]
    rows = [row for row, line in enumerate(lines) if line.experiment]
    panel.plot(
        [values[lines[row].experiment] for row in rows],
        rows,
        linestyle="none",
        marker=style.READING_MARKERS[reading],
        markersize=2.5,
        color=style.COLOURS["finetune"],
        markerfacecolor="white",
        markeredgewidth=0.6,
        zorder=3,
        label=style.READINGS[reading],
    )
