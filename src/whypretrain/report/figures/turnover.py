"""What is removed, kept and new.

Along training, from the top: γ, the share of a snapshot's strength that the probe holds, and that
its own end holds; ρ, the share of its salient interactions that does not cancel; how many salient
sets of the probe are removed and preserved, and how many emerge, in fine-tuning; and what of their
strength another seed's end holds. Grey are chance levels: permuted interactions for γ and for
counts, random signs for ρ.
"""

import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LABELS = (
    "γ: strength that\nthe probe holds",
    "γ: strength that\nits own end holds",
    "ρ: share that does\nnot cancel",
    "salient sets\nof a sample",
    "γ: strength that\nanother seed holds",
)
HEIGHTS = [0.85] * len(LABELS)
TRAINED = ("finetune", "scratch")
GROUPS = {"1-2": ("o", "orders 1–2"), "all": ("", "all orders")}
PARTS = {"removed": "discard", "preserved": "preserve", "emerged": "new"}
"""Colours of what becomes of sets: those of the strengths that are much the same."""
DASHES = {"removed": ":", "preserved": "-", "emerged": (0, (4, 1.5))}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Five panels an experiment; the numbers are means over samples and seeds."""
    held = drawing.pick(tables, "held_share", reading="strength")
    again = drawing.pick(tables, "held_share", reading="salient", variant="finetune", order="all")
    left = drawing.pick(tables, "uncancelled_share", level="salient")
    counts = drawing.pick(tables, "turnover_count", variant="finetune", order="all")
    shown = [
        *(own[own["order"].isin(GROUPS) & own["variant"].isin(TRAINED)] for own in (held, left)),
        *(own[own["level"].isin(PARTS)] for own in (counts, again)),
    ]
    numbers = pd.concat(shown, ignore_index=True)
    figure, panels = drawing.panels(settings, numbers, *LABELS, share_y=True, heights=HEIGHTS)
    for own, stacked in panels:
        of_whole = own[~own["level"].isin(PARTS)]
        for panel, level in zip(stacked, ("probe", "own", "salient"), strict=False):
            _by_group(panel, of_whole[of_whole["level"] == level])
        of_parts = own[own["level"].isin(PARTS)]
        is_count = of_parts["quantity"] == "turnover_count"
        _of_parts(stacked[3], of_parts[is_count])
        _of_parts(stacked[4], of_parts[~is_count])
        stacked[3].set_ylim(bottom=0)
        for panel in (*stacked[:3], stacked[4]):
            panel.set_ylim(0, 1.02)
            panel.yaxis.set_major_formatter(drawing.PERCENT)
        stacked[4].set_xlabel("epoch")
    first = panels[0][1]
    drawing.legend_below(figure, settings, first[0], first[3], interval="band")
    return figure, numbers


def _by_group(panel: Axes, own: pd.DataFrame) -> None:
    for variant in TRAINED:
        for group, (marker, words) in GROUPS.items():
            line = own[(own["variant"] == variant) & (own["order"] == group)].sort_values("epoch")
            if line.empty:
                continue
            label = f"{style.LABELS[variant]}, {words}"
            drawing.line(panel, line, "epoch", variant, label=label, marker=marker)
            look: drawing.Look = {"linewidth": 0.8, "marker": marker, "markersize": 2}
            drawing.chance_line(panel, line, "epoch", variant, **look)


def _of_parts(panel: Axes, own: pd.DataFrame) -> None:
    for part, colour in PARTS.items():
        line = own[own["level"] == part].sort_values("epoch")
        look: drawing.Look = {"linestyle": DASHES[part], "linewidth": 1.2}
        shade = style.COLOURS[colour]
        panel.fill_between(
            line["epoch"], line["low"], line["high"], color=shade, alpha=0.2, linewidth=0
        )
        panel.plot(line["epoch"], line["number"], color=shade, label=part, **look)
        label = "chance level" if part == "removed" else None
        look |= {"color": style.NULL, "linewidth": 0.8, "label": label}
        panel.plot(line["epoch"], line["chance"], **look)
