"""Stage `figure`: draw one figure of a suite as PDF and PNG, and write its numbers as CSV."""

import importlib
from pkgutil import iter_modules

from whypretrain.report import figures
from whypretrain.settings.report import FigureSettings
from whypretrain.stages import command

NAMES = sorted({module.name for module in iter_modules(figures.__path__)} - {"drawing"})


def main() -> None:
    paths = {
        "summaries+": "summary.csv of every experiment",
        "tables*": "tables of the suite that the figure reads: claims, overview, correlations",
        "output": "PDF to write; PNG and CSV are written beside it",
    }
    arguments, settings = command.parse("figure", __doc__, FigureSettings, paths, names=NAMES)

    import matplotlib as mpl
    from matplotlib import pyplot as plt

    from whypretrain.files.artifacts import atomic_path, write_csv
    from whypretrain.knowledge.reading import not_learned, read_tables
    from whypretrain.report import style

    mpl.use("Agg")  # files, on machines with a screen too
    style.apply()
    tables = read_tables([*arguments.summaries, *arguments.tables], settings.experiments)
    marks = not_learned(tables["summary"])
    titles = zip(settings.experiments, settings.titles, strict=True)
    marked = [f"{title}\n† {marks[name]}" if name in marks else title for name, title in titles]
    settings = settings.model_copy(update={"titles": marked})
    science = importlib.import_module(f"whypretrain.report.figures.{arguments.name}")
    figure, numbers = science.draw(tables, settings)
    output = arguments.output
    # Equal numbers give equal bytes.
    for suffix, metadata in ((".pdf", {"CreationDate": None}), (".png", {"Software": None})):
        with atomic_path(output.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata)
    told = numbers.mask(numbers == "").dropna(axis="columns", how="all")
    # Without rows, all column names.
    write_csv(output.with_suffix(".csv"), numbers if numbers.empty else told)
    plt.close(figure)


if __name__ == "__main__":
    command.run(main)
