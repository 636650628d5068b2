"""Runs of Snakemake on a real Slurm: `make test-slurm` starts one, without it all are skipped."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.project import ROOT, Project

# Of the cluster, not of the workflow: it keeps no accounts, so squeue must be asked; a run of
# minutes is looked at more often than one of days; and its one node is the login node.
OF_THIS_CLUSTER = [
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=5",
    "--latency-wait=5",
]
LONGEST = 900  # seconds, on a busy machine


def why_not() -> str | None:
    """Why nothing can be tested; None where the cluster of `cluster.sh` runs."""
    if shutil.which("scontrol") is None:
        return "no Slurm is installed"
    command = ["scontrol", "show", "config"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if shown.returncode != 0:
        return "no Slurm is running"
    if "ClusterName             = whypretrain" not in shown.stdout:
        return "the Slurm here is not for tests"
    return None


@pytest.fixture(scope="session", autouse=True)
def _cluster() -> None:
    reason = why_not()
    if reason and os.environ.get("WHYPRETRAIN_SLURM") == "required":
        pytest.fail(f"{reason}, but it is required")
    if reason:
        pytest.skip(f"{reason}: `make test-slurm` starts one")


class Run:
    """A run of Snakemake with the profile for Slurm, in the background."""

    def __init__(self, folder: Path, profile: Path, *arguments: str) -> None:
        self.folder = folder
        self.printed = folder / f"printed-{len(list(folder.glob('printed-*')))}.txt"
        command = ["--workflow-profile", str(profile), *OF_THIS_CLUSTER, *arguments]
        with self.printed.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *command],
                cwd=folder,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self) -> tuple[int, str]:
        """Wait for its end: the exit status, and all that it printed."""
        status = self.process.wait(LONGEST)
        return status, self.printed.read_text(encoding="utf-8")

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)

    @property
    def name(self) -> str:
        """Of its jobs, by Slurm."""
        label = "SLURM run ID: "
        lines = self.printed.read_text(encoding="utf-8").splitlines()
        return next((line.removeprefix(label) for line in lines if line.startswith(label)), "none")

    def jobs(self, states: str = "all") -> list[dict[str, str]]:
        """Its jobs, as Slurm knows them."""
        fields = ["JobID", "State", "TimeLimit", "MinMemory", "NumCPUs", "tres-per-job", "Comment"]
        command = ["squeue", "--noheader", f"--states={states}", f"--name={self.name}"]
        command += ["--Format", ",".join(f"{field}:|" for field in fields)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = (line.split("|") for line in shown.splitlines())
        return [dict(zip(fields, row, strict=False)) for row in rows]


def eventually(happens: Callable[[], object], seconds: float = 90) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.5)


def failing_jobs(folder: Path, *arguments: str) -> Run:
    """A run of failures.smk, with a table that has nothing in it."""
    (folder / "table.csv").write_text("")
    snakefile = Path(__file__).parent / "failures.smk"
    config = ["--snakefile", str(snakefile), "--config", f"root={ROOT}"]
    return Run(folder, ROOT / "profiles" / "slurm", *arguments, *config)


@pytest.fixture(scope="session")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Jobs that go wrong, begun: minutes, most of them asleep. Two are interfered with."""
    run = failing_jobs(tmp_path_factory.mktemp("failures"))
    for rule, command in (("requeued", ["scontrol", "requeue"]), ("cancelled", ["scancel"])):
        eventually((run.folder / "attempts" / rule).exists)
        (job,) = [job["JobID"] for job in run.jobs() if job["Comment"] == f"rule_{rule}"]
        subprocess.run([*command, job], check=True)
    yield run
    run.interrupt()


@pytest.fixture(scope="session")
def submitted(
    failures: Run,  # noqa: ARG001  # begun first
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """The tiny suite on the cluster, begun, while the jobs of `failures` are asleep."""
    elsewhere = Project(tmp_path_factory.mktemp("submitted")).folder
    run = Run(elsewhere, elsewhere / "profiles" / "slurm", "--configfile", "tiny.yaml")
    yield run
    run.interrupt()
