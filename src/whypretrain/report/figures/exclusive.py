"""Knowledge that only the fine-tuned model holds, and that only the one from scratch holds.

Beyond the bars stands what the two have in common, so that each side in all is the strength of a
model's interactions.
"""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

SIDES = {"finetune": -1, "scratch": 1}


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One panel an experiment; the numbers are means over samples of the mean over sets."""
    numbers = drawing.by_order(tables, *SIDES, *(f"{variant}_only" for variant in SIDES))
    figure, axes = drawing.panels(settings, numbers)
    for name, (panel,) in axes.items():
        own = numbers[numbers["experiment"] == name]
        for variant in SIDES:
            _bars(panel, own, variant)
        drawing.two_sided(panel, own["order"].unique())
        panel.set_xlabel("mean strength [nats]")
    drawing.label_left(axes, "order |S|")
    drawing.legend_below(figure, next(iter(axes.values()))[0], ncols=2)
    return figure, numbers


def _bars(panel: Axes, own: pd.DataFrame, variant: str) -> None:
    side = SIDES[variant]
    only = own[own["quantity"] == f"{variant}_only"].set_index("order")
    whole = own[own["quantity"] == variant].set_index("order")["number"]
    columns = ["number", "low", "high", "chance"]
    only = only[columns] * side
    if side < 0:
        only = only.rename(columns={"low": "high", "high": "low"})
    look: dict[str, Any] = {"height": 0.75, "edgecolor": "white", "linewidth": 0.4}
    panel.barh(
        only.index,
        only["number"],
        color=style.COLOURS[variant],
        hatch=style.HATCHES[variant],
        label=f"only {style.LABELS[variant]}",
        **look,
    )
    rest = side * whole - only["number"]
    panel.barh(only.index, rest, left=only["number"], color="#E6E6E6", label="in common", **look)
    panel.vlines(
        only["chance"],
        only.index - 0.375,
        only.index + 0.375,
        color=style.NULL,
        linewidth=1.2,
        label="alone, chance level",
    )
    drawing.strokes(panel, only.index, only, sideways=True)
