"""How results depend on each choice: every experiment of a suite beside the one it varies.

Grey ticks are chance levels.
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

PANELS = {
    "transfer": "agreement with the probe,\nfine-tuned − from scratch",
    "discard_over_preserve": "discarded ÷ preserved\nstrength",
    "ratio": "preserved knowledge\nthat scratch reaches [%]",
    "accuracy_gain": "test accuracy, fine-tuned\n− from scratch [points]",
    "earlier": "area between Jaccard curves,\nfine-tuned − from scratch",
}
"""By quantity of the summary the label of its panel."""
DRAWN = {
    "transfer": {"order": "1-2"},
    "discard_over_preserve": {"reading": "orders"},
    "ratio": {"order": "all"},
    "earlier": {"reading": "epoch"},
}
"""Which rows of a quantity are drawn, where it has several; of the ratio every reading."""
IN_PERCENT = ("ratio", "accuracy_gain")
SIGNED = ("transfer", "accuracy_gain", "earlier")
COLUMNS = [
    *("experiment", "base", "factor", "variation", "quantity", "order", "reading"),
    *("number", "low", "high", "chance", "n", "n_seeds"),
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
    """Rows of the summary that the figure shows, in the suite's order.

    Besides its columns: `base` (empty for a base), `factor`, `variation` (the factor's level).
    """
    rows = [drawing.pick(tables, quantity, **DRAWN.get(quantity, {})) for quantity in PANELS]
    numbers = pd.concat(rows)
    numbers = pd.concat([numbers[numbers["experiment"] == name] for name in settings.experiments])
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
    varied = {name: settings.varied[name] for name in titles if name in settings.varied}
    found: list[Line] = []
    for base in dict.fromkeys(varied[name].base if name in varied else name for name in titles):
        if base in titles:
            found.append(Line(titles[base], base, base))
        headed: dict[str, list[Line]] = {}
        for name, one in varied.items():
            if one.base == base:
                line = Line(" · ".join(one.levels.values()), base, name)
                headed.setdefault(" · ".join(one.levels), []).append(line)
        for factor, lines in headed.items():
            found += [Line(factor, base), *lines]
    return found


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """One line an experiment and one panel a quantity; the base is drawn through its variations."""
    numbers = numbers_of(tables, settings)
    lines = lines_of(settings)
    drawn = settings.figures.ratio_reading
    size = LABEL_WIDTH + PANEL_WIDTH * len(PANELS), LINE_HEIGHT * len(lines) + 1.2
    figure, axes = plt.subplots(ncols=len(PANELS), sharey=True, figsize=size)
    for panel, (quantity, label) in zip(axes, PANELS.items(), strict=True):
        own = numbers[numbers["quantity"] == quantity].set_index("experiment")
        if quantity == "ratio":
            for reading in style.READINGS:
                if reading != drawn:
                    _marks(panel, lines, own[own["reading"] == reading], reading)
            own = own[own["reading"] == drawn]
        _intervals(panel, lines, own)
        panel.set_xlabel(label)
        panel.tick_params(axis="y", length=0)
        if quantity in SIGNED:
            panel.axvline(0, color="black", linewidth=0.6, linestyle=":", zorder=0)
        else:
            panel.set_xlim(left=0)
        if quantity in IN_PERCENT:
            panel.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    axes[0].set_yticks(range(len(lines)), [line.label for line in lines])
    axes[0].set_ylim(len(lines) - 0.4, -0.6)
    for line, tick in zip(lines, axes[0].get_yticklabels(), strict=True):
        if line.experiment in {"", line.base}:
            tick.set_fontweight("bold")
    of_ratio = axes[list(PANELS).index("ratio")]
    handles, labels = of_ratio.get_legend_handles_labels()
    title = f"ratio: {style.READINGS[drawn]} (black), and"
    figure.legend(handles, labels, title=title, loc="outside lower center", ncols=3)
    return figure, numbers


def _intervals(panel: Axes, lines: list[Line], own: pd.DataFrame) -> None:
    """A mark and an interval a line; those of a base are drawn through all lines of its own."""
    for row, line in enumerate(lines):
        if not line.experiment:
            continue
        one = own.loc[line.experiment]
        if line.experiment == line.base:
            rows = [place for place, other in enumerate(lines) if other.base == line.base]
            block = (rows[0] - 0.5, rows[-1] + 0.5)
            panel.fill_betweenx(block, one["low"], one["high"], color="0.9", linewidth=0, zorder=-1)
            panel.plot([one["number"]] * 2, block, color="0.55", linewidth=0.8, zorder=0)
        marker = "s" if line.experiment == line.base else "o"
        panel.hlines(row, one["low"], one["high"], color="black", linewidth=1)
        panel.plot(one["number"], row, marker, color="black", markersize=3.5)
        panel.vlines(one["chance"], row - 0.4, row + 0.4, color=style.NULL, linewidth=1.2)


def _marks(panel: Axes, lines: list[Line], own: pd.DataFrame, reading: str) -> None:
    """What another reading of 0/0 makes of the ratio."""
    rows = [row for row, line in enumerate(lines) if line.experiment]
    panel.plot(
        own["number"].loc[[lines[row].experiment for row in rows]],
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
