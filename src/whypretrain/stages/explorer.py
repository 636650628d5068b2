"""Stage `explorer`: a suite's results as one HTML page that opens without a server."""

from pathlib import Path
from typing import Any

from whypretrain import __version__
from whypretrain.settings.report import ExplorerSettings
from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = command.parser("explorer", __doc__, ExplorerSettings)
    command.path_argument(parser, "--claims", "the suite's claims.csv")
    command.path_argument(parser, "--experiments", "folders of its experiments", nargs="+")
    command.path_argument(parser, "--output", "HTML to write")
    arguments = parser.parse_args()
    settings: ExplorerSettings = arguments.settings

    from whypretrain.files.artifacts import atomic_path
    from whypretrain.files.progress import Progress, say
    from whypretrain.knowledge.reading import read_tables
    from whypretrain.report.explorer.page import MEGABYTE, render, suite_view

    label = f"explorer {settings.suite}"
    folders: list[Path] = arguments.experiments
    if [folder.name for folder in folders] != settings.experiments:
        message = f"--experiments: must be folders of {', '.join(settings.experiments)}, in turn"
        raise ValueError(message)
    claims = read_tables([arguments.claims], settings.experiments)["claims"]
    progress = Progress(label, len(folders), "experiment")
    experiments = []
    for folder in folders:
        experiments.append(read_experiment(folder, settings))
        progress.update(1)
    page, most = render(
        suite_view(settings, claims, experiments, version=__version__),
        experiments,
        most_bytes=settings.explorer.megabytes * MEGABYTE,
    )
    if most < max(len(experiment["samples"]) for experiment in experiments):
        say(f"{label}: {most} samples an experiment fit into explorer.megabytes")
    with atomic_path(arguments.output) as temporary:
        temporary.write_bytes(page)


def read_experiment(folder: Path, settings: ExplorerSettings) -> dict[str, Any]:
    """What the page shows of the experiment in a folder."""
    from whypretrain.data.samples import read_samples
    from whypretrain.files.artifacts import ArtifactError
    from whypretrain.interactions.record import read_record
    from whypretrain.knowledge.reading import read_tables
    from whypretrain.report.explorer.experiment import experiment_view

    setup = settings.setups[settings.experiments.index(folder.name)]
    variants = ["probe", "finetune", "scratch"]
    variants += [] if setup.replicate_seed is None else ["replicate"]
    samples = read_samples(folder / "samples.h5")
    records = {variant: read_record(folder / f"{variant}.h5") for variant in variants}
    summary = read_tables([folder / "summary.csv"], [folder.name])["summary"]
    try:
        return experiment_view(folder.name, samples, records, summary, settings)
    except ValueError as error:
        message = f"{folder}: {error}"
        raise ArtifactError(message) from error


if __name__ == "__main__":
    command.run(main)
