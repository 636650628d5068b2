"""Which way of adapting keeps what.

Test accuracy against what a network keeps. Above, agreement with the linear probe: what is kept of
pre-training. Below, agreement of two networks that differ in their seed: what does not hang on it.
Both at low orders, for each way of adapting pre-trained weights and for training from scratch.
"""

import matplotlib.pyplot as plt
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
LABELS = ("agreement with the probe, orders 1–2", "agreement of two seeds, orders 1–2")


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """An experiment a column; every way keeps its colour and sign in all of them."""
    own = tables["adapting"]
    names = [name for name in settings.experiments if (own["experiment"] == name).any()]
    titles = dict(zip(settings.experiments, settings.titles, strict=True))
    looks = _looks(own)
    width = settings.figures.width
    n_columns = drawing.columns(len(names), width, style.NARROWEST)
    n_bands = -(-len(names) // n_columns)
    figure, grid = plt.subplots(
        2 * n_bands,
        n_columns,
        figsize=(min(width, style.WIDEST * n_columns), 2 * style.HEIGHT * n_bands + 0.3),
        squeeze=False,
        sharey=True,
    )
    kept = []
    for place, name in enumerate(names):
        band, column = divmod(place, n_columns)
        of_one = own[own["experiment"] == name]
        accuracy = of_one[of_one["quantity"] == "accuracy"].set_index("variant")
        agreement = of_one[(of_one["quantity"] == "agreement") & (of_one["order"] == LOW)]
        agreement = agreement.set_index("variant")
        for row, (panel, pair) in enumerate(
            zip(grid[2 * band : 2 * band + 2, column], ("probe-{0}", "{0}-{0}"), strict=True)
        ):
            _scatter(panel, accuracy, agreement, pair, looks)
            panel.set_xlabel(LABELS[row])
            panel.yaxis.set_major_formatter(drawing.PERCENT)
            if column == 0:
                panel.set_ylabel("test accuracy")
        seeds, n = (int(agreement[key].max()) for key in ("n_seeds", "n"))
        grid[2 * band, column].set_title(f"{titles[name]}\nn = {n}, {seeds} seeds")
        kept += [accuracy.reset_index(), agreement.reset_index()]
    stacks = grid.reshape(n_bands, 2, n_columns).swapaxes(1, 2).reshape(-1, 2)
    for panel in stacks[len(names) :].flat:
        panel.set_visible(False)
    drawing.legend_below(figure, settings, *figure.axes, interval="line")
    return figure, pd.concat(kept, ignore_index=True)[list(own.columns)]


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
    for way, look in looks.items():
        if way not in accuracy.index or pair.format(way) not in agreement.index:
            continue
        x, y = agreement.loc[[pair.format(way)]], accuracy.loc[[way]]
        reach: drawing.Look = {"xerr": drawing.whiskers(x), "markersize": 4.5, "linewidth": 0.6}
        drawing.points(panel, x["number"], y, linestyle="none", **reach, **look)
    panel.axvline(0, color=style.NULL, linewidth=0.9, label="chance level, 0")
