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
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from whypretrain.files.progress import say
from whypretrain.settings.mistakes import ConfigError
from whypretrain.settings.reading import read_over
from whypretrain.settings.whole import Config, check
from whypretrain.stages import command
from workflow.lib.plan import report
from workflow.lib.plan.calibrate import PHOTO, Calibration, calibrate
from workflow.lib.plan.jobs import Job, dry_run, wall_seconds
from workflow.lib.start import local_gpus, use_this_checkout

PROCESS_BYTES = 4e9
"""Memory that a measuring process may need."""


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


def here() -> int:
    """Cores that a process may use."""
    return len(os.sched_getaffinity(0))


def make_plan(
    config: Config, asked: Future[list[Job]], *, cores: int, gpus: int, tflops: float | None, timed: bool
) -> dict[str, Any]:
    """The plan of the jobs that were asked for, in the current folder; without `timed` nothing is measured."""
    import psutil  # noqa: PLC0415

    from workflow.lib.plan.cost import ON_CARD, Costs, dataset_size  # noqa: PLC0415
    from workflow.lib.plan.network import N_TOKENS, count, located  # noqa: PLC0415

    jobs = asked.result()
    costs = Costs(config, "cuda" if gpus and not tflops else "cpu", tflops)
    subjects = [costs.subject(job) for job in jobs]
    found = {name: dataset_size(config, name) for name in sorted({d for _, d in subjects} - {""})}
    costs.sizes = {name: known for name, known in found.items() if known}
    classes = max([known.classes for known in costs.sizes.values()], default=2)
    assumed, memory = [], psutil.virtual_memory()
    calibration = Calibration({}, {}, {}, 1.0, 9e8)
    with ExitStack() as stack:
        for name in sorted({model for model, _ in subjects} - {""}):
            place = located(config.architecture(name), config.models[name].weights, name)
            architecture, unknown = stack.enter_context(place)
            costs.networks[name] = count(architecture, classes)
            costs.architectures[name] = architecture
            assumed += [name] * unknown
        if timed and jobs:
            processes = max(1, min(cores, here(), 8, int(memory.available // PROCESS_BYTES)))
            processes = 1 if costs.device == "cuda" else processes
            requests = costs.requests(jobs) if tflops is None else []
            say(f"plan: calibrating, {processes} processes, at most 20 s")
            calibration = calibrate(requests, processes=processes, device=costs.device)
    seconds, records = [], 0
    for job in jobs:
        recorded = _recorded(job) if tflops is None else None
        records += recorded is not None
        computed = costs.seconds(job, calibration) if calibration.starts else 0.0
        seconds.append(computed if recorded is None else recorded)
    rows: dict[str, dict[str, Any]] = {}
    for job, spent in zip(jobs, seconds, strict=True):
        row = rows.setdefault(job.rule, {"name": job.rule, "jobs": 0, **dict.fromkeys(SUMS, 0)})
        forwards = costs.work(job).forwards if job.rule.startswith("extract") else 0
        for key, value in zip(SUMS, (forwards, costs.disk(job), costs.operations(job), spent)):
            row[key] += value
        row["jobs"] += 1
        needed = costs.memory(job, calibration.resident)
        row["memory_bytes"] = max(row.get("memory_bytes", 0), needed)
    total: dict[str, Any] = {"name": "total"}
    for key in ("jobs", *SUMS):
        total[key] = sum(row[key] for row in rows.values())
    total["memory_bytes"] = max((row["memory_bytes"] for row in rows.values()), default=0)
    on_card = [bool(gpus) and job.rule in ON_CARD for job in jobs]
    total["wall_seconds"] = wall_seconds(jobs, seconds, on_card, cores, gpus)
    total["idle_wall_seconds"] = total["wall_seconds"] * calibration.share
    total["core_hours"] = total["seconds"] / 3600
    total["gpu_hours"] = sum(s for s, card in zip(seconds, on_card, strict=True) if card) / 3600
    # A run that ends has its snapshots twice for a moment.
    disk = {"needed": total["disk_bytes"] + max(map(costs.disk, jobs), default=0)}
    disk["free"] = shutil.disk_usage(".").free
    warnings = [
        f"the size of {name} is not known, so its jobs count as empty: give datasets.{name}.sizes "
        f"and n_classes, or make results/datasets/{name}/train.parquet first"
        for name in found
        if name not in costs.sizes
    ]
    if disk["needed"] > disk["free"]:
        warnings.append("that does not fit on the disk: free some, or run from a larger one")
    for job in jobs:
        needed = costs.memory(job, calibration.resident)
        if job.rule == "knowledge" and needed > memory.total:
            warnings.append(
                f"{job.wildcards['experiment']}: the stage knowledge needs about "
                f"{report.size(needed)} of memory, this machine has {report.size(memory.total)}: "
                f"lower sampling.players.n or the number of samples"
            )
    stated = sorted(name for name, known in costs.sizes.items() if known.source == "stated")
    how = ["exact: jobs (Snakemake's dry run), forwards, FLOP, sizes of weights (arithmetic)"]
    how += [f"recorded: {records} jobs, in results/benchmarks"] * bool(records)
    how += ["measured here: imports, decoding, FLOP/s of networks"] * bool(calibration.starts)
    how += [f"stated: {tflops} TFLOP/s a card"] * bool(tflops)
    how += [f"stated in the configuration: sizes of {', '.join(stated)}"] * bool(stated)
    how += [f"assumed: images of {PHOTO[0]}×{PHOTO[1]} pixels where not at hand"] * bool(stated)
    encoders = f"assumed: base-sized encoders, {N_TOKENS} tokens a sentence: {', '.join(assumed)}"
    how += [encoders] * bool(assumed)
    how += ["rough: sharing, by architecture (docs/benchmarks.md); memory, by shapes of tensors"]
    how += ["not counted: downloads, and disk of datasets, tables and figures"]
    machine = {"cores": cores, "gpus": gpus, "tflops": tflops, "share_of_a_core": calibration.share}
    listed = [
        {"rule": job.rule, **job.wildcards, "operations": costs.operations(job), "seconds": spent}
        for job, spent in zip(jobs, seconds, strict=True)
    ]
    return {
        "suite": config.suite,
        "timed": bool(calibration.starts),
        "machine": machine,
        "rows": list(rows.values()),
        "total": total,
        "disk": disk,
        "warnings": warnings,
        "how": how,
        "jobs": listed,
    }


SUMS = ("forwards", "disk_bytes", "operations", "seconds")


def _recorded(job: Job) -> float | None:
    """Seconds that a job took when it last ran, from its benchmark file."""
    with suppress(OSError, ValueError, IndexError):
        return float(Path(job.benchmark).read_text(encoding="utf-8").splitlines()[1].split()[0])
    return None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m workflow.lib.plan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
    gpus = max(local_gpus(), int(arguments.gpu_tflops is not None))
    gpus = gpus if arguments.gpus is None else arguments.gpus
    if gpus > local_gpus() and arguments.gpu_tflops is None:
        parser.error(f"--gpus {gpus}: give --gpu-tflops too, as this machine cannot measure them")
    say("plan: asking Snakemake what there is to do")
    with ThreadPoolExecutor(1) as pool:  # while libraries are imported
        plan = make_plan(
            config,
            pool.submit(dry_run, passed),
            cores=arguments.cores,
            gpus=gpus,
            tflops=arguments.gpu_tflops,
            timed=not arguments.exact,
        )
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
