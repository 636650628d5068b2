"""How many interactions can be removed before v(N) changes its sign.

Only samples with v(N) > 0 and v(∅) <= 0 are shown: those that the interactions decide rightly.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

SHARE, RANDOM, CHANGED = "prunable_share", "random_share", "changed"


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Share removable without a change above; below, samples changed by removing the strongest."""
    numbers = drawing.pick(tables, SHARE, RANDOM, CHANGED)
    figure, axes = drawing.panels(settings, numbers, rows=2)
    for name, (above, below) in axes.items():
        own = numbers[numbers["experiment"] == name]
        _shares(above, own)
        _changed(below, own[own["quantity"] == CHANGED].astype({"level": int}))
        for panel in (above, below):
            panel.set_ylim(0, 1.02)
            panel.yaxis.set_major_formatter(drawing.percent)
    drawing.label_left(axes, "interactions removable,\nweakest first", "samples changed")
    above, below = next(iter(axes.values()))
    drawing.legend_below(figure, below, above, ncols=2)
    return figure, numbers


def _shares(panel: Axes, own: pd.DataFrame) -> None:
    places = np.arange(len(style.VARIANTS))
    shares, random = (
        own[own["quantity"] == quantity].set_index("variant").reindex(list(style.VARIANTS))
        for quantity in (SHARE, RANDOM)
    )
    colours = [style.COLOURS[variant] for variant in style.VARIANTS]
    drawing.bars(panel, places - 0.15, shares, sideways=False, size=0.5, color=colours)
    look = {"color": style.NULL, "label": "in random sequence"}
    drawing.bars(panel, places + 0.25, random, sideways=False, size=0.3, **look)
    sizes = shares["n"].fillna(0).astype(int)
    panel.set_xticks(places, [f"{style.SHORT[one]}\n({sizes[one]})" for one in style.VARIANTS])
    panel.set_xlabel("model (samples)")
    panel.tick_params(axis="x", length=0)


def _changed(panel: Axes, own: pd.DataFrame) -> None:
    for variant in style.VARIANTS:
        line = own[own["variant"] == variant].sort_values("level")
        drawing.line_with_band(panel, line, line["level"], variant)
    panel.set_xscale("log")
    panel.set_xlim(0.8, 1.25 * max(own["level"], default=10))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.minorticks_off()
    counts = sorted(own["level"].unique())
    if counts and counts[-1] < 10:  # else powers of ten are labelled
        panel.set_xticks(counts)
    panel.set_xlabel("strongest interactions removed")
