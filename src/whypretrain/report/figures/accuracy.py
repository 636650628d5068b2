"""Knowledge against accuracy over the experiments of a suite, CNNs and transformers told apart."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

MARKERS = {"cnn": "s", "transformer": "o", "other": "^"}
LABELS = {"cnn": "CNN", "transformer": "transformer", "other": "other"}
VARIANTS = ("finetune", "scratch")


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Preserved share and ratio across, accuracies of the fine-tuned and the scratch model up."""
    overview, correlations = tables["overview"], tables["correlations"]
    ratio = f"ratio_{settings.figures.ratio_reading}"
    quantities = {"preserved_share": "preserved share of\npre-trained knowledge", ratio: "ratio"}
    figure, axes = plt.subplots(2, 2, figsize=(5.6, 4.6), sharex="col")
    for row, variant in zip(axes, VARIANTS, strict=True):
        row[0].set_ylabel(f"test accuracy,\n{style.LABELS[variant]}")
        for panel, knowledge in zip(row, quantities, strict=True):
            accuracy = f"accuracy_{variant}"
            _points(panel, overview, (knowledge, accuracy), style.COLOURS[variant])
            found = correlations.query("knowledge == @knowledge and accuracy == @accuracy").iloc[0]
            panel.set_title(_words(found))
    for panel, label in zip(axes[1], quantities.values(), strict=True):
        panel.set_xlabel(label)
    drawing.legend_below(figure, axes[0][0])
    kept = [*quantities, *(f"accuracy_{variant}" for variant in VARIANTS)]
    return figure, overview[overview["quantity"].isin(kept)]


def _points(panel: Axes, overview: pd.DataFrame, quantities: tuple[str, str], colour: str) -> None:
    """A point an experiment, at one quantity across and the other up."""
    for (_, kind), own in overview.groupby(["experiment", "kind"], sort=False):
        x, y = (own[own["quantity"] == quantity] for quantity in quantities)
        drawing.points(
            panel,
            x["number"],
            y,
            xerr=drawing.whiskers(x),
            linestyle="none",
            marker=MARKERS[str(kind)],
            markersize=5,
            linewidth=0.7,
            color=colour,
            label=LABELS[str(kind)],
        )


def _words(found: pd.Series) -> str:
    if np.isnan(found["spearman"]):
        return f"n = {found['n']}"
    return f"Spearman {found['spearman']:.2f} (p = {found['p']:.2g}, n = {found['n']})"
