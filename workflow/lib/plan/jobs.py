"""The jobs of a suite, from Snakemake's own dry run: what is to do, and what waits for what."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from whypretrain.files.artifacts import ArtifactError

BLOCK = re.compile(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", re.M)
PROPERTY = re.compile(r"^    (\w+): (.*)$", re.M)


class Job(NamedTuple):
    """One job of a workflow; `outputs` and `inputs` are paths as the workflow spells them."""

    rule: str
    wildcards: tuple[tuple[str, str], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    threads: int = 1
    gpus: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from the suite's other jobs."""
        return (self.rule, *[value for _, value in self.wildcards])

    def of(self, wildcard: str) -> str | None:
        """The value of a wildcard; None if the rule has no such one."""
        return dict(self.wildcards).get(wildcard)


def parse_jobs(text: str) -> list[Job]:
    r"""Jobs that a dry run listed, without targets, which do nothing.

    >>> [job] = parse_jobs("rule probe:\n    output: a, b\n    wildcards: run=r\n")
    >>> job.outputs, job.of("run"), job.threads
    (('a', 'b'), 'r', 1)
    """
    found = []
    for rule, block in BLOCK.findall(text):
        values = dict(PROPERTY.findall(block))
        resources = _pairs(values.get("resources", ""))
        if "output" in values:
            job = Job(
                rule,
                tuple(_pairs(values.get("wildcards", "")).items()),
                _paths(values.get("input", "")),
                _paths(values["output"]),
                int(values.get("threads", 1)),
                int(resources.get("gpu", 0)),
            )
            found.append(job)
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


def waits_for(jobs: Sequence[Job]) -> list[set[int]]:
    """Positions of the jobs whose outputs each job reads."""
    maker = {path: position for position, job in enumerate(jobs) for path in job.outputs}
    return [{maker[path] for path in job.inputs if path in maker} for job in jobs]


def _paths(text: str) -> tuple[str, ...]:
    return tuple(path for path in text.split(", ") if path)


def _pairs(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(", ") if "=" in part)
