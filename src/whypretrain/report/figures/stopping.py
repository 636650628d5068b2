"""When to stop fine-tuning.

The accuracy it gains against what it keeps of the probe's knowledge. Both along the epochs of fine-
tuning; what is kept is the agreement of each snapshot with the pre-trained network, at low orders
and over all. Level lines are the networks from scratch, trained to their end: below theirs, nothing
more is kept than training without pre-training comes to.
"""

import pandas as pd

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LABELS = ("test accuracy", "agreement\nwith the probe")
GROUPS = {"1-2": ("-", "o", "orders 1–2"), "all": ((0, (4, 1.5)), "s", "all orders")}
END: drawing.Look = {"color": style.COLOURS["scratch"], "linewidth": 0.9}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Accuracy above, agreement below; the numbers are means over samples and seeds."""
    courses = drawing.pick(tables, "agreement_course", variant="finetune", level="probe")
    ends = drawing.pick(tables, "agreement", variant="probe-scratch")
    parts = [
        drawing.pick(tables, "test_accuracy", variant="finetune"),
        drawing.pick(tables, "accuracy", variant="scratch"),
        *(own[own["order"].isin(GROUPS)] for own in (courses, ends)),
    ]
    numbers = pd.concat(parts, ignore_index=True)
    figure, panels = drawing.panels(settings, parts[2], *LABELS, share_y=True)
    for name, (_, (above, below)) in zip(settings.experiments, panels, strict=True):
        gained, scratch, kept, end = (own[own["experiment"] == name] for own in parts)
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
        below.set_xlabel("epoch of fine-tuning")
    drawing.legend_below(figure, settings, *panels[0][1], interval="band")
    return figure, numbers
