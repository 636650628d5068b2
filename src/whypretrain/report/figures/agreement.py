"""Agreement beyond chance.

How far networks agree by order of interaction: 0 is chance, 1 as alike as can be. Above, the
agreement of pairs of networks at each order. Below it, all pairs at low orders, and transfer: how
much more a fine-tuned network agrees with the probe than one trained from scratch does.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LOW = "1-2"
"""The group of orders whose pairs are all shown."""
GROUPS = (LOW, "3-4", "5+", "all")
NETWORKS = {**style.SHORT, "untrained": "untrained"}
RANGE = (-0.25, 1.05)
"""Of agreement; intervals of high orders, where little can agree, may reach far beyond."""
LABELS = ("agreement beyond chance", "", "transfer ● − ■")
HEIGHTS = (1.25, 0.85, 0.65)


class Pair(NamedTuple):
    """How a pair of networks is drawn."""

    label: str
    look: drawing.Look


def _look(colour: str, marker: str, dashes: object, *, filled: bool, width: float) -> drawing.Look:
    return {
        "color": colour,
        "marker": marker,
        "linestyle": dashes,
        "markerfacecolor": colour if filled else "white",
        "linewidth": width,
    }


_FINETUNE, _SCRATCH = style.COLOURS["finetune"], style.COLOURS["scratch"]
# Filled: with the probe, whose difference is transfer. Open: without it.
PAIRS = {
    "probe-finetune": Pair("probe, fine-tuned", _look(_FINETUNE, "o", "-", filled=True, width=1.5)),
    "probe-scratch": Pair(
        "probe, scratch", _look(_SCRATCH, "s", (0, (4, 1.5)), filled=True, width=1.5)
    ),
    "finetune-finetune": Pair(
        "two fine-tuned", _look(_FINETUNE, "o", "-", filled=False, width=0.7)
    ),
    "scratch-scratch": Pair(
        "two from scratch", _look(_SCRATCH, "s", (0, (4, 1.5)), filled=False, width=0.7)
    ),
    "finetune-scratch": Pair(
        "fine-tuned, scratch", _look("black", "^", ":", filled=False, width=0.7)
    ),
    "finetune-untrained": Pair(
        "fine-tuned, untrained (floor)", _look(style.NULL, "x", "-", filled=True, width=1.0)
    ),
}
OF_TRANSFER = ("probe-finetune", "probe-scratch")
APART = 0.11  # orders between the intervals of two pairs


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Numbers are means over samples and seeds; sign agreement is in the CSV file alone."""
    numbers = drawing.pick(tables, "agreement", "sign_agreement", "transfer")
    drawn = numbers[numbers["quantity"] == "agreement"]
    figure, panels = drawing.panels(settings, drawn, *LABELS, share_y=True, heights=HEIGHTS)
    transfers = numbers[numbers["quantity"] == "transfer"]
    for name, (own, (lines, matrix, transfer)) in zip(settings.experiments, panels, strict=True):
        _by_order(lines, own)
        _all_pairs(matrix, own)
        _transfer(transfer, transfers[transfers["experiment"] == name])
    drawing.legend_below(figure, settings, interval="line")
    return figure, numbers


def _by_order(panel: Axes, own: pd.DataFrame) -> None:
    single = own[own["order"].str.isdigit()].astype({"order": int})
    present = [pair for pair in PAIRS if (single["variant"] == pair).any()]
    for place, pair in enumerate(present):
        these = single[single["variant"] == pair].sort_values("order")
        shift = (place - (len(present) - 1) / 2) * APART
        label, look = PAIRS[pair]
        places = these["order"] + shift
        faint = 1.0 if pair in OF_TRANSFER else 0.45
        drawing.points(panel, places, these, linestyle="none", color=look["color"], alpha=faint)
        panel.plot(places, these["number"], label=label, markersize=3.2, **look)
    panel.axhline(0, color=style.NULL, linewidth=0.9, label="chance level, 0")
    orders = sorted(single["order"].unique())
    panel.set(ylim=RANGE, xticks=orders, xlabel="order |S|")


def _all_pairs(panel: Axes, own: pd.DataFrame) -> None:
    """Agreement of every two networks at low orders; on the diagonal two of one kind."""
    low = own[own["order"] == LOW].set_index("variant")["number"]
    drawing.matrix(panel, low, list(NETWORKS))
    panel.set_aspect("auto")
    places, words = range(len(NETWORKS)), list(NETWORKS.values())
    panel.set_xticks(places, words, rotation=40, ha="right", rotation_mode="anchor")
    panel.set_yticks(places, words)
    panel.set_title(f"all pairs, orders {LOW.replace('-', '–')}")


def _transfer(panel: Axes, own: pd.DataFrame) -> None:
    """Transfer by group of orders, with its interval."""
    of_groups = own.set_index("order")
    groups = [group for group in GROUPS if group in of_groups.index]
    places = np.arange(len(groups))
    shown = of_groups.loc[groups]
    drawing.points(panel, places, shown, color="black", marker="o", linestyle="none")
    panel.axhline(0, color="black", linewidth=0.6)
    panel.set_xticks(places, [group.replace("-", "–") for group in groups])
    panel.set(xlim=(-0.6, len(groups) - 0.4), xlabel="orders")
