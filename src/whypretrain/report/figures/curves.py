"""Accuracy and loss on the test split along training (the paper's footnote 5).

Bands are Wilson intervals of the accuracy; of the loss, training keeps the mean alone.
"""

import pandas as pd
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

QUANTITIES = {"test_accuracy": "test accuracy", "test_loss": "test loss [nats]"}


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Accuracy above, loss below; the linear probe, which has no epochs, is a level line."""
    numbers = drawing.pick(tables, *QUANTITIES)
    figure, axes = drawing.panels(settings, numbers, rows=len(QUANTITIES))
    for name, stacked in axes.items():
        of_experiment = numbers[numbers["experiment"] == name]
        for panel, quantity in zip(stacked, QUANTITIES, strict=True):
            own = of_experiment[of_experiment["quantity"] == quantity].set_index("variant")
            for variant in ("finetune", "scratch"):
                line = own.loc[[variant]]
                drawing.line_with_band(panel, line, line["epoch"], variant, marker="")
            panel.axhline(
                own.loc[["probe"], "number"].item(),
                color=style.COLOURS["probe"],
                linestyle=":",
                linewidth=1.4,
                label=style.LABELS["probe"],
            )
        above, below = stacked
        above.set_ylim(0, 1.02)
        below.set_ylim(bottom=0)
        below.set_xlabel("epoch")
    drawing.label_left(axes, *QUANTITIES.values())
    drawing.legend_below(figure, next(iter(axes.values()))[0])
    return figure, numbers
