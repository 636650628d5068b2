"""Which way of adapting keeps what.

Test accuracy against what a network keeps. Above, agreement with the linear probe: what is kept of
pre-training. Below, agreement of two networks that differ in their seed: what does not hang on it.
Both at low orders, for each way of adapting pre-trained weights and for training from scratch.
"""

import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LOW = "1-2"
"""The group of orders that is shown."""
PAPERS = {"finetune": "full fine-tuning", "scratch": "from scratch"}
FURTHER = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D", "#8C6D31")
SIGNS = ("^", "v", "D", "P", "X", "<", ">", "h", "*", "d")
RANGE = (-0.25, 1.05)
"""Of agreement; intervals that reach beyond it are in the CSV file."""
LABELS = {
    "agreement with the\nprobe, orders 1–2": "probe-{0}",
    "agreement of two\nseeds, orders 1–2": "{0}-{0}",
}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """An experiment a column; every way keeps its colour and sign in all of them."""
    own = tables["adapting"]
    low = own[(own["quantity"] == "agreement") & (own["order"] == LOW)]
    pairs = {
        name: title
        for name, title in zip(settings.experiments, settings.titles, strict=True)
        if (own["experiment"] == name).any()
    }
    shown = {"experiments": list(pairs), "titles": list(pairs.values())}
    settings = settings.model_copy(update=shown)
    names = ["test accuracy"] * len(LABELS)
    figure, panels = drawing.panels(settings, low, *names, share_y=True, heights=[1.2, 1.2])
    looks, kept = _looks(own), []
    for name, (agreement, stacked) in zip(settings.experiments, panels, strict=True):
        accuracy = own[(own["experiment"] == name) & (own["quantity"] == "accuracy")]
        for panel, (label, pair) in zip(stacked, LABELS.items(), strict=True):
            _scatter(panel, accuracy, agreement, pair, looks)
            panel.set_xlabel(label)
            panel.yaxis.set_major_formatter(drawing.PERCENT)
        kept += [accuracy, agreement]
    drawing.legend_below(figure, settings, *figure.axes, interval="line")
    return figure, pd.concat(kept, ignore_index=True)


def _looks(own: pd.DataFrame) -> dict[str, drawing.Look]:
    """Colour, sign and label of every way, those of the paper first."""
    named = own[own["quantity"] == "accuracy"].drop_duplicates("variant").set_index("variant")
    found = {way: _paper(way) for way in PAPERS}
    further = [way for way in named.index if way not in {*PAPERS, "probe"}]
    for place, way in enumerate(further):
        colour, sign = FURTHER[place % len(FURTHER)], SIGNS[place % len(SIGNS)]
        found[way] = {"color": colour, "marker": sign, "label": named.loc[way, "level"]}
    return found


def _paper(way: str) -> drawing.Look:
    return {"color": style.COLOURS[way], "marker": style.MARKERS[way], "label": PAPERS[way]}


def _scatter(
    panel: Axes,
    accuracy: pd.DataFrame,
    agreement: pd.DataFrame,
    pair: str,
    looks: dict[str, drawing.Look],
) -> None:
    accuracy, agreement = accuracy.set_index("variant"), agreement.set_index("variant")
    for way, look in looks.items():
        if way not in accuracy.index or pair.format(way) not in agreement.index:
            continue
        x, y = agreement.loc[[pair.format(way)]], accuracy.loc[[way]]
        reach: drawing.Look = {"xerr": drawing.whiskers(x), "markersize": 4.5, "linewidth": 0.6}
        drawing.points(panel, x["number"], y, linestyle="none", **reach, **look)
    panel.set_xlim(*RANGE)
    panel.axvline(0, color=style.NULL, linewidth=0.9, label="chance level, 0")
