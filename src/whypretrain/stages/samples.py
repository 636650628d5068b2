"""Stage `samples`: choose the test samples to explain, their players and the baseline."""

from whypretrain.settings.interactions import SamplesSettings
from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = command.parser("samples", __doc__, SamplesSettings)
    command.path_argument(parser, "--train", "train split of the downstream dataset")
    command.path_argument(parser, "--test", "test split of the downstream dataset")
    command.path_argument(parser, "--samples", "samples to write, HDF5")
    command.path_argument(parser, "--table", "the samples' ids, labels and players to write, CSV")
    arguments = parser.parse_args()

    from whypretrain.data.samples import sample_table, write_samples
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import atomic_path
    from whypretrain.files.progress import say
    from whypretrain.interactions.sampling import make_samples

    samples = make_samples(
        read_split(arguments.train), read_split(arguments.test), arguments.settings
    )
    write_samples(arguments.samples, samples)
    with atomic_path(arguments.table) as temporary:
        sample_table(samples).to_csv(temporary, index=False)
    say(
        f"samples {arguments.samples.parent.name}: {len(samples.samples)} samples "
        f"with {samples.n_players} players"
    )


if __name__ == "__main__":
    command.run(main)
