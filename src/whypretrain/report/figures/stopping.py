"""When to stop fine-tuning.

The accuracy it gains against what it keeps of the probe's knowledge. Both along the epochs of fine-
tuning; what is kept is the agreement of each snapshot with the pre-trained network, at low orders
and over all. Level lines are the networks from scratch, trained to their end: below theirs, nothing
more is kept than training without pre-training comes to. Below, what emerges until and after each
snapshot, by how much of it does not cancel. A vertical line is the snapshot that accuracy stops at.
"""

from itertools import product

import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LABELS = ("test accuracy", "agreement\nwith the probe", "ρ: share that does\nnot cancel")
GROUPS = {"1-2": ("-", "o", "orders 1–2"), "all": ((0, (4, 1.5)), "s", "all orders")}
END: drawing.Look = {"color": style.COLOURS["scratch"], "linewidth": 0.9}
EMERGED = {"emerged": ("-", "D", "emerged until then"), "later": (":", "^", "emerges after it")}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Accuracy, agreement, what cancels; the numbers are means over samples and seeds."""
    courses = drawing.pick(tables, "agreement_course", variant="finetune", level="probe")
    ends = drawing.pick(tables, "agreement", variant="probe-scratch")
    parts = [
        drawing.pick(tables, "test_accuracy", variant="finetune"),
        drawing.pick(tables, "accuracy", variant="scratch"),
        *(own[own["order"].isin(GROUPS)] for own in (courses, ends)),
        drawing.pick(tables, "uncancelled_share", variant="finetune", order="all"),
        drawing.pick(tables, "late_uncancelled", order="all", reading="accuracy"),
    ]
    parts[4] = parts[4][parts[4]["level"].isin(EMERGED)]
    numbers = pd.concat(parts, ignore_index=True)
    figure, panels = drawing.panels(settings, parts[2], *LABELS, share_y=True)
    for name, (_, stacked) in zip(settings.experiments, panels, strict=True):
        above, below, lowest = stacked
        gained, scratch, kept, end, left, stop = (own[own["experiment"] == name] for own in parts)
        drawing.line(above, gained.sort_values("epoch"), "epoch", "finetune", marker="")
        above.axhline(scratch["number"].item(), label="from scratch, at its end", **END)
        above.set_ylim(0, 1.02)
        above.yaxis.set_major_formatter(drawing.PERCENT)
        for group, (dashes, marker, label) in GROUPS.items():
            line = kept[kept["order"] == group].sort_values("epoch")
            if line.empty:
                continue
            look: drawing.Look = {"linestyle": dashes, "marker": marker}
            drawing.line(below, line, "epoch", "finetune", label=label, **look)
            level = end.loc[end["order"] == group, "number"].item()
            below.axhline(level, linestyle=dashes, **END)
        below.axhline(0, color=style.NULL, linewidth=0.9, label="chance level, 0")
        _cancelling(lowest, left)
        for epoch, panel in product(stop["epoch"], stacked):
            panel.axvline(epoch, color="black", linewidth=0.6)
        lowest.set_xlabel("epoch of fine-tuning")
    drawing.legend_below(figure, settings, *panels[0][1], interval="band")
    return figure, numbers


def _cancelling(panel: Axes, left: pd.DataFrame) -> None:
    for part, (dashes, marker, label) in EMERGED.items():
        line = left[left["level"] == part].sort_values("epoch")
        look: drawing.Look = {"linestyle": dashes, "marker": marker, "markersize": 3}
        drawing.line(panel, line, "epoch", "finetune", label=label, **look)
        told = "its chance level" if part == "emerged" else None
        look |= {"color": style.NULL, "linewidth": 0.9, "label": told, "markersize": 2}
        panel.plot(line["epoch"], line["chance"], **look)
    panel.set_ylim(0, 1.02)
    panel.yaxis.set_major_formatter(drawing.PERCENT)
