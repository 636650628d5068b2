"""Stage `figure`: one figure of a suite as PDF and PNG, and the numbers it shows as CSV."""

import importlib
from pathlib import Path
from pkgutil import iter_modules

from whypretrain.report import figures
from whypretrain.settings.report import FigureSettings
from whypretrain.stages import command

NAMES = sorted({module.name for module in iter_modules(figures.__path__)} - {"drawing"})


def main() -> None:
    """Command line."""
    parser = command.parser("figure", __doc__, FigureSettings)
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    command.path_argument(parser, "--summaries", "summary.csv of every experiment", nargs="+")
    parser.add_argument(
        "--tables",
        type=Path,
        nargs="*",
        default=[],
        metavar="PATH",
        help="tables of the suite that the figure reads besides: claims, overview, correlations",
    )
    command.path_argument(parser, "--output", "PDF to write; PNG and CSV stand beside it")
    arguments = parser.parse_args()
    settings: FigureSettings = arguments.settings

    import matplotlib as mpl
    from matplotlib import pyplot as plt

    from whypretrain.files.artifacts import atomic_path
    from whypretrain.knowledge.reading import read_tables
    from whypretrain.report import style

    mpl.use("Agg")  # files, on machines with a screen too
    style.apply()
    tables = read_tables([*arguments.summaries, *arguments.tables], settings.experiments)
    science = importlib.import_module(f"whypretrain.report.figures.{arguments.name}")
    figure, numbers = science.draw(tables, settings)
    output: Path = arguments.output
    # Equal numbers give equal bytes.
    for suffix, metadata in ((".pdf", {"CreationDate": None}), (".png", {"Software": None})):
        with atomic_path(output.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata)
    with atomic_path(output.with_suffix(".csv")) as temporary:
        told = numbers.mask(numbers == "").dropna(axis="columns", how="all")
        told = numbers if numbers.empty else told  # column names alone
        told.to_csv(temporary, index=False)
    plt.close(figure)


if __name__ == "__main__":
    command.run(main)
