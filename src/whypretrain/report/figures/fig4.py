"""Fig. 4: how close each model's interactions are to its final ones, along training (eq. 9).

Bands are intervals over samples. Thin grey lines show what is left of the similarity when the
snapshot's interactions are permuted among the sets of their order; the level line, how alike two
fine-tuned models of different seeds are in the end.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures.draw import Tables, legend_below, line_with_band, panels, run
from whypretrain.report.figures.summary import referenced_means
from whypretrain.settings.figures import FigureSettings


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One panel an experiment; the numbers are means over samples."""
    keys = ["variant", "fraction", "epoch"]
    numbers = referenced_means(tables["jaccard"], keys, "jaccard", settings.statistics)
    figure, axes = panels(settings, numbers, share_y=True)
    for column, (name, (panel,)) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name]
        for variant in ("finetune", "scratch"):
            _line(panel, own[own["variant"] == variant], variant)
        if "self" in own and own["self"].notna().any():
            panel.axhline(
                own["self"].dropna().item(),
                color=style.COLOURS["finetune"],
                linestyle=(0, (1, 2)),
                linewidth=0.9,
                label="two fine-tuned",
            )
        panel.set_ylim(0, 1.02)
        panel.set_xlabel("epoch")
        if column == 0:
            panel.set_ylabel("Jaccard similarity\nto final interactions")
    legend_below(figure, next(iter(axes.values()))[0])
    return figure, numbers


def _line(panel: Axes, own: pd.DataFrame, variant: str) -> None:
    line_with_band(panel, own, "epoch", "jaccard", variant)
    panel.plot(
        own["epoch"],
        own["permutation"],
        color=style.NULL,
        linestyle=style.DASHES[variant],
        linewidth=0.9,
        label="permuted" if variant == "finetune" else None,
    )


if __name__ == "__main__":
    run("fig4", __doc__, draw)
