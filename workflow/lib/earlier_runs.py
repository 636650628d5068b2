"""What Snakemake knows of earlier runs, mended where a kill or the clock spoilt it."""

import fcntl
import os
import platform
import time
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from snakemake.jobs import Job
from snakemake.persistence import PersistenceBase

from whypretrain.files.exclusive import NO_LOCKS
from whypretrain.files.progress import say
from workflow.lib.code import ROOT

LONG_AGO = 946_684_800.0  # the year 2000
_failed = ContextVar("_failed", default=False)  # whether the job that is dealt with has failed
_held: list[IO[str]] = []  # open, and so locked, until the process ends


def record_successes_only() -> None:
    """Keep Snakemake from recording a job that failed as if it had made its outputs.

    It records the parameters and inputs of a failed job before it deletes the outputs, or restores
    those that an `update()` had. So after a change of settings and a killed job it takes whatever
    older settings made, there and further on, for up to date. (Issue 3808 of Snakemake, seen in
    9.27.) Without the record it compares with that of the last success, and runs the job again.
    """
    if PersistenceBase.finished.__module__ == __name__:
        return  # done by an earlier reading of the Snakefile
    postprocess, finished = Job.postprocess, PersistenceBase.finished

    async def postprocess_job(self: Job, *arguments: Any, error: bool = False, **rest: Any) -> None:
        before = _failed.set(error)
        try:
            await postprocess(self, *arguments, error=error, **rest)
        finally:
            _failed.reset(before)

    async def finished_job(self: PersistenceBase, job: Job) -> None:
        if not _failed.get():
            await finished(self, job)

    Job.postprocess, PersistenceBase.finished = postprocess_job, finished_job


def hold_folder(snakemake: Path = Path(".snakemake")) -> None:
    """Show, until this process ends, that a Snakemake lives here; delete locks that dead ones left.

    A Snakemake that was killed leaves files in `.snakemake/locks`, and the next one refuses to
    start. The kernel knows better who lives: every Snakemake shares a lock on a file, and one that
    can have it alone is the only one. The file lists `host process` of those that were here since
    that was last so, as some file systems know the locks of their own host only: where another host
    was here, nothing is deleted.

    Parameters
    ----------
    snakemake : Snakemake's folder for its own files
    """
    host = platform.node()
    try:
        snakemake.mkdir(parents=True, exist_ok=True)
        file = (snakemake / "whypretrain.lock").open("a+")  # jobs do not inherit it
    except OSError:
        return  # whoever may not write here can only look
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError as error:
        if error.errno in NO_LOCKS:
            file.close()
            return
        fcntl.flock(file, fcntl.LOCK_SH)
        alone = False
    file.seek(0)
    others = [line.split() for line in file.read().splitlines()]
    left = list((snakemake / "locks").glob("*.lock"))
    elsewhere = sorted({where for where, _ in others} - {host})
    if not alone:
        living = [
            f"process {pid} on {where}"
            for where, pid in others
            if where != host or Path("/proc", pid).exists()
        ]
        say(f"Another Snakemake is at work in this folder: {', '.join(living)}.")
    elif left and others and not elsewhere:
        for path in left:
            path.unlink(missing_ok=True)
        say("The last Snakemake here was killed; the locks that it left are removed.")
    elif left:
        say(
            f"There are locks of a Snakemake that ran on {' or '.join(elsewhere) or 'some host'}. "
            "If it runs no more, `snakemake --unlock` removes them."
        )
    if alone and not elsewhere:
        file.truncate(0)
    if others or not left:  # else nobody knows whose locks these are
        print(host, os.getpid(), file=file, flush=True)
    fcntl.flock(file, fcntl.LOCK_SH)
    _held.append(file)


def date_back() -> None:
    """Where the clock was moved back since the last run, let no file be from the future.

    Snakemake would not see edits, which are older than such results, and refuse to run jobs, whose
    results are older than such code. Results are then dated long ago, so that code and small
    inputs are compared by content.
    """
    now = time.time()
    logs = list(Path(".snakemake/log").glob("*.log"))
    if all(path.stat().st_mtime <= now + 60 for path in logs):
        return
    say("The clock was moved back since the last run: files from the future are dated anew.")
    for folder, date in (
        (Path("results"), LONG_AGO),
        (Path("resources"), LONG_AGO),
        (ROOT / "src", now),
    ):
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_mtime > now:
                os.utime(path, (date, date))
    for path in logs:
        os.utime(path)
