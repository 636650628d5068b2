"""Interactions that can be removed.

How many can be removed before v(N) changes its sign. Only samples with v(N) > 0 and v(∅) <= 0 are
shown: those that the interactions decide rightly.
"""

import numpy as np

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

SHARE, RANDOM, CHANGED = "prunable_share", "random_share", "changed"
SHIFTS = (0.93, 1.0, 1.075)  # of places on a logarithmic axis, so that whiskers stay apart
LABELS = ("interactions removable,\nweakest first", "samples changed")


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Share removable without a change above; below, samples changed by removing the strongest."""
    numbers = drawing.pick(tables, SHARE, RANDOM, CHANGED)
    figure, panels = drawing.panels(settings, numbers, *LABELS)
    places = np.arange(len(style.VARIANTS))
    colours = [style.COLOURS[variant] for variant in style.VARIANTS]
    for of_experiment, (above, below) in panels:
        shares, random = (
            of_experiment[of_experiment["quantity"] == quantity]
            .set_index("variant")
            .reindex(list(style.VARIANTS))
            for quantity in (SHARE, RANDOM)
        )
        drawing.bars(above, places - 0.15, shares, sideways=False, size=0.5, color=colours)
        look = {"color": style.NULL, "label": "in random sequence"}
        drawing.bars(above, places + 0.25, random, sideways=False, size=0.3, **look)
        sizes = shares["n"].fillna(0).astype(int)
        words = [style.SHORT[one].replace("-", "-\n") for one in style.VARIANTS]
        sizes_told = [f"({sizes[one]})" for one in style.VARIANTS]
        above.set_xticks(places, map("\n".join, zip(words, sizes_told, strict=True)))
        above.tick_params(axis="x", length=0)
        changed = of_experiment[of_experiment["quantity"] == CHANGED]
        changed = changed.astype({"level": int}).sort_values("level")
        for variant, shift in zip(style.VARIANTS, SHIFTS, strict=True):
            own = changed[changed["variant"] == variant]
            thin: drawing.Look = {"markersize": 3, "linewidth": 1.0, "elinewidth": 0.7}
            drawing.points(below, own["level"] * shift, own, variant, **thin)
        below.set_xscale("log")
        counts = changed["level"].unique()
        below.set_xlim(0.8, 1.25 * max(counts, default=10))
        below.xaxis.set_major_formatter("{x:g}")
        below.minorticks_off()
        if len(counts) > 0 and counts[-1] < 10:  # else powers of ten are labelled
            below.set_xticks(counts)
        below.set_xlabel("strongest sets removed")
        for panel in (above, below):
            panel.set_ylim(0, 1.02)
            panel.yaxis.set_major_formatter(drawing.PERCENT)
    above, below = panels[0][1]
    drawing.legend_below(figure, settings, below, above, interval="line")
    return figure, numbers
