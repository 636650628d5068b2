"""How results depend on choices.

Every experiment of a suite stands beside the one it varies. Grey ticks are chance levels.
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

PANELS = {
    "transfer": "agreement with\nthe probe, fine-tuned\n− from scratch",
    "discard_over_preserve": "discarded ÷\npreserved strength",
    "ratio": "preserved know-\nledge that scratch\nreaches [%]",
    "accuracy_gain": "test accuracy,\nfine-tuned − from\nscratch [points]",
    "earlier": "area between\nJaccard curves, fine-\ntuned − from scratch",
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
PANEL_WIDTH, LINE_HEIGHT, CHARACTER = 1.05, 0.14, 0.058  # inches
WORDS = {
    "n6": "6 players",
    "n8": "8 players",
    "cells7": "7×7 cells",
    "cells8": "8×8 cells",
    "probe.l2": "L2 penalty of the probe",
    "sampling.per_class": "samples a class",
    "sampling.seed": "seed of the samples",
    "sampling.background": "background",
    "batch_norm": "batch normalisation",
    "finetune_rate": "rate of fine-tuning",
}
"""What this project's suites call their factors and levels; others are told by their last name."""
BASE = "interval of the base"
CHANCE: drawing.Look = {"color": style.NULL, "linewidth": 1.2, "label": "chance level"}


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


def words(key: str) -> str:
    """A factor or level in words.

    >>> words("learning_rate"), words("finetune.override.epochs"), words("0.003")
    ('learning rate', 'epochs', '0.003')
    """
    if key in WORDS:
        return WORDS[key]
    last = key if key.replace(".", "").isdigit() else key.rsplit(".", 1)[-1]
    return last.replace("_", " ")


def lines_of(settings: FigureSettings) -> list[Line]:
    """The lines of the figure: each base, and below it what is varied, factor by factor."""
    titles = dict(zip(settings.experiments, settings.titles, strict=True))
    varied = {name: settings.varied[name] for name in titles if name in settings.varied}
    found: list[Line] = []
    for base in dict.fromkeys(varied[name].base if name in varied else name for name in titles):
        if base in titles:
            name, *marks = titles[base].split("\n")
            found.append(Line(name + (" †" if marks else ""), base, base))
        headed: dict[str, list[Line]] = {}
        for name, one in varied.items():
            if one.base == base:
                line = Line(" · ".join(map(words, one.levels.values())), base, name)
                headed.setdefault(" · ".join(map(words, one.levels)), []).append(line)
        for factor, lines in headed.items():
            found += [Line(factor, base), *lines]
    return found


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """One line an experiment and one panel a quantity; the base is drawn through its variations."""
    numbers = numbers_of(tables, settings)
    lines = lines_of(settings)
    drawn = settings.figures.ratio_reading
    width = settings.figures.width
    beside = CHARACTER * max(len(line.label) for line in lines) + 0.1
    n_columns = drawing.columns(len(PANELS), width - beside, PANEL_WIDTH)
    n_rows = -(-len(PANELS) // n_columns)
    size = width, (LINE_HEIGHT * len(lines) + 0.75) * n_rows
    figure, grid = plt.subplots(n_rows, n_columns, sharey=True, figsize=size, squeeze=False)
    for panel in grid.flat[len(PANELS) :]:
        panel.set_visible(False)
    axes = list(grid.flat[: len(PANELS)])
    axes[0].set_ylim(len(lines) - 0.4, -0.6)
    axes[0].set_yticks(range(len(lines)), [line.label for line in lines])
    for panel, (quantity, label) in zip(axes, PANELS.items(), strict=True):
        own = numbers[numbers["quantity"] == quantity].set_index("experiment")
        if quantity == "ratio":
            for reading in style.READINGS:
                if reading != drawn:
                    _marks(panel, lines, own[own["reading"] == reading], reading)
            own = own[own["reading"] == drawn]
        _intervals(panel, lines, own)
        panel.set_xlabel(label)
        panel.locator_params(axis="x", nbins=4)
        panel.tick_params(axis="y", length=0)
        if quantity in SIGNED:
            panel.axvline(0, color="black", linewidth=0.6, linestyle=":", zorder=0)
        else:
            panel.set_xlim(left=0)
        if quantity in IN_PERCENT:
            panel.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    for panel in grid[:, 0]:
        for line, tick in zip(lines, panel.get_yticklabels(), strict=True):
            if line.experiment in {"", line.base}:
                tick.set_fontweight("bold")
    of_ratio = axes[list(PANELS).index("ratio")]
    title = f"ratio: {style.READINGS[drawn]} (black), and"
    drawing.legend_below(figure, settings, of_ratio, interval="line", title=title)
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
            look: drawing.Look = {"color": "0.9", "linewidth": 0, "zorder": -1, "label": BASE}
            panel.fill_betweenx(block, one["low"], one["high"], **look)
            panel.plot([one["number"]] * 2, block, color="0.55", linewidth=0.8, zorder=0)
        marker = "s" if line.experiment == line.base else "o"
        panel.hlines(row, one["low"], one["high"], color="black", linewidth=1)
        panel.plot(one["number"], row, marker, color="black", markersize=3.5)
        panel.vlines(one["chance"], row - 0.4, row + 0.4, **CHANCE)


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
