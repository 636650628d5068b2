"""Stage `samples`: choose the test samples to explain, their players and the baseline."""

from whypretrain.settings.interactions import SamplesSettings
from whypretrain.stages import command


def main() -> None:
    paths = command.SPLITS | {
        "samples": "samples to write, HDF5",
        "table": "the samples' ids, labels and players to write, CSV",
    }
    arguments, settings = command.parse("samples", __doc__, SamplesSettings, paths)

    from whypretrain.data.samples import sample_table, write_samples
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import write_csv
    from whypretrain.files.progress import say
    from whypretrain.interactions.sampling import make_samples

    samples = make_samples(read_split(arguments.train), read_split(arguments.test), settings)
    write_samples(arguments.samples, samples)
    write_csv(arguments.table, sample_table(samples))
    count = f"{len(samples.samples)} samples with {samples.n_players} players"
    say(f"samples {arguments.samples.parent.name}: {count}")


if __name__ == "__main__":
    command.run(main)
