"""What a suite costs, before it is run: jobs, forward passes, disk, memory and time.

Takes `--configfile` and `--config` as Snakemake does. Times are arithmetic at the rates of this
machine, which are measured for at most 20 s, or of cards whose throughput is stated. A job that has
run before takes as long as its record in results/benchmarks says.

    python -m workflow.lib.plan --config suite=paper --gpu-tflops 40 --gpus 2
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whypretrain.files.progress import say
from whypretrain.settings.mistakes import ConfigError
from whypretrain.settings.reading import read_over
from whypretrain.settings.whole import Config, check
from whypretrain.stages import command
from workflow.lib.plan import report
from workflow.lib.plan.jobs import Job, dry_run, wall_seconds
from workflow.lib.start import local_gpus, use_this_checkout

if TYPE_CHECKING:
    from workflow.lib.plan.calibrate import Calibration
    from workflow.lib.plan.cost import Costs


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


def make_plan(
    config: Config,
    asked: Future[list[Job]],
    *,
    cores: int,
    gpus: int,
    tflops: float | None,
    timed: bool,
) -> dict[str, Any]:
    """The plan of the jobs that are asked for, in the current folder.

    Parameters
    ----------
    asked : a dry run, during which libraries are imported here
    tflops : what a card does, in TFLOP/s; None measures
    timed : False measures nothing, and leaves times at zero
    """
    import psutil  # noqa: PLC0415

    from workflow.lib.plan.calibrate import Calibration, calibrate  # noqa: PLC0415
    from workflow.lib.plan.cost import ON_CARD, Costs  # noqa: PLC0415
    from workflow.lib.plan.network import located  # noqa: PLC0415

    jobs = asked.result()
    costs = Costs(config, jobs, "cuda" if gpus and not tflops else "cpu", tflops)
    memory = psutil.virtual_memory()
    calibration = Calibration({}, {}, {}, 1.0, 9e8)
    with ExitStack() as stack:
        for name in sorted({model for model, _ in map(costs.subject, jobs)} - {""}):
            place = located(config.architecture(name), config.models[name].weights, name)
            costs.add(name, *stack.enter_context(place))
        if timed and jobs:
            say("plan: calibrating for at most 20 s")
            calibration = calibrate(costs.requests(jobs) if tflops is None else [], costs.device)
    items = [costs.item(job, calibration) for job in jobs]
    rules = list(dict.fromkeys(job.rule for job in jobs))
    total = report.row("total", items)
    seconds, on_card = [item["seconds"] for item in items], [j.rule in ON_CARD for j in jobs]
    wall = wall_seconds(jobs, seconds, on_card, cores, gpus)
    on_cards = sum(s for s, card in zip(seconds, on_card, strict=True) if card and gpus)
    total |= {"wall_seconds": wall, "idle_wall_seconds": wall * calibration.share}
    total |= {"core_hours": total["seconds"] / 3600, "gpu_hours": on_cards / 3600}
    # A run that ends has its snapshots twice for a moment.
    needed = total["disk_bytes"] + max((item["disk_bytes"] for item in items), default=0)
    disk = {"needed": needed, "free": shutil.disk_usage(".").free}
    return {
        "suite": config.suite,
        "timed": bool(calibration.starts),
        "machine": {"cores": cores, "gpus": gpus, "share_of_a_core": calibration.share},
        "rows": [report.row(r, [i for i in items if i["rule"] == r]) for r in rules],
        "total": total,
        "disk": disk,
        "warnings": _warnings(costs, items, disk, memory.total),
        "how": _how(costs, items, calibration),
        "jobs": items,
    }


def _warnings(
    costs: "Costs", items: Sequence[dict[str, Any]], disk: dict[str, int], memory: int
) -> list[str]:
    found = [
        f"the size of {name} is not known, so its jobs count as empty: give datasets.{name}.sizes "
        f"and n_classes, or make results/datasets/{name}/train.parquet first"
        for name in costs.unknown
    ]
    if disk["needed"] > disk["free"]:
        found.append("that does not fit on the disk: free some, or run from a larger one")
    return found + [
        f"{item['experiment']}: the stage knowledge needs about {report.size(item['memory_bytes'])}"
        f" of memory, this machine has {report.size(memory)}: lower sampling.players.n or the "
        f"number of samples"
        for item in items
        if item["rule"] == "knowledge" and item["memory_bytes"] > memory
    ]


def _how(costs: "Costs", items: Sequence[dict[str, Any]], calibration: "Calibration") -> list[str]:
    """What is exact, recorded, measured, stated, assumed and not counted."""
    records = sum(item["recorded"] for item in items)
    stated = ", ".join(name for name, size in costs.sizes.items() if size.source == "stated")
    encoders = ", ".join(costs.assumed)
    said = {
        "exact: jobs (Snakemake's dry run), forwards, FLOP, sizes of weights (arithmetic)": True,
        f"recorded: {records} jobs, in results/benchmarks": records,
        "measured here: imports, decoding, FLOP/s of networks": calibration.rates,
        f"stated: {costs.tflops} TFLOP/s a card": costs.tflops,
        f"stated in the configuration: sizes of {stated}": stated,
        "assumed: images of 500×375 pixels, but for the digits": calibration.loading,
        f"assumed: base-sized encoders and 32 tokens a sentence: {encoders}": encoders,
        "rough: sharing, by architecture (docs/performance.md); memory, by shapes of tensors": True,
        "not counted: downloads, and disk of datasets, tables and figures": True,
    }
    return [line for line, true in said.items() if true]


def here() -> int:
    """Cores that a process may use."""
    return len(os.sched_getaffinity(0))


def main() -> None:
    """Command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m workflow.lib.plan", None, __doc__, None, [], raw)
    add = parser.add_argument
    add("--configfile", nargs="+", default=[], metavar="FILE", help="as Snakemake's")
    add("--config", nargs="*", default=[], metavar="KEY=VALUE", help="as Snakemake's")
    add("--forceall", action="store_true", help="plan finished jobs as well")
    add("--cores", default="all", type=_cores, help="cores for jobs (default: all)")
    add("--gpu-tflops", type=_positive, metavar="T", help="throughput of a card, in TFLOP/s")
    add("--gpus", type=int, metavar="N", help="cards (default: 1 if there are any, or are stated)")
    add("--exact", action="store_true", help="measure nothing: print no times")
    add("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    use_this_checkout()
    config = configured(arguments.configfile, arguments.config)
    passed = ["--forceall"] * arguments.forceall
    for option in ("configfile", "config"):
        given = getattr(arguments, option)
        passed += [f"--{option}", *given] if given else []
    tflops, gpus = arguments.gpu_tflops, arguments.gpus
    gpus = max(local_gpus(), int(tflops is not None)) if gpus is None else gpus
    if gpus > local_gpus() and tflops is None:
        parser.error(f"--gpus {gpus}: give --gpu-tflops too, as this machine cannot measure them")
    say("plan: asking Snakemake what there is to do")
    options = {"cores": arguments.cores, "gpus": gpus, "tflops": tflops}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(dry_run, passed)
        plan = make_plan(config, asked, **options, timed=not arguments.exact)
    sys.stdout.write(json.dumps(plan, indent=2) + "\n" if arguments.json else report.text(plan))


def _cores(value: str) -> int:
    return here() if value == "all" else int(_positive(value))


def _positive(value: str) -> float:
    number = float(value)
    if not number > 0:
        message = f"{value}: must be above 0"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    command.run(main)
