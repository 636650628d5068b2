"""What a suite costs, before it is run: jobs, forward passes, disk, memory and time.

Takes `--configfile` and `--config` as Snakemake does. Times are those of this machine, measured for
a few seconds each by as many processes as there are cores, or of cards whose throughput is stated:

    python -m workflow.lib.plan --config suite=paper --gpu-tflops 40 --gpus 2
"""

import argparse
import json
import sys
from pathlib import Path

from whypretrain.settings.mistakes import ConfigError
from whypretrain.settings.reading import read_over
from whypretrain.settings.whole import Config, check
from whypretrain.stages import command
from workflow.lib.plan import report
from workflow.lib.plan.assemble import cores_here, make_plan
from workflow.lib.plan.cost import Machine
from workflow.lib.start import local_gpus, use_this_checkout


def configured(configfiles: list[str], changes: list[str]) -> Config:
    """The configuration as Snakemake puts it together from config.yaml, files and `key=value`.

    Raises
    ------
    ConfigError
        If it is wrong, or a file cannot be read.
    """
    # Snakemake comes with the extra `workflow`; a plan of its jobs cannot do without.
    from snakemake.cli import parse_config  # noqa: PLC0415
    from snakemake.utils import update_config  # noqa: PLC0415

    values = read_over(Path("config.yaml"), *map(Path, configfiles))
    try:
        update_config(values, parse_config(changes))
    except ValueError as error:
        message = f"--config {' '.join(changes)}: {error}"
        raise ConfigError(message) from error
    return check(values)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m workflow.lib.plan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, same = parser.add_argument, "as Snakemake's"
    add("--configfile", nargs="+", default=[], metavar="FILE", help=same)
    add("--config", nargs="*", default=[], metavar="KEY=VALUE", help=same)
    add("--cores", default="all", type=_cores, help="that jobs may take (default: all)")
    add("--gpu-tflops", type=_positive, metavar="T", help="what a card does in fact, in TFLOP/s")
    add("--gpus", type=int, metavar="N", help="cards (default: 1 if there are any, or are stated)")
    add("--exact", action="store_true", help="measure nothing: what follows from arithmetic alone")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    use_this_checkout()
    config = configured(arguments.configfile, arguments.config)
    passed = [*(["--configfile", *arguments.configfile] if arguments.configfile else [])]
    passed += ["--config", *arguments.config] if arguments.config else []
    gpus = max(local_gpus(), int(arguments.gpu_tflops is not None))
    gpus = gpus if arguments.gpus is None else arguments.gpus
    if gpus > local_gpus() and arguments.gpu_tflops is None:
        parser.error(f"--gpus {gpus}: give --gpu-tflops too, as this machine cannot measure them")
    machine = Machine(arguments.cores, gpus, arguments.gpu_tflops)
    plan = make_plan(config, passed, machine, timed=not arguments.exact)
    sys.stdout.write(json.dumps(plan, indent=2) + "\n" if arguments.json else report.text(plan))


def _cores(value: str) -> int:
    number = cores_here() if value == "all" else int(value)
    if number < 1:
        message = f"{value}: must be at least 1"
        raise argparse.ArgumentTypeError(message)
    return number


def _positive(value: str) -> float:
    number = float(value)
    if not number > 0:
        message = f"{value}: must be above 0"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    command.run(main)
