"""Agreement of all ways of adapting.

Every two ways at low orders: 0 is chance, 1 as alike as their strengths allow. On the diagonal two
networks of one way that differ in their seed.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.report.figures.adapting import LOW, PAPERS
from whypretrain.settings.report import FigureSettings

CELL = 0.28  # inches, in which a number of 6 pt stands
NAMES = 1.2  # inches of the names beside a matrix, and below it


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """A matrix an experiment, as many beside each other as fit the width."""
    own = tables["adapting"]
    own = own[(own["quantity"] == "agreement") & (own["order"] == LOW)]
    names = [name for name in settings.experiments if (own["experiment"] == name).any()]
    titles = dict(zip(settings.experiments, settings.titles, strict=True))
    ways = {name: _ways(tables["adapting"], name) for name in names}
    most = max(map(len, ways.values()))
    side = NAMES + CELL * most
    n_columns = drawing.columns(len(names), settings.figures.width, side)
    n_rows = -(-len(names) // n_columns)
    figure, grid = plt.subplots(
        n_rows, n_columns, figsize=(side * n_columns, (side + 0.2) * n_rows), squeeze=False
    )
    for panel in grid.flat[len(names) :]:
        panel.set_visible(False)
    for name, panel in zip(names, grid.flat, strict=False):
        of_one = own[own["experiment"] == name]
        _matrix(panel, of_one.set_index("variant")["number"], ways[name])
        seeds = int(of_one["n_seeds"].max())
        panel.set_title(f"{titles[name]}\nn = {int(of_one['n'].max())}, {seeds} seeds")
    return figure, own


def _ways(adapting: pd.DataFrame, name: str) -> dict[str, str]:
    """What the ways of an experiment are called, by name."""
    own = adapting[(adapting["experiment"] == name) & (adapting["quantity"] == "accuracy")]
    return {
        way: PAPERS.get(way, style.SHORT.get(way, title))
        for way, title in zip(own["variant"], own["level"], strict=True)
    }


def _matrix(panel: Axes, numbers: "pd.Series[float]", ways: dict[str, str]) -> None:
    values = np.full((len(ways), len(ways)), np.nan)
    for row, one in enumerate(ways):
        for column, other in enumerate(ways):
            for pair in (f"{one}-{other}", f"{other}-{one}"):
                if pair in numbers.index:
                    values[row, column] = numbers[pair]
    panel.imshow(values, cmap="Greys", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−").replace("0.", ".")
        look: drawing.Look = {"color": "white" if value > 0.5 else "black", "ha": "center"}
        panel.text(column, row, text, va="center", fontsize=style.SMALLEST, **look)
    places, words = range(len(ways)), list(ways.values())
    panel.set_xticks(places, words, rotation=40, ha="right", rotation_mode="anchor")
    panel.set_yticks(places, words)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
