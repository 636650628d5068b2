"""Accuracy under shifted inputs.

Of the final networks, against the level of the shift. The numbers also hold the accuracy that each
network loses under each shift and, to be set beside it, the share of the pre-trained strength that
fine-tuning preserves.
"""

from itertools import zip_longest

import pandas as pd

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LEVELS = {
    "noise": "noise, σ [black to white]",
    "rotation": "rotation [degrees]",
    "adversarial": "FGSM step [black to white]",
    "masked_words": "share of words masked",
    "none": "unshifted",
}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """A column of panels an experiment, one a kind of shift; level 0 is the split as it is."""
    drawn = drawing.pick(tables, "robustness_accuracy")
    drawn[["shift", "size"]] = drawn["level"].str.split(n=1, expand=True).reindex(columns=[0, 1])
    drawn = drawn.astype({"size": float}).fillna({"size": 0.0})
    shares = drawing.pick(tables, "preserved_share", reading="orders")
    kinds = {
        name: [kind for kind in own["shift"].unique() if kind != "none"] or ["none"]
        for name, own in drawn.groupby("experiment", sort=False)
    }
    most = max(map(len, kinds.values()))
    labels = ["test accuracy"] * most
    figure, panels = drawing.panels(settings, drawn, *labels, share_y=True)
    for name, (of_experiment, stacked) in zip(settings.experiments, panels, strict=True):
        share = shares.loc[shares["experiment"] == name, "number"].item()
        stacked[0].set_title(f"{stacked[0].get_title()}\npreserved share {share:.0%}")
        for panel, kind in zip_longest(stacked, kinds[name]):
            panel.set_visible(kind is not None)
            own = of_experiment[of_experiment["shift"].isin(["none", kind])].sort_values("size")
            for variant in style.VARIANTS:
                line = own[own["variant"] == variant]
                look = {"markersize": 3, "linewidth": 1.2, "elinewidth": 0.7}
                drawing.points(panel, line["size"], line, variant, **look)
            panel.set(ylim=(0, 1.02), xlabel=LEVELS.get(kind))
    drawing.legend_below(figure, settings, interval="line")
    lost = drawing.pick(tables, "robustness_lost")
    return figure, pd.concat([drawn.drop(columns=["shift", "size"]), lost, shares])
