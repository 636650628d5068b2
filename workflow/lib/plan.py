"""Estimate what a suite costs before it runs: jobs, forward passes, disk, memory and time.

`--configfile` and `--config` work as in Snakemake. Times are computed from the rates of this
machine, measured in at most 20 s, or of a card whose throughput you state. For a job that has run
before, the time is that of its record in results/benchmarks.

    python -m workflow.lib.plan --config suite=paper --gpu-tflops 40
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from whypretrain.files.artifacts import ArtifactError
from whypretrain.files.progress import say
from whypretrain.settings.reading import ConfigError, read_over
from whypretrain.settings.whole import Config, check
from whypretrain.stages import command
from workflow.lib.start import local_gpus, use_this_checkout

BLOCK = re.compile(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", re.M)
PROPERTY = re.compile(r"^    (\w+): (.*)$", re.M)
PART = re.compile(r"(\S.*?)(?: \(\w+\))?(?:, |$)")
"""An item of a list, without the flag that Snakemake writes after a path, as in `a (update)`."""
WIDTH = 100


class Job(NamedTuple):
    """One job of a workflow; paths are as the workflow spells them."""

    rule: str
    wildcards: dict[str, str]
    inputs: list[str]
    outputs: list[str]
    threads: int = 1
    benchmark: str = ""


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


def dry_run(arguments: Sequence[str]) -> list[Job]:
    """Jobs that `snakemake -n` with these further arguments lists in the current folder.

    Raises
    ------
    ArtifactError
        With what Snakemake said, if it did not get that far.
    """
    line = [sys.executable, "-m", "snakemake", "-n", "--cores", "all", *arguments]
    # Off the network, as a dry run needs none, and without colours.
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    result = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)  # noqa: S603  (ours)
    if result.returncode:
        message = f"snakemake -n failed:\n{(result.stdout + result.stderr).strip()}"
        raise ArtifactError(message)
    return parse_jobs(result.stdout + result.stderr)


def parse_jobs(text: str) -> list[Job]:
    r"""Jobs that a dry run listed, without targets, which do nothing.

    >>> [job] = parse_jobs("rule probe:\n    output: a, b (update)\n    wildcards: run=r\n")
    >>> job.outputs, job.wildcards, job.threads
    (['a', 'b'], {'run': 'r'}, 1)
    """
    found = []
    for rule, block in BLOCK.findall(text):
        values = dict(PROPERTY.findall(block))
        wildcards, inputs, outputs = (
            PART.findall(values.get(key, "")) for key in ("wildcards", "input", "output")
        )
        named = dict(part.split("=", 1) for part in wildcards)
        threads, benchmark = int(values.get("threads", 1)), values.get("benchmark", "")
        found.append(Job(rule, named, inputs, outputs, threads, benchmark))
    return [job for job in found if job.outputs]


def wall_seconds(
    jobs: Sequence[Job], seconds: Sequence[float], on_card: Sequence[bool], cores: int
) -> float:
    """Time until all jobs are done: by cores, by the one card, or by the longest chain of jobs."""
    maker = {path: position for position, job in enumerate(jobs) for path in job.outputs}

    @cache
    def ends(position: int) -> float:
        before = {maker[path] for path in jobs[position].inputs if path in maker}
        return seconds[position] + max(map(ends, before), default=0.0)

    by_cores = sum(s * min(job.threads, cores) for s, job in zip(seconds, jobs, strict=True))
    by_card = sum(s for s, card in zip(seconds, on_card, strict=True) if card)
    return max(by_cores / cores, by_card, max(map(ends, range(len(jobs))), default=0.0))


def make_plan(config: Config, jobs: list[Job], cores: int, tflops: float | None) -> dict[str, Any]:
    """The plan of the jobs that are due; `tflops` of a card, None measures."""
    import psutil  # noqa: PLC0415

    from workflow.lib import costs  # noqa: PLC0415  # slow
    from workflow.lib.rates import Rates, measure  # noqa: PLC0415  # slow

    start, card = time.process_time(), "here" if local_gpus() else "none"
    card = "stated" if tflops else card
    say(f"plan: {len(jobs)} jobs; calibrating for at most 20 s")
    rates = measure(start, card, tflops or 0.0) if jobs else Rates(0, 0, {}, card)
    with tempfile.TemporaryDirectory() as folder:
        found = costs.Costs(config, jobs, rates, Path(folder))
    items = [found.item(job) for job in jobs]
    total = row("total", items)
    turns = [card != "none" and job.rule in costs.ON_CARD for job in jobs]
    total["wall_seconds"] = wall_seconds(jobs, [item["seconds"] for item in items], turns, cores)
    # A run that ends has its snapshots twice for a moment.
    needed = total["disk_bytes"] + max((item["disk_bytes"] for item in items), default=0)
    free, memory = shutil.disk_usage(".").free, psutil.virtual_memory().total
    warnings = [
        f"the size of {name} is not known, so its jobs count as empty: give datasets.{name}.sizes "
        f"and n_classes, or make results/datasets/{name}/train.parquet first"
        for name in found.unknown
    ]
    if needed > free:
        warnings.append("that does not fit on the disk: free some, or run from a larger one")
    warnings += [
        f"{item['experiment']}: the stage {item['rule']} needs about "
        f"{item['memory_bytes'] / 1e9:.1f} GB of memory, this machine has {memory / 1e9:.1f} GB: "
        f"lower sampling.players.n, the number of samples or that of snapshots"
        for item in items
        if item["rule"] in {"extract", "knowledge"} and item["memory_bytes"] > memory
    ]
    records, assumed = sum(item["recorded"] for item in items), ", ".join(found.assumed)
    how = [
        "exact: jobs (Snakemake's dry run), forwards, FLOP, sizes of weights (arithmetic)",
        f"recorded: {records} jobs, in results/benchmarks",
        "measured here: imports, decoding" + ("" if tflops else ", FLOP/s of two small networks"),
        *([f"stated: {tflops:g} TFLOP/s of a card"] if tflops else []),
        "assumed: images of 500×375 pixels, but for the digits",
        *([f"assumed: base-sized, 32 tokens a sentence: {assumed}"] if assumed else []),
        "rough: sharing, by architecture (docs/performance.md); memory, by shapes of tensors",
        "not counted: downloads, and disk of datasets, tables and figures",
    ]
    rules = dict.fromkeys(job.rule for job in jobs)
    return {
        "suite": config.suite,
        "machine": {"cores": cores, "card": card},
        "rows": [row(rule, [item for item in items if item["rule"] == rule]) for rule in rules],
        "total": total,
        "disk": {"needed": needed, "free": free},
        "warnings": warnings,
        "how": how,
        "jobs": items,
    }


def row(name: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What some jobs need together; the memory of the largest."""
    sums = ("forwards", "flop", "disk_bytes", "seconds")
    largest = max((item["memory_bytes"] for item in items), default=0)
    added = {key: sum(item[key] for item in items) for key in sums}
    return {"name": name, "jobs": len(items), "memory_bytes": largest, **added}


