"""Stage `player_sheet`: a picture of every sample with its players, for a person to check."""

import argparse
import re

from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m whypretrain.stages.player_sheet", description=__doc__
    )
    command.path_argument(parser, "--samples", "samples of an experiment, HDF5")
    command.path_argument(parser, "--folder", "folder to write the pictures into")
    arguments = parser.parse_args()

    from PIL import Image

    from whypretrain.data.samples import read_samples
    from whypretrain.files.artifacts import atomic_path
    from whypretrain.report.player_sheet import player_sheet

    arguments.folder.mkdir(parents=True, exist_ok=True)
    for position, sample in enumerate(read_samples(arguments.samples).samples):
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", sample.id)[-80:]
        with atomic_path(arguments.folder / f"{position:03d}-{name}.png") as temporary:
            Image.fromarray(player_sheet(sample)).save(temporary, format="PNG")


if __name__ == "__main__":
    command.run(main)
