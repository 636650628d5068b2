"""Fig. 4: how close each model's interactions are to its final ones, along training (eq. 9).

Bands are intervals over samples. Thin grey lines show the chance level, where the snapshot's
interactions are permuted among the sets of their order; the level line, how alike two fine-tuned
runs of different seeds are in the end.
"""

import pandas as pd
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One panel an experiment; the numbers are means over samples."""
    numbers = drawing.pick(tables, "jaccard")
    figure, axes = drawing.panels(settings, numbers, share_y=True)
    for name, (panel,) in axes.items():
        own = numbers[numbers["experiment"] == name]
        for variant in ("finetune", "scratch"):
            line = own[own["variant"] == variant]
            drawing.line_with_band(panel, line, line["epoch"], variant)
            panel.plot(
                line["epoch"],
                line["chance"],
                color=style.NULL,
                linestyle=style.DASHES[variant],
                linewidth=0.9,
                label="chance level" if variant == "finetune" else None,
            )
        for level in own["second_run"].dropna():
            panel.axhline(
                level,
                color=style.COLOURS["finetune"],
                linestyle=(0, (1, 2)),
                linewidth=0.9,
                label="two fine-tuned runs",
            )
        panel.set_ylim(0, 1.02)
        panel.set_xlabel("epoch")
    drawing.label_left(axes, "Jaccard similarity\nto final interactions")
    drawing.legend_below(figure, next(iter(axes.values()))[0])
    return figure, numbers
