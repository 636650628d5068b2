"""The plan of a suite: jobs, what each costs, and what that comes to."""

import os
import shutil
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import psutil

from whypretrain.files.progress import say
from whypretrain.settings.whole import Config
from workflow.lib.plan.calibrate import Calibration, calibrate
from workflow.lib.plan.cost import Costs, Machine
from workflow.lib.plan.jobs import Job, dry_run, waits_for
from workflow.lib.plan.measure import memory_now
from workflow.lib.plan.network import N_TOKENS, located
from workflow.lib.plan.schedule import Task, makespan
from workflow.lib.plan.sizes import dataset_size
from workflow.lib.plan.work import ON_CARD, SHARED, SUITE, Workload, owners

PROCESS_BYTES = 4e9  # that a measuring process may need
MOST_PROCESSES = 8


def cores_here() -> int:
    """Cores of this machine that a process may use."""
    return len(os.sched_getaffinity(0))


def make_plan(
    config: Config, arguments: list[str], machine: Machine, *, timed: bool = True
) -> dict[str, Any]:
    """The plan of the suite of a configuration, in the current folder.

    Parameters
    ----------
    arguments : what Snakemake is given besides, to make the same configuration
    timed : False measures nothing, and leaves times at zero
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
        requests = costs.requests([job for job in plannable if job.key in due]) if timed else []
        fitting = int(psutil.virtual_memory().available // PROCESS_BYTES)
        processes = (
            1
            if costs.device.type == "cuda"
            else max(1, min(machine.cores, cores_here(), fitting, 8))
        )
        if requests:
            say(f"plan: {len(requests)} short measurements, {processes} at a time")
            costs.calibration = calibrate(requests, processes=processes)
        else:
            costs.calibration = Calibration({}, {}, memory_now(), 1.0)
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
    machine = costs.machine
    missing = [costs.workload.missing(job) for job in jobs]

    def seconds_of(found: dict[tuple[Any, ...], Any]) -> list[float]:
        return [
            costs.seconds(job, found) if found and job.key in due and not lacks else 0.0
            for job, lacks in zip(jobs, missing, strict=True)
        ]

    found = costs.calibration.found
    seconds, idle = seconds_of(found), seconds_of(costs.calibration.idle)
    unloaded = seconds_of({key: 0.0 if key[0] == "load" else found[key] for key in found})
    belongs = owners(jobs)
    rows = []
    for name in [*config.suite_experiments(), SHARED, SUITE]:
        mine = [position for position, owner in enumerate(belongs) if owner == name]
        rows.append(_row(name, [(jobs[at], seconds[at], missing[at]) for at in mine], due, costs))
    rows = [row for row in rows if row["jobs"]["all"]]
    tasks = _tasks(jobs, seconds, due, machine)
    total: dict[str, Any] = {"name": "total"}
    for key in ("jobs", "forwards", "disk_bytes", "operations"):
        total[key] = {part: sum(row[key][part] for row in rows) for part in ("to_do", "all")}
    total |= {
        "memory_bytes": max((row["memory_bytes"] for row in rows), default=0),
        "seconds": sum(seconds),
        "loading_seconds": sum(seconds) - sum(unloaded),
        "wall_seconds": makespan(tasks, cores=machine.cores, gpus=machine.gpus),
        "idle_wall_seconds": makespan(
            _tasks(jobs, idle, due, machine), cores=machine.cores, gpus=machine.gpus
        ),
        "core_hours": sum(t.seconds * t.cores for t in tasks) / 3600,
        "gpu_hours": sum(t.seconds * t.gpus for t in tasks) / 3600,
    }
    # A run that ends has its snapshots twice for a moment.
    twice = max((costs.disk(j) for j, m in zip(jobs, missing, strict=True) if not m), default=0)
    needed = total["disk_bytes"]["to_do"]
    needed += min(machine.cores, max(machine.gpus, 1)) * twice if needed else 0
    free = shutil.disk_usage(".").free
    unknown: dict[str, list[str]] = {}
    for name in config.suite_experiments():
        dataset = config.experiments[name].dataset
        if dataset not in costs.workload.sizes:
            unknown[name] = [dataset]
    return {
        "suite": config.suite,
        "timed": bool(costs.calibration.found),
        "made": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": machine._asdict() | {"share_of_a_core": costs.calibration.share},
        "rows": rows,
        "total": total,
        "disk": {"needed_bytes": needed, "free_bytes": free, "fits": needed <= free},
        "unknown": unknown,
        "jobs": [
            {
                "rule": job.rule,
                **dict(job.wildcards),
                "to_do": job.key in due,
                "operations": 0 if lacks else costs.operations(job),
                "seconds": cost,
                "idle_seconds": alone,
            }
            for job, cost, alone, lacks in zip(jobs, seconds, idle, missing, strict=True)
        ],
        "how": _how(costs, processes, assumed),
    }


def _tasks(
    jobs: list[Job], seconds: list[float], due: set[tuple[str, ...]], machine: Machine
) -> list[Task]:
    """The jobs to do, as the schedule sees them."""
    todo = [position for position, job in enumerate(jobs) if job.key in due]
    place = {position: index for index, position in enumerate(todo)}
    after = waits_for(jobs)
    return [
        Task(
            seconds[position],
            frozenset(place[other] for other in after[position] if other in place),
            jobs[position].threads,
            int(bool(machine.gpus) and jobs[position].rule in ON_CARD),
        )
        for position in todo
    ]


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
        "operations": _both({job.key: costs.operations(job) for job, _ in known}, due),
        "seconds": sum(cost for _, cost in known) if planned else None,
    }


def _both(values: dict[tuple[str, ...], int], due: set[tuple[str, ...]]) -> dict[str, int]:
    return {
        "to_do": sum(value for key, value in values.items() if key in due),
        "all": sum(values.values()),
    }


def _how(costs: Costs, processes: int, assumed: list[str]) -> dict[str, list[str]]:
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
