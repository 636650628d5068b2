"""Fig. 2: knowledge by order.

Preserved, discarded and new knowledge per order of interaction, and their shares. Above, as in the
paper: discarded and preserved together are the pre-trained model's strength, preserved and new
together the fine-tuned model's. A black line on the end of each part is its interval. The grey
ticks are the chance level of preserved knowledge, where the fine-tuned model's interactions are
permuted among the sets of their order: transfer is what goes beyond. What lies under the noise
floor is shaded. Brackets name the two totals at the order of the longest bar; the paper's blue is
pink here, as blue is a network's colour. Below, what share of a model's strength is discarded or
new, which the claims about orders judge.
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
CHANCE, FLOOR = "chance level", "noise floor"
LEVELS = (0.23, 0.08)  # of the axis: how far above the highest order the brackets stand
TOTALS = {"probe": "pre-trained", "finetune": "fine-tuned"}
LABELS = ("order |S|", "share of strength")


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Two panels an experiment; the numbers are means over samples and seeds."""
    numbers = drawing.by_order(tables, *PARTS, *(f"{part}_share" for part in SHARES))
    figure, panels = drawing.panels(settings, numbers, *LABELS)
    for own, (amounts, shares) in panels:
        _amounts(amounts, own[own["quantity"].isin(PARTS)])
        _shares(shares, own)
    drawing.legend_below(figure, settings, *panels[0][1], interval="both")
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
    panel.fill_betweenx(
        floor.index, -floor, floor, color=style.NULL, alpha=0.4, linewidth=0, label=FLOOR
    )
    drawing.two_sided(panel, wide.index)
    _brackets(panel, own.pivot(index="order", columns="quantity", values="number"))
    panel.set_xlabel("mean strength |I(S)| [nats]")


def _brackets(panel: Axes, numbers: pd.DataFrame) -> None:
    """Which parts make up a network's strength, over the longest bar, as in the paper."""
    order = int(numbers[list(PARTS)].sum(axis=1).to_numpy().argmax())
    discard, preserve, new = numbers[list(PARTS)].to_numpy()[order]
    spans = {"probe": (-discard, preserve), "finetune": (0.0, preserve + new)}
    top, unit = numbers.index.max(), len(numbers)
    for (variant, (left, right)), level in zip(spans.items(), LEVELS, strict=True):
        y = top + 0.3 + level * unit
        bracket: drawing.Look = {"color": "black", "linewidth": 0.7, "clip_on": False}
        panel.plot([left, left, right, right], [y - 0.02 * unit, y, y, y - 0.02 * unit], **bracket)
        # Words start at the outer end, so that they stay within the panel.
        x, side = (left, "left") if variant == "probe" else (right, "right")
        words = f"{TOTALS[variant]}, order {numbers.index[order]}"
        panel.text(x, y + 0.005 * unit, words, ha=side, va="bottom", fontsize=style.SMALLEST)
    panel.set_ylim(numbers.index.min() - 0.6, top + 0.3 + (LEVELS[0] + 0.1) * unit)


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
