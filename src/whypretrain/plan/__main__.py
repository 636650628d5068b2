"""What a suite costs, before it is run: jobs, forward passes, disk, memory and time.

Takes `--configfile` and `--config` as Snakemake does. Times are those of this machine, measured for
a few seconds each by as many processes as there are cores, or of cards whose throughput is stated:

    python -m whypretrain.plan --config suite=paper --gpu-tflops 40 --gpus 2
"""

import argparse
import json
import os
import shutil
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import yaml

from whypretrain import stage
from whypretrain.config.mistakes import ConfigError
from whypretrain.config.whole import Config, check
from whypretrain.plan import report
from whypretrain.plan.calibrate import calibrate
from whypretrain.plan.cost import Costs, Machine
from whypretrain.plan.jobs import Job, dry_run, waits_for
from whypretrain.plan.network import N_TOKENS, located
from whypretrain.plan.schedule import Task, makespan
from whypretrain.plan.sizes import dataset_size
from whypretrain.plan.work import ON_CARD, SHARED, SUITE, Workload, owners
from whypretrain.progress import say
from whypretrain.workflow import local_gpus, use_this_checkout

PROCESS_BYTES = 4e9  # that a measuring process may need


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

    values: dict[str, Any] = {}
    for path in ["config.yaml", *configfiles]:
        try:
            update_config(values, yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {})
        except (OSError, yaml.YAMLError, AttributeError, ValueError) as error:
            message = f"{path}: cannot be read as configuration: {error}"
            raise ConfigError(message) from error
    try:
        update_config(values, parse_config(changes))
    except ValueError as error:
        message = f"--config {' '.join(changes)}: {error}"
        raise ConfigError(message) from error
    return check(values)


