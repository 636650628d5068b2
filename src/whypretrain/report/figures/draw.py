"""What all figures do alike: read the tables, lay out a panel an experiment, save three files."""

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.files.artifacts import atomic_path
from whypretrain.knowledge.reading import read_tables
from whypretrain.report import style
from whypretrain.settings.figures import FigureSettings
from whypretrain.stages import command

MOST_COLUMNS = 4
LEGEND_WIDTH = 5.0  # inches that the longest legend needs

Tables = Mapping[str, pd.DataFrame]
"""By its name each table that a figure reads, the experiments' rows one below the other."""
Draw = Callable[[Tables, FigureSettings], tuple[Figure, pd.DataFrame]]
"""From tables to a figure and the numbers it shows."""


def run(name: str, description: str | None, draw: Draw) -> None:
    """Command line of a figure: read tables, draw, write PDF, PNG and the numbers as CSV."""
    parser = command.parser(f"figures.{name}", description, FigureSettings)
    command.path_argument(parser, "--tables", "CSV tables of every experiment", nargs="+")
    command.path_argument(parser, "--output", "PDF to write; PNG and CSV stand beside it")

    def main() -> None:
        arguments = parser.parse_args()
        settings: FigureSettings = arguments.settings
        plt.switch_backend("Agg")  # files, on machines with a screen too
        style.apply()
        figure, numbers = draw(read_tables(arguments.tables, settings.experiments), settings)
        save(figure, numbers, arguments.output)

    command.run(main)


def save(figure: Figure, numbers: pd.DataFrame, path: Path) -> None:
    """Write the figure as PDF and PNG, its numbers as CSV; equal input gives equal bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="pdf", metadata={"CreationDate": None})
    with atomic_path(path.with_suffix(".png")) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    with atomic_path(path.with_suffix(".csv")) as temporary:
        numbers.to_csv(temporary, index=False)
    plt.close(figure)


def panels(
    settings: FigureSettings,
    numbers: pd.DataFrame,
    n: str = "n_samples",
    *,
    rows: int = 1,
    share_y: bool = False,
) -> tuple[Figure, dict[str, list[Axes]]]:
    """A grid with `rows` panels an experiment, one above the other.

    It is titled with its name and n, what its numbers are means over: their column `n`.
    """
    names = settings.experiments
    n_columns = min(len(names), MOST_COLUMNS)
    n_bands = -(-len(names) // n_columns)
    width, height = style.PANEL
    figure, axes = plt.subplots(
        n_bands * rows,
        n_columns,
        figsize=(max(width * n_columns, LEGEND_WIDTH), height * n_bands * rows + 0.35),
        squeeze=False,
        sharey="row" if share_y else False,
    )
    chosen: dict[str, list[Axes]] = {}
    for position, (name, title) in enumerate(zip(names, settings.titles, strict=True)):
        band, column = divmod(position, n_columns)
        chosen[name] = [axes[band * rows + row][column] for row in range(rows)]
        chosen[name][0].set_title(f"{title}, {_counted(numbers, name, n)}")
    for position in range(len(names), n_bands * n_columns):
        band, column = divmod(position, n_columns)
        for row in range(rows):
            axes[band * rows + row][column].set_visible(False)
    return figure, chosen


def names_with_n(numbers: pd.DataFrame, settings: FigureSettings) -> list[str]:
    """Ticks of an axis with a place an experiment: its name and, in a line below, its samples.

    Parameters
    ----------
    numbers : with columns `experiment` and `n`
    """
    return [
        "\n".join([*title.split(" · "), _counted(numbers, name, "n")])
        for name, title in zip(settings.experiments, settings.titles, strict=True)
    ]


def _counted(numbers: pd.DataFrame, experiment: str, column: str) -> str:
    counts = numbers.loc[numbers["experiment"] == experiment, column].dropna().astype(int)
    if counts.empty:
        return "n = 0"
    least, most = counts.min(), counts.max()
    return f"n = {least}" if least == most else f"n = {least}–{most}"


def line_with_band(panel: Axes, own: pd.DataFrame, x: str, y: str, variant: str) -> None:
    """A model's numbers along column `x`, with the band from `low` to `high`."""
    colour = style.COLOURS[variant]
    panel.fill_between(own[x], own["low"], own["high"], color=colour, alpha=0.2, linewidth=0)
    panel.plot(
        own[x],
        own[y],
        color=colour,
        linestyle=style.DASHES[variant],
        marker=style.MARKERS[variant],
        markersize=3,
        linewidth=1.2,
        label=style.LABELS[variant],
    )


def legend_below(figure: Figure, axes: Axes) -> None:
    """One legend for the whole figure, under it, from the handles of one panel."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))
