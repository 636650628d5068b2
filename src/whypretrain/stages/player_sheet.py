"""Stage `player_sheet`: draw a picture of every sample with its players, for a person to check."""

import argparse
import re
from pathlib import Path

from whypretrain.stages import command


def main() -> None:
    program = "python -m whypretrain.stages.player_sheet"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="an experiment's samples.h5")
    parser.add_argument("--folder", type=Path, required=True, help="folder to write pictures into")
    arguments = parser.parse_args()

    from PIL import Image

    from whypretrain.data.samples import read_samples
    from whypretrain.files.artifacts import atomic_path
    from whypretrain.report.player_sheet import player_sheet

    for position, sample in enumerate(read_samples(arguments.samples).samples):
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", sample.id)[-80:]
        with atomic_path(arguments.folder / f"{position:03d}-{name}.png") as temporary:
            Image.fromarray(player_sheet(sample)).save(temporary, format="PNG")


if __name__ == "__main__":
    command.run(main)
