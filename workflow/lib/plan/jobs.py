"""The jobs of a suite, from Snakemake's own dry run, and how long they take together."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from whypretrain.files.artifacts import ArtifactError

BLOCK = re.compile(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", re.M)
PROPERTY = re.compile(r"^    (\w+): (.*)$", re.M)


class Job(NamedTuple):
    """One job of a workflow; paths are as the workflow spells them."""

    rule: str
    wildcards: dict[str, str]
    inputs: list[str]
    outputs: list[str]
    threads: int = 1
    benchmark: str = ""


def parse_jobs(text: str) -> list[Job]:
    r"""Jobs that a dry run listed, without targets, which do nothing.

    >>> [job] = parse_jobs("rule probe:\n    output: a, b\n    wildcards: run=r\n")
    >>> job.outputs, job.wildcards, job.threads
    (['a', 'b'], {'run': 'r'}, 1)
    """
    found = []
    for rule, block in BLOCK.findall(text):
        values = dict(PROPERTY.findall(block))
        if "output" in values:
            wildcards = dict(part.split("=", 1) for part in _parts(values.get("wildcards", "")))
            inputs, outputs = _parts(values.get("input", "")), _parts(values["output"])
            threads, benchmark = int(values.get("threads", 1)), values.get("benchmark", "")
            found.append(Job(rule, wildcards, inputs, outputs, threads, benchmark))
    return found


def dry_run(arguments: Sequence[str] = ()) -> list[Job]:
    """Jobs that `snakemake -n` with these further arguments lists in the current folder.

    Raises
    ------
    ArtifactError
        With what Snakemake said, if it did not get that far.
    """
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "all", *arguments]
    # Off the network, as a dry run needs none, and without colours.
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    result = subprocess.run(  # noqa: S603  (our own command)
        command, capture_output=True, text=True, check=False, env=environment
    )
    if result.returncode:
        message = f"snakemake -n failed:\n{(result.stdout + result.stderr).strip()}"
        raise ArtifactError(message)
    return parse_jobs(result.stdout + result.stderr)


def wall_seconds(
    jobs: Sequence[Job], seconds: Sequence[float], on_card: Sequence[bool], cores: int, gpus: int
) -> float:
    """Time until all jobs are done: by cores, by cards, or by the longest chain of jobs."""
    maker = {path: position for position, job in enumerate(jobs) for path in job.outputs}

    @cache
    def ends(position: int) -> float:
        before = {maker[path] for path in jobs[position].inputs if path in maker}
        return seconds[position] + max(map(ends, before), default=0.0)

    by_cores = sum(s * min(job.threads, cores) for s, job in zip(seconds, jobs, strict=True))
    by_cards = sum(s for s, card in zip(seconds, on_card, strict=True) if card and gpus)
    chains = max(map(ends, range(len(jobs))), default=0.0)
    return max(by_cores / cores, by_cards / max(gpus, 1), chains)


def _parts(text: str) -> list[str]:
    """Items of a list, without the flags that Snakemake writes after a path, as in `a (update)`."""
    return [re.sub(r" \(\w+\)$", "", part) for part in text.split(", ") if part]
