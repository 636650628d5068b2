"""Agreement of all ways of adapting.

Every two ways at low orders: 0 is chance, 1 as alike as their strengths allow. On the diagonal two
networks of one way that differ in their seed.
"""

import matplotlib.pyplot as plt
import pandas as pd

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.report.figures.adapting import LOW, PAPERS
from whypretrain.settings.report import FigureSettings

CELL, SMALLEST = 0.26, 0.165  # inches of a cell at most, and what a number of 6 pt needs
NAMES = 1.4  # inches of the names beside a matrix
BELOW, UNDER = 0.75, 0.2  # inches of what is above and below it, and of what is below it alone


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """A matrix an experiment, as many beside each other as fit the width."""
    own = tables["adapting"]
    own = own[(own["quantity"] == "agreement") & (own["order"] == LOW)]
    names = [name for name in settings.experiments if (own["experiment"] == name).any()]
    titles = dict(zip(settings.experiments, settings.titles, strict=True))
    ways = {name: _ways(tables["adapting"], name) for name in names}
    most = max(map(len, ways.values()))
    width = settings.figures.width
    n_columns = drawing.columns(len(names), width, NAMES + SMALLEST * most)
    side = min(CELL * most, width / n_columns - NAMES)
    across, down = NAMES + side, BELOW + side
    n_rows = -(-len(names) // n_columns)
    total = (across * n_columns, down * n_rows)
    figure = plt.figure(figsize=total)
    figure.set_layout_engine("none")  # places are in inches here
    for place, name in enumerate(names):
        row, column = divmod(place, n_columns)
        x, y = column * across + NAMES, (n_rows - 1 - row) * down + UNDER
        wide, high = total
        panel = figure.add_axes((x / wide, y / high, side / wide, side / high))
        of_one = own[own["experiment"] == name]
        drawing.matrix(panel, of_one.set_index("variant")["number"], list(ways[name]), short=True)
        places, words = range(len(ways[name])), ways[name].values()
        panel.set_xticks(places, [str(at + 1) for at in places])
        panel.set_yticks(places, [f"{title}  {at + 1}" for at, title in enumerate(words)])
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