def make_plan(config: Config, arguments: list[str], machine: Machine) -> dict[str, Any]:
    """The plan of the suite of a configuration, in the current folder.

    Parameters
    ----------
    arguments : what Snakemake is given besides, to make the same configuration
    """
    say("plan: asking Snakemake what there is to do")
    jobs = dry_run(["--forceall", *arguments])
    due = {job.key for job in dry_run(arguments)}
    names = {job.of("dataset") for job in jobs} | {
        config.experiments[name].dataset for name in config.suite_experiments()
    }
    known = {name: dataset_size(config.datasets[name], name) for name in names if name}
    workload = Workload(config, {name: size for name, size in known.items() if size})
    models = {workload.of(job).model for job in jobs if not workload.missing(job)} - {""}
    with ExitStack() as stack:
        places = {
            name: stack.enter_context(
                located(config.architecture(name), config.models[name].weights, name)
            )
            for name in sorted(models)
        }
        costs = Costs(workload, {name: place[0] for name, place in places.items()}, machine)
        plannable = [job for job in jobs if not workload.missing(job)]
        requests = costs.requests([job for job in plannable if job.key in due])
        fitting = int(psutil.virtual_memory().available // PROCESS_BYTES)
        processes = 1 if costs.device.type == "cuda" else max(1, min(machine.cores, fitting, 8))
        if requests:
            say(f"plan: {len(requests)} short measurements, {processes} at a time")
            costs.calibration = calibrate(requests, processes=processes)
        assumed = [name for name, place in places.items() if place[1]]
        return _plan(config, jobs, due, costs, processes=processes, assumed=assumed)


def _plan(
    config: Config,
    jobs: list[Job],
    due: set[tuple[str, ...]],
    costs: Costs,
    *,
    processes: int,
    assumed: list[str],
) -> dict[str, Any]:
    workload, machine = costs.workload, costs.machine
    missing = [workload.missing(job) for job in jobs]
    seconds = [
        costs.seconds(job) if job.key in due and not lacks else 0.0
        for job, lacks in zip(jobs, missing, strict=True)
    ]
    belongs = owners(jobs)
    rows = []
    for name in [*config.suite_experiments(), SHARED, SUITE]:
        mine = [position for position, owner in enumerate(belongs) if owner == name]
        rows.append(_row(name, [(jobs[at], seconds[at], missing[at]) for at in mine], due, costs))
    rows = [row for row in rows if row["jobs"]["all"]]
    todo = [position for position, job in enumerate(jobs) if job.key in due]
    at = {position: index for index, position in enumerate(todo)}
    gpus = [int(bool(machine.gpus) and jobs[position].rule in ON_CARD) for position in todo]
    tasks = [
        Task(
            seconds[position],
            frozenset(at[other] for other in after if other in at),
            jobs[position].threads,
            n_gpus,
        )
        for position, after, n_gpus in zip(
            todo, [waits_for(jobs)[position] for position in todo], gpus, strict=True
        )
    ]
    total: dict[str, Any] = {"name": "total"}
    for key in ("jobs", "forwards", "disk_bytes"):
        total[key] = {part: sum(row[key][part] for row in rows) for part in ("to_do", "all")}
    total |= {
        "memory_bytes": max((row["memory_bytes"] for row in rows), default=0),
        "seconds": sum(seconds),
        "wall_seconds": makespan(tasks, cores=machine.cores, gpus=machine.gpus),
        "core_hours": sum(t.seconds * t.cores for t in tasks) / 3600,
        "gpu_hours": sum(t.seconds * t.gpus for t in tasks) / 3600,
    }
    # A run that ends has its snapshots twice for a moment.
    twice = max((costs.disk(j) for j, m in zip(jobs, missing, strict=True) if not m), default=0)
    needed = total["disk_bytes"]["to_do"]
    needed += min(machine.cores, max(machine.gpus, 1)) * twice if needed else 0
    free = shutil.disk_usage(".").free
    unknown = {
        name: sorted(
            {
                d
                for job, lacks, owner in zip(jobs, missing, belongs, strict=True)
                for d in lacks
                if owner == name or job.of("experiment") == name
            }
        )
        for name in config.suite_experiments()
    }
    return {
        "suite": config.suite,
        "made": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": machine._asdict(),
        "rows": rows,
        "total": total,
        "disk": {"needed_bytes": needed, "free_bytes": free, "fits": needed <= free},
        "unknown": {name: datasets for name, datasets in unknown.items() if datasets},
        "jobs": [
            {"rule": job.rule, **dict(job.wildcards), "to_do": job.key in due, "seconds": cost}
            for job, cost in zip(jobs, seconds, strict=True)
        ],
        "how": _how(costs, jobs, processes, assumed),
    }


def _row(
    name: str,
    mine: list[tuple[Job, float, set[str]]],
    due: set[tuple[str, ...]],
    costs: Costs,
) -> dict[str, Any]:
    known = [(job, cost) for job, cost, lacks in mine if not lacks]
    forwards = {job.key: costs.workload.of(job).forwards for job, _ in known}
    disk = {job.key: costs.disk(job) for job, _ in known}
    planned = all(not lacks for job, _, lacks in mine if job.key in due)
    return {
        "name": name,
        "jobs": {"to_do": sum(job.key in due for job, _, _ in mine), "all": len(mine)},
        "forwards": _both(forwards, due),
        "disk_bytes": _both(disk, due),
        "memory_bytes": max((costs.memory(job) for job, _ in known if job.key in due), default=0),
        "seconds": sum(cost for _, cost in known) if planned else None,
    }


def _both(values: dict[tuple[str, ...], int], due: set[tuple[str, ...]]) -> dict[str, int]:
    return {
        "to_do": sum(value for key, value in values.items() if key in due),
        "all": sum(values.values()),
    }


def _how(costs: Costs, jobs: list[Job], processes: int, assumed: list[str]) -> dict[str, list[str]]:
    """What is exact, what was measured here and when, what is stated, and what is not counted."""
    machine, sizes = costs.machine, costs.workload.sizes
    stated = [name for name, size in sizes.items() if size.source == "stated"]
    when = datetime.now().astimezone().strftime("%H:%M on %d %B %Y")
    measured = f"{processes} process{'es' * (processes > 1)} at a time, at {when}"
    work = "start of every stage, loading of images"
    if machine.tflops is None:
        work += f", steps of training, forward passes, on {costs.device.type}"
    found = {
        "exact": ["jobs (Snakemake's dry run); forwards, steps, sizes of weights (arithmetic)"],
        "measured here": [f"{work}; {measured}"] if costs.calibration.found else [],
        "computed": [
            "memory, from shapes of tensors"
            + (": allow a card 2 GB more" if machine.gpus else " on top of the libraries'")
        ],
        "stated": ["a second or so a job beside imports, and of what metrics and probes compute"],
        "not counted": ["tables, figures; datasets and downloads of them; waiting for a network"],
    }
    if machine.tflops:
        found["stated"].append(f"{machine.tflops:g} TFLOP/s a card, of operations that are counted")
    if stated:
        found["stated"].append(f"sizes of {', '.join(sorted(stated))}, from the configuration")
        images = [name for name in stated if costs.workload.config.datasets[name].task == "image"]
        if images:
            found["assumed"] = [f"images of 500×375 pixels: {', '.join(sorted(images))}"]
    if assumed:
        found.setdefault("assumed", []).append(
            f"base-sized encoders and {N_TOKENS} tokens a sentence: {', '.join(assumed)}"
        )
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m whypretrain.plan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--configfile", nargs="+", default=[], metavar="FILE", help="as Snakemake's"
    )
    parser.add_argument(
        "--config", nargs="*", default=[], metavar="KEY=VALUE", help="as Snakemake's"
    )
    parser.add_argument("--cores", default="all", help="that jobs may take (default: all)")
    parser.add_argument("--gpu-tflops", type=_positive, metavar="T", help="what a card really does")
    parser.add_argument(
        "--gpus", type=int, default=None, help="cards (default: 1 if there are any)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    use_this_checkout()
    config = configured(arguments.configfile, arguments.config)
    passed = [*(["--configfile", *arguments.configfile] if arguments.configfile else [])]
    passed += ["--config", *arguments.config] if arguments.config else []
    cores = len(os.sched_getaffinity(0)) if arguments.cores == "all" else int(arguments.cores)
    gpus = local_gpus() if arguments.gpus is None else arguments.gpus
    if arguments.gpu_tflops and arguments.gpus is None:
        gpus = 1
    plan = make_plan(config, passed, Machine(max(cores, 1), gpus, arguments.gpu_tflops))
    sys.stdout.write(json.dumps(plan, indent=2) + "\n" if arguments.json else report.text(plan))


def _positive(value: str) -> float:
    number = float(value)
    if not number > 0:
        message = f"{value}: must be above 0"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    stage.run(main)
