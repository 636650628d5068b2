"""Stage `explorer`: write a suite's results as one HTML page that opens without a server."""

from whypretrain import __version__
from whypretrain.settings.report import ExplorerSettings
from whypretrain.stages import command


def main() -> None:
    paths = {
        "claims": "the suite's claims.csv",
        "experiments+": "folders of its experiments",
        "adapting*": "adapting.csv of those with further variants",
        "output": "HTML to write",
    }
    arguments, settings = command.parse("explorer", __doc__, ExplorerSettings, paths)

    from whypretrain.data.samples import read_samples
    from whypretrain.files.artifacts import ArtifactError, atomic_path
    from whypretrain.files.progress import Progress, say
    from whypretrain.interactions.splits import AND_OR, read_either
    from whypretrain.knowledge.reading import read_tables
    from whypretrain.knowledge.strengths import VARIANTS
    from whypretrain.report.explorer.experiment import experiment_view
    from whypretrain.report.explorer.page import MEGABYTE, render, suite_view

    label, folders = f"explorer {settings.suite}", arguments.experiments
    if [folder.name for folder in folders] != settings.experiments:
        message = f"--experiments: must be folders of {', '.join(settings.experiments)}, in turn"
        raise ValueError(message)
    claims = read_tables([arguments.claims], settings.experiments)["claims"]
    ways = {path.parent: read_tables([path], [path.parent.name]) for path in arguments.adapting}
    progress = Progress(label, len(folders), "experiment")
    experiments = []
    for folder, setup in zip(folders, settings.setups, strict=True):
        samples = read_samples(folder / "samples.h5")
        own = folder / AND_OR if setup.interactions == "and_or" else None
        records = {
            variant: read_either(folder / f"{variant}.h5", own and own / f"{variant}.h5")
            for variant in VARIANTS
        }
        tables = read_tables([folder / "summary.csv"], [folder.name]) | ways.get(folder, {})
        try:
            experiments.append(experiment_view(folder.name, samples, records, tables, settings))
        except ValueError as error:
            message = f"{folder}: {error}"
            raise ArtifactError(message) from error
        progress.update()
    suite = suite_view(settings, claims, experiments, version=__version__)
    page, most = render(suite, experiments, most_bytes=settings.explorer.megabytes * MEGABYTE)
    if most < max(len(experiment["samples"]) for experiment in experiments):
        say(f"{label}: {most} samples an experiment fit into explorer.megabytes")
    with atomic_path(arguments.output) as temporary:
        temporary.write_bytes(page)


if __name__ == "__main__":
    command.run(main)
