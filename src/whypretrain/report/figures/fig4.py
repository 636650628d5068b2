"""Fig. 4: similarity along training.

How close each model's interactions are to final ones. Above, the paper's Jaccard similarity (eq.
9); below, agreement beyond chance over all orders. Both to the network's own end and, thin, to the
end of another seed, which the network did not train towards. Thin grey lines show the chance level
of the Jaccard similarity, where the snapshot's interactions are permuted among the sets of their
order. Over epochs and, where the two models train for different numbers of them, over the fraction
of training too.
"""

import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LABELS = ("Jaccard similarity\nto final interactions", "agreement with\nfinal interactions")
AXES = {"epoch": "epoch", "fraction": "fraction of training"}
TRAINED = ("finetune", "scratch")
RANGE = (-0.25, 1.05)
"""Of agreement; where hardly anything can agree, as before training, it may lie far below."""


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Two panels an experiment and axis of time; the numbers are means over samples and seeds."""
    jaccard = drawing.pick(tables, "jaccard")
    courses = drawing.pick(tables, "agreement_course", order="all")
    numbers = pd.concat([jaccard, courses[courses["level"] != "probe"]], ignore_index=True)
    last = jaccard.groupby(["experiment", "variant"])["epoch"].max().groupby("experiment")
    axes = [axis for axis in AXES if axis == "epoch" or (last.max() > last.min()).any()]
    labels = LABELS * len(axes)
    heights = [0.85] * len(labels)
    figure, panels = drawing.panels(settings, numbers, *labels, share_y=True, heights=heights)
    for own, stacked in panels:
        for axis, above, below in zip(axes, stacked[::2], stacked[1::2], strict=True):
            _jaccard(above, own[own["quantity"] == "jaccard"], axis)
            _agreement(below, own[own["quantity"] != "jaccard"], axis)
            for panel in (above, below):
                panel.set_xlabel(AXES[axis])
    drawing.legend_below(figure, settings, interval="band")
    return figure, numbers


def _jaccard(panel: Axes, own: pd.DataFrame, axis: str) -> None:
    for variant in TRAINED:
        line = own[own["variant"] == variant].sort_values(axis)
        drawing.line(panel, line, axis, variant)
        if line["second_run"].notna().any():
            _other(panel, line[axis], line["second_run"], variant)
        label = "chance level" if variant == "scratch" else None
        drawing.chance_line(panel, line, axis, variant, linewidth=0.9, label=label)
    panel.set_ylim(0, 1.02)


def _agreement(panel: Axes, own: pd.DataFrame, axis: str) -> None:
    for variant in TRAINED:
        line = own[own["variant"] == variant].sort_values(axis)
        drawing.line(panel, line[line["level"] == "own"], axis, variant)
        again = line[line["level"] == "second run"]
        if len(again):
            _other(panel, again[axis], again["number"], variant)
    panel.axhline(0, color=style.NULL, linewidth=0.9)
    panel.set_ylim(*RANGE)


def _other(panel: Axes, x: "pd.Series[float]", y: "pd.Series[float]", variant: str) -> None:
    look: drawing.Look = {"color": style.COLOURS[variant], "marker": style.MARKERS[variant]}
    look |= {"linestyle": style.DASHES[variant], "linewidth": 0.8, "markersize": 3}
    label = f"{style.LABELS[variant]}, another seed's end"
    panel.plot(x, y, markerfacecolor="white", label=label, **look)