def text(plan: dict[str, Any]) -> str:
    """The plan for a terminal of 100 columns."""
    total, disk = plan["total"], plan["disk"]
    head = "stage         jobs       forwards  disk, GB  memory, GB    hours"
    table = [
        f"{one['name']:<13}{one['jobs']:>5}{one['forwards']:>15,}{one['disk_bytes'] / 1e9:>10,.2f}"
        f"{one['memory_bytes'] / 1e9:>12,.2f}{one['seconds'] / 3600:>9,.2f}"
        for one in [*plan["rows"], total]
    ]
    rule, until = "-" * len(head), timedelta(seconds=round(total["wall_seconds"]))
    on = f"{plan['machine']['cores']} free cores"
    on += " and a card" if plan["machine"]["card"] != "none" else ""
    left = f"Until all is done: about {until} (h:mm:ss) on {on}."
    lines = [
        *(f"Suite '{plan['suite']}': what there is to do", ""),
        *(head, rule, *table[:-1], rule, table[-1], ""),
        left if total["jobs"] else "Nothing is left to do.",
        f"Disk: {disk['needed'] / 1e9:.2f} GB are needed, {disk['free'] / 1e9:.2f} GB are free.",
        *(f"WARNING: {warning}" for warning in plan["warnings"]),
        *("", "How this is known:", *(f"- {how}." for how in plan["how"])),
    ]
    return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in lines) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        "python -m workflow.lib.plan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--configfile", nargs="+", default=[], metavar="FILE", help="as in Snakemake")
    add("--config", nargs="*", default=[], metavar="KEY=VALUE", help="as in Snakemake")
    add("--cores", default="all", type=_cores, help="cores for jobs (default: all)")
    add("--gpu-tflops", type=_positive, metavar="T", help="throughput of a card, in TFLOP/s")
    add("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args()
    use_this_checkout()
    config = configured(given.configfile, given.config)
    passed = ["--configfile", *given.configfile] if given.configfile else []
    passed += ["--config", *given.config] if given.config else []
    say("plan: asking Snakemake what there is to do")
    plan = make_plan(config, dry_run(passed), given.cores, given.gpu_tflops)
    sys.stdout.write(json.dumps(plan, indent=2) + "\n" if given.json else text(plan))


def _cores(value: str) -> int:
    return len(os.sched_getaffinity(0)) if value == "all" else int(_positive(value))


def _positive(value: str) -> float:
    if not float(value) > 0:
        message = f"{value}: must be above 0"
        raise argparse.ArgumentTypeError(message)
    return float(value)


if __name__ == "__main__":
    command.run(main)
