"""Stage `metrics.robustness`: that of the three networks of an experiment, in one table."""

import argparse

import pandas as pd

from whypretrain.files.artifacts import atomic_path
from whypretrain.knowledge.reading import ROBUSTNESS, read_table
from whypretrain.stages import command

VARIANTS = ("probe", "finetune", "scratch")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m whypretrain.stages.robustness_table", description=__doc__
    )
    parser.add_argument("--experiment", required=True, help="name of the experiment")
    command.path_argument(
        parser, "--runs", f"robustness.csv of {', '.join(VARIANTS)}", nargs=len(VARIANTS)
    )
    command.path_argument(parser, "--table", "table to write, CSV")
    arguments = parser.parse_args()
    tables = [
        read_table(path, ROBUSTNESS).assign(variant=variant)
        for variant, path in zip(VARIANTS, arguments.runs, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "variant", table.pop("variant"))
    table.insert(0, "experiment", arguments.experiment)
    with atomic_path(arguments.table) as temporary:
        table.to_csv(temporary, index=False)


if __name__ == "__main__":
    command.run(main)
