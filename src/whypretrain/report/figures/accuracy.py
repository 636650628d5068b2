"""Knowledge against accuracy.

Over the experiments of a suite, CNNs and transformers told apart.
"""

import matplotlib.pyplot as plt
import numpy as np

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

KINDS = {"cnn": ("s", "CNN"), "transformer": ("o", "transformer"), "other": ("^", "other")}
VARIANTS = ("finetune", "scratch")
FEWEST = 5
"""Experiments that a rank correlation takes to be told: of fewer, any order may be chance."""


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Transfer, preserved share and ratio across, accuracies up."""
    overview, correlations = tables["overview"], tables["correlations"]
    ratio = f"ratio_{settings.figures.ratio_reading}"
    quantities = {
        "transfer": "transfer, orders 1–2",
        "preserved_share": "preserved share of\npre-trained knowledge",
        ratio: "ratio",
    }
    width = settings.figures.width
    flat = width >= style.NARROWEST * len(quantities)  # else one quantity stands below another
    n_rows, n_columns = (2, 3) if flat else (3, 2)
    figure, grid = plt.subplots(
        n_rows,
        n_columns,
        figsize=(width, style.HEIGHT * n_rows + 0.2),
        sharex="col" if flat else "row",
        sharey="row" if flat else "col",
    )
    axes = grid if flat else grid.T
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
            rank = f"{found['spearman']:.2f}".replace("-", "−")
            title = f"Spearman {rank}\np = {found['p']:.2g}, n = {found['n']}"
            is_told = found["n"] >= FEWEST and not np.isnan(found["spearman"])
            panel.set_title(title if is_told else f"n = {found['n']}")
    for panels in axes if not flat else axes[1:]:
        for panel, label in zip(panels, quantities.values(), strict=True):
            panel.set_xlabel(label)
    drawing.legend_below(figure, settings, interval="line")
    kept = [*quantities, *(f"accuracy_{variant}" for variant in VARIANTS)]
    return figure, overview[overview["quantity"].isin(kept)]
