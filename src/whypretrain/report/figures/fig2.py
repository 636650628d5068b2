"""Fig. 2: preserved, discarded and new knowledge per order of interaction, and their shares.

Above, as in the paper: discarded and preserved together are the pre-trained model's strength,
preserved and new together the fine-tuned model's. A black line on the end of each part is its
interval. The grey ticks are the chance level of preserved knowledge, where the fine-tuned model's
interactions are permuted among the sets of their order: transfer is what goes beyond. What lies
under the noise floor is shaded. Below, what share of a model's strength is discarded or new, which
the claims about orders judge.
"""

import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

# Where intervals stand on a bar: a third of it apart, as preserved and new end on the same side.
PARTS = {"discard": 0.0, "preserve": -0.18, "new": 0.18}
SHARES = {
    "discard": ("-", "o", "share discarded of the probe's strength"),
    "new": ((0, (4, 1.5)), "s", "share new of the fine-tuned model's"),
}
CHANCE = "chance level"
LABELS = ("order |S|", "share of strength")


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Two panels an experiment; the numbers are means over samples and seeds."""
    numbers = drawing.by_order(tables, *PARTS, *(f"{part}_share" for part in SHARES))
    figure, panels = drawing.panels(settings, numbers, *LABELS)
    for own, (amounts, shares) in panels:
        _amounts(amounts, own[own["quantity"].isin(PARTS)])
        _shares(shares, own)
    drawing.legend_below(figure, *panels[0][1], ncols=3)
    return figure, numbers


def _amounts(panel: Axes, own: pd.DataFrame) -> None:
    wide = own.pivot(index="order", columns="quantity")
    for part, shift in PARTS.items():
        sign = -1 if part == "discard" else 1
        start = wide["number"]["preserve"] * (part == "new")
        look = drawing.EDGE | {"color": style.COLOURS[part], "hatch": style.HATCHES[part]}
        look |= {"left": start, "height": drawing.BAR, "label": style.LABELS[part]}
        panel.barh(wide.index, sign * wide["number"][part], **look)
        ends = [start + sign * wide[bound][part] for bound in ("low", "high")]
        panel.hlines(wide.index + shift, *ends, color="black", linewidth=0.8)
    drawing.chance_ticks(panel, wide["chance"]["preserve"], CHANCE)
    floor = wide["noise_floor"]["preserve"]
    panel.fill_betweenx(floor.index, -floor, floor, color=style.NULL, alpha=0.4, linewidth=0)
    drawing.two_sided(panel, wide.index)
    panel.set_xlabel("mean strength |I(S)| [nats]")


def _shares(panel: Axes, own: pd.DataFrame) -> None:
    """Orders in the noise floor have no share."""
    for part, (dashes, marker, label) in SHARES.items():
        these = own[own["quantity"] == f"{part}_share"].sort_values("order")
        orders = these["order"]
        look: drawing.Look = {"color": style.COLOURS[part], "linestyle": dashes}
        band: drawing.Look = {"color": style.COLOURS[part], "alpha": 0.25, "linewidth": 0}
        panel.fill_between(orders, these["low"], these["high"], **band)
        panel.plot(orders, these["number"], marker=marker, markersize=3, label=label, **look)
        chance: drawing.Look = {"color": style.NULL, "linestyle": dashes, "linewidth": 0.9}
        panel.plot(orders, these["chance"], label=CHANCE, **chance)
        if part == "discard" and these["second_run"].notna().any():
            # Two runs are fine-tuned alike, so what either holds alone is one share.
            cross: drawing.Look = {
                "linestyle": "none",
                "marker": "x",
                "markersize": 3,
                "color": "black",
            }
            panel.plot(orders, these["second_run"], label="two fine-tuned runs", **cross)
    panel.set(ylim=(0, 1.02), xticks=sorted(own["order"].unique()), xlabel="order |S|")
    panel.yaxis.set_major_formatter(drawing.PERCENT)
