"""Knowledge against accuracy over the experiments of a suite, CNNs and transformers told apart."""

import matplotlib.pyplot as plt
import numpy as np

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

KINDS = {"cnn": ("s", "CNN"), "transformer": ("o", "transformer"), "other": ("^", "other")}
VARIANTS = ("finetune", "scratch")


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Transfer, preserved share and ratio across, accuracies up."""
    overview, correlations = tables["overview"], tables["correlations"]
    ratio = f"ratio_{settings.figures.ratio_reading}"
    quantities = {
        "transfer": "transfer, orders 1–2",
        "preserved_share": "preserved share of\npre-trained knowledge",
        ratio: "ratio",
    }
    figure, axes = plt.subplots(2, len(quantities), figsize=(7.5, 4.6), sharex="col", sharey="row")
    for row, variant in zip(axes, VARIANTS, strict=True):
        row[0].set_ylabel(f"test accuracy,\n{style.LABELS[variant]}")
        accuracy = f"accuracy_{variant}"
        for panel, knowledge in zip(row, quantities, strict=True):
            for (_, kind), own in overview.groupby(["experiment", "kind"], sort=False):
                x, y = (own[own["quantity"] == quantity] for quantity in (knowledge, accuracy))
                marker, label = KINDS[str(kind)]
                look: drawing.Look = {"linestyle": "none", "markersize": 5, "linewidth": 0.7}
                look |= {"color": style.COLOURS[variant], "marker": marker, "label": label}
                drawing.points(panel, x["number"], y, xerr=drawing.whiskers(x), **look)
            found = correlations.query("knowledge == @knowledge and accuracy == @accuracy").iloc[0]
            title = f"Spearman {found['spearman']:.2f} (p = {found['p']:.2g}, n = {found['n']})"
            panel.set_title(f"n = {found['n']}" if np.isnan(found["spearman"]) else title)
    for panel, label in zip(axes[1], quantities.values(), strict=True):
        panel.set_xlabel(label)
    drawing.legend_below(figure)
    kept = [*quantities, *(f"accuracy_{variant}" for variant in VARIANTS)]
    return figure, overview[overview["quantity"].isin(kept)]
