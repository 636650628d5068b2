"""Stage `explorer`: a suite's results as one HTML page that opens without a server."""

from pathlib import Path
from typing import Any

from whypretrain import __version__
from whypretrain.files.artifacts import atomic_path
from whypretrain.files.progress import Progress, say
from whypretrain.knowledge.reading import read_tables
from whypretrain.report import style
from whypretrain.report.explorer.experiment import read_experiment
from whypretrain.report.explorer.numbers import claim_rows
from whypretrain.report.explorer.page import MEGABYTE, render
from whypretrain.settings.explorer import ExplorerSettings
from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = command.parser("explorer", __doc__, ExplorerSettings)
    command.path_argument(parser, "--claims", "the suite's claims.csv")
    command.path_argument(parser, "--experiments", "folders of its experiments", nargs="+")
    command.path_argument(parser, "--output", "HTML to write")
    arguments = parser.parse_args()
    settings: ExplorerSettings = arguments.settings

    label = f"explorer {settings.suite}"
    folders: list[Path] = arguments.experiments
    if [folder.name for folder in folders] != settings.experiments:
        message = f"--experiments: must be folders of {', '.join(settings.experiments)}, in turn"
        raise ValueError(message)
    claims = claim_rows(read_tables([arguments.claims], settings.experiments)["claims"], settings)
    progress = Progress(label, len(folders), "experiment")
    experiments = []
    for folder in folders:
        experiments.append(read_experiment(folder, settings))
        progress.update(1)
    page, most = render(
        suite_view(settings, claims, experiments),
        experiments,
        most_bytes=settings.explorer.megabytes * MEGABYTE,
    )
    if most < max(len(experiment["samples"]) for experiment in experiments):
        say(f"{label}: {most} samples an experiment fit into explorer.megabytes")
    with atomic_path(arguments.output) as temporary:
        temporary.write_bytes(page)


def suite_view(
    settings: ExplorerSettings, claims: list[dict[str, Any]], experiments: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the page says of the suite as a whole."""
    return {
        "suite": settings.suite,
        "version": __version__,
        "confidence": settings.statistics.confidence,
        "statistics_seed": settings.statistics.seed,
        "n_permutations": settings.statistics.n_permutations,
        "reading": settings.figures.ratio_reading,
        "salience_threshold": settings.metrics.salience_threshold,
        "salience_scale": settings.metrics.salience_scale,
        "megabytes": settings.explorer.megabytes,
        "labels": style.LABELS,
        "claims": claims,
        "experiments": [
            {key: one[key] for key in ("name", "title", "setup", "n_samples", "n_players")}
            for one in experiments
        ],
    }


if __name__ == "__main__":
    command.run(main)
