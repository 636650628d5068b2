"""How many interactions can be removed before v(N) changes its sign.

Only samples with v(N) > 0 and v(∅) <= 0 are shown: those that the interactions decide rightly.
"""

import numpy as np

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

SHARE, RANDOM, CHANGED = "prunable_share", "random_share", "changed"
LABELS = ("interactions removable,\nweakest first", "samples changed")


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Share removable without a change above; below, samples changed by removing the strongest."""
    numbers = drawing.pick(tables, SHARE, RANDOM, CHANGED)
    figure, panels = drawing.panels(settings, numbers, *LABELS)
    places = np.arange(len(style.VARIANTS))
    colours = [style.COLOURS[variant] for variant in style.VARIANTS]
    for own, (above, below) in panels:
        shares, random = (
            own[own["quantity"] == quantity].set_index("variant").reindex(list(style.VARIANTS))
            for quantity in (SHARE, RANDOM)
        )
        drawing.bars(above, places - 0.15, shares, sideways=False, size=0.5, color=colours)
        look = {"color": style.NULL, "label": "in random sequence"}
        drawing.bars(above, places + 0.25, random, sideways=False, size=0.3, **look)
        sizes = shares["n"].fillna(0).astype(int)
        above.set_xticks(places, [f"{style.SHORT[one]}\n({sizes[one]})" for one in style.VARIANTS])
        above.set_xlabel("model (samples)")
        above.tick_params(axis="x", length=0)
        changed = own[own["quantity"] == CHANGED].astype({"level": int}).sort_values("level")
        for variant in style.VARIANTS:
            drawing.line(below, changed[changed["variant"] == variant], "level", variant)
        below.set_xscale("log")
        counts = changed["level"].unique()
        below.set_xlim(0.8, 1.25 * max(counts, default=10))
        below.xaxis.set_major_formatter("{x:g}")
        below.minorticks_off()
        if len(counts) > 0 and counts[-1] < 10:  # else powers of ten are labelled
            below.set_xticks(counts)
        below.set_xlabel("strongest interactions removed")
        for panel in (above, below):
            panel.set_ylim(0, 1.02)
            panel.yaxis.set_major_formatter(drawing.PERCENT)
    above, below = panels[0][1]
    drawing.legend_below(figure, below, above, ncols=2)
    return figure, numbers
