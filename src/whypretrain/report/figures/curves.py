"""Accuracy and loss on the test split along training (the paper's footnote 5).

Bands are Wilson intervals of the accuracy; of the loss, training keeps the mean alone.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures.draw import Tables, legend_below, panels, run
from whypretrain.report.figures.summary import accuracies
from whypretrain.settings.figures import FigureSettings

QUANTITIES = {"test_accuracy": "test accuracy", "test_loss": "test loss [nats]"}


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Accuracy above, loss below; the linear probe, which has no epochs, is a level line."""
    history = accuracies(tables["history"], settings.statistics)
    columns = ["experiment", "variant", "epoch", *QUANTITIES]
    numbers = history[[*columns, "accuracy_low", "accuracy_high", "n_test"]]
    figure, axes = panels(settings, numbers, "n_test", rows=len(QUANTITIES))
    for column, (name, stacked) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name]
        for panel, (quantity, label) in zip(stacked, QUANTITIES.items(), strict=True):
            _lines(panel, own, quantity)
            if column == 0:
                panel.set_ylabel(label)
        stacked[0].set_ylim(0, 1.02)
        stacked[1].set_ylim(bottom=0)
        stacked[1].set_xlabel("epoch")
    legend_below(figure, next(iter(axes.values()))[0])
    return figure, numbers


def _lines(panel: Axes, own: pd.DataFrame, quantity: str) -> None:
    for variant in ("finetune", "scratch"):
        line = own[own["variant"] == variant]
        panel.plot(
            line["epoch"],
            line[quantity],
            color=style.COLOURS[variant],
            linestyle=style.DASHES[variant],
            linewidth=1.2,
            label=style.LABELS[variant],
        )
        if quantity == "test_accuracy":
            low, high = line["accuracy_low"], line["accuracy_high"]
            colour = style.COLOURS[variant]
            panel.fill_between(line["epoch"], low, high, color=colour, alpha=0.25, linewidth=0)
    probe = own.loc[own["variant"] == "probe", quantity].item()
    panel.axhline(
        probe,
        color=style.COLOURS["probe"],
        linestyle=":",
        linewidth=1.4,
        label=style.LABELS["probe"],
    )


if __name__ == "__main__":
    run("curves", __doc__, draw)
