"""Stage `samples`: choose the test images to explain, their players and the baseline."""

import pandas as pd

from whypretrain import stage
from whypretrain.artifacts import atomic_path
from whypretrain.config.interactions import SamplesSettings
from whypretrain.data.samples import make_samples, write_samples
from whypretrain.data.table import read_split
from whypretrain.progress import say


def main() -> None:
    """Command line."""
    parser = stage.parser("samples", __doc__, SamplesSettings)
    stage.path_argument(parser, "--train", "train split of the downstream dataset")
    stage.path_argument(parser, "--test", "test split of the downstream dataset")
    stage.path_argument(parser, "--samples", "samples to write, HDF5")
    stage.path_argument(parser, "--table", "the samples' ids and labels to write, CSV")
    arguments = parser.parse_args()
    samples = make_samples(
        read_split(arguments.train), read_split(arguments.test), arguments.settings
    )
    write_samples(arguments.samples, samples)
    table = pd.DataFrame(
        {
            "sample": samples.ids,
            "label": samples.labels,
            "class": [samples.classes[label] for label in samples.labels],
            "n_players": samples.n_players,
        }
    )
    with atomic_path(arguments.table) as temporary:
        table.to_csv(temporary, index=False)
    say(
        f"samples {arguments.samples.parent.name}: {len(samples.ids)} samples "
        f"with {samples.n_players} players"
    )


if __name__ == "__main__":
    stage.run(main)
