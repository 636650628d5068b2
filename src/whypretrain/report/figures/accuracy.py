"""Knowledge against accuracy over the experiments of a suite, CNNs and transformers told apart."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures.draw import Tables, run
from whypretrain.settings.figures import FigureSettings

MARKERS = {"cnn": "s", "transformer": "o", "other": "^"}
LABELS = {"cnn": "CNN", "transformer": "transformer", "other": "other"}
ACCURACIES = {"accuracy_finetune": "fine-tuned", "accuracy_scratch": "from scratch"}


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Preserved share and ratio across, accuracies of the fine-tuned and the scratch model up."""
    overview, correlations = tables["overview"], tables["correlations"]
    ratio = f"ratio_{settings.figures.ratio_reading}"
    quantities = {"preserved_share": "preserved share of\npre-trained knowledge", ratio: "ratio"}
    figure, axes = plt.subplots(2, 2, figsize=(5.6, 4.6), sharex="col")
    for row, (accuracy, which) in enumerate(ACCURACIES.items()):
        for column, (knowledge, label) in enumerate(quantities.items()):
            panel = axes[row][column]
            _points(panel, overview, knowledge, accuracy)
            found = correlations.query("knowledge == @knowledge and accuracy == @accuracy").iloc[0]
            panel.set_title(_words(found))
            if row == 1:
                panel.set_xlabel(label)
            if column == 0:
                panel.set_ylabel(f"test accuracy,\n{which}")
    handles, labels = axes[0][0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=len(unique))
    kept = [*quantities, *ACCURACIES]
    return figure, overview[overview["quantity"].isin(kept)]


def _points(panel: Axes, overview: pd.DataFrame, knowledge: str, accuracy: str) -> None:
    for (_, kind), own in overview.groupby(["experiment", "kind"], sort=False):
        x, y = (own[own["quantity"] == quantity].iloc[0] for quantity in (knowledge, accuracy))
        errors = [
            np.abs([[point["low"] - point["number"]], [point["high"] - point["number"]]])
            for point in (x, y)
        ]
        panel.errorbar(
            x["number"],
            y["number"],
            xerr=errors[0],
            yerr=errors[1],
            marker=MARKERS[str(kind)],
            markersize=5,
            linewidth=0.7,
            color=style.COLOURS["finetune" if accuracy == "accuracy_finetune" else "scratch"],
            label=LABELS[str(kind)],
        )


def _words(found: pd.Series) -> str:
    if np.isnan(found["spearman"]):
        return f"n = {found['n']}"
    return f"Spearman {found['spearman']:.2f} (p = {found['p']:.2g}, n = {found['n']})"


if __name__ == "__main__":
    run("accuracy", __doc__, draw)
