"""Accuracy of the final networks against the level of a shift of their inputs.

The numbers also hold the accuracy that each network loses under each shift and, to be set beside
it, the share of the pre-trained strength that fine-tuning preserves.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LEVELS = {
    "noise": "noise, σ as share of black to white",
    "rotation": "rotation [degrees]",
    "masked_words": "share of words masked",
    "none": "unshifted",
}


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """A column of panels an experiment, one a kind of shift; level 0 is the split as it is."""
    drawn = drawing.pick(tables, "robustness_accuracy")
    drawn[["shift", "size"]] = drawn["level"].str.split(n=1, expand=True).reindex(columns=[0, 1])
    drawn = drawn.astype({"size": float}).fillna({"size": 0.0})
    shares = drawing.pick(tables, "preserved_share")
    kinds = {
        name: [kind for kind in own["shift"].unique() if kind != "none"] or ["none"]
        for name, own in drawn.groupby("experiment", sort=False)
    }
    most = max(len(found) for found in kinds.values())
    figure, axes = drawing.panels(settings, drawn, rows=most, share_y=True)
    for position, (name, stacked) in enumerate(axes.items()):
        own = drawn[drawn["experiment"] == name]
        share = shares.loc[shares["experiment"] == name, "number"].item()
        stacked[0].set_title(f"{stacked[0].get_title()}\npreserved share {share:.0%}")
        for panel, kind in zip(stacked, kinds[name], strict=False):
            _lines(panel, own[own["shift"].isin(["none", kind])])
            panel.set_xlabel(LEVELS[kind])
            if position % drawing.MOST_COLUMNS == 0:
                panel.set_ylabel("test accuracy")
        for panel in stacked[len(kinds[name]) :]:
            panel.set_visible(False)
    drawing.legend_below(figure, next(iter(axes.values()))[0])
    lost = drawing.pick(tables, "robustness_lost")
    return figure, pd.concat([drawn.drop(columns=["shift", "size"]), lost, shares])


def _lines(panel: Axes, own: pd.DataFrame) -> None:
    for variant in style.VARIANTS:
        line = own[own["variant"] == variant].sort_values("size")
        drawing.points(
            panel, line["size"], line, variant, markersize=3, linewidth=1.2, elinewidth=0.7
        )
    panel.set_ylim(0, 1.02)
