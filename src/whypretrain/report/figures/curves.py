"""Accuracy and loss along training.

Both are of the test split (the paper's footnote 5). Bands are Wilson intervals of the accuracy; of
the loss, training keeps the mean alone.
"""

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

QUANTITIES = {"test_accuracy": "test accuracy", "test_loss": "test loss [nats]"}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Accuracy above, loss below; the linear probe, which has no epochs, is a level line."""
    numbers = drawing.pick(tables, *QUANTITIES)
    figure, panels = drawing.panels(settings, numbers, *QUANTITIES.values())
    level: drawing.Look = {"color": style.COLOURS["probe"], "label": style.LABELS["probe"]}
    for of_experiment, stacked in panels:
        for panel, quantity in zip(stacked, QUANTITIES, strict=True):
            own = of_experiment[of_experiment["quantity"] == quantity].set_index("variant")
            for variant in ("finetune", "scratch"):
                drawing.line(panel, own.loc[[variant]], "epoch", variant, marker="")
            probe = own.loc[["probe"], "number"].item()
            panel.axhline(probe, linestyle=":", linewidth=1.4, **level)
        above, below = stacked
        above.set_ylim(0, 1.02)
        below.set_ylim(bottom=0)
        below.set_xlabel("epoch")
    drawing.legend_below(figure, settings, interval="band")
    return figure, numbers
