"""What v(N) and its sign would be without preserved, discarded or new interactions."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

REMOVALS = [
    ("probe", "preserve"),
    ("probe", "discard"),
    ("finetune", "preserve"),
    ("finetune", "new"),
]
QUANTITIES = ("counterfactual_change", "counterfactual_positive")
BEFORE = "counterfactual_positive_before"


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Change of v(N) above, share of samples with v > 0 below; in grey the random removal."""
    numbers = drawing.pick(tables, *QUANTITIES, BEFORE, order="all")
    figure, axes = drawing.panels(settings, numbers, rows=2)
    places = np.arange(len(REMOVALS))
    for column, (name, (above, below)) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name].set_index(["variant", "level"])
        for panel, quantity in zip((above, below), QUANTITIES, strict=True):
            _bars(panel, own[own["quantity"] == quantity].loc[REMOVALS])
        above.axvline(0, color="black", linewidth=0.6)
        above.locator_params(axis="x", nbins=5)
        above.set_xlabel("change of v(N) [nats]")
        before = own.loc[own["quantity"] == BEFORE, "number"][REMOVALS]
        below.vlines(
            before,
            places - 0.42,
            places + 0.38,
            color="black",
            linewidth=1.5,
            label="nothing removed",
        )
        below.set_xlim(0, 1.05)
        below.set_xticks([0, 0.5, 1])
        below.xaxis.set_major_formatter(drawing.percent)
        below.set_xlabel("samples with v(N) > 0")
        words = [f"{style.SHORT[v]} without {style.LABELS[r]}" for v, r in REMOVALS]
        for panel in (above, below):
            panel.set_yticks(places, [""] * len(words) if column % drawing.MOST_COLUMNS else words)
            panel.invert_yaxis()
            panel.tick_params(axis="y", length=0)
    drawing.legend_below(figure, next(iter(axes.values()))[1], ncols=2)
    return figure, numbers


def _bars(panel: Axes, own: pd.DataFrame) -> None:
    parts = [part for _, part in REMOVALS]
    places = np.arange(len(own))
    look = {
        "color": [style.COLOURS[part] for part in parts],
        "hatch": [style.HATCHES[part] for part in parts],
        "label": "this part removed",
    }
    drawing.bars(panel, places - 0.17, own, sideways=True, size=0.5, **look)
    panel.barh(
        places + 0.23,
        own["chance"],
        height=0.3,
        color=style.NULL,
        edgecolor="white",
        linewidth=0.4,
        label="as much, at random",
    )
