"""A workaround for Snakemake's issue 3808: a failed job is recorded as if it had succeeded."""

from contextvars import ContextVar
from typing import Any

from snakemake import __version__
from snakemake.jobs import Job
from snakemake.persistence import PersistenceBase

MENDED_IN: tuple[int, ...] | None = None
"""Version of Snakemake from which on this is not needed; none yet. A test tells."""
_failed = ContextVar("_failed", default=False)  # whether the job at hand has failed


def record_successes_only() -> None:
    """Keep Snakemake from recording a job that failed as if it had made its outputs.

    It records the parameters and inputs of a failed job before it deletes the outputs, or restores
    those that an `update()` had. So after a change of settings and a killed job it takes whatever
    older settings made for up to date, here and downstream. (Seen in 9.27.) Without the record it
    compares with the last success, and runs the job again.
    """
    version = tuple(int(part) for part in __version__.split(".")[:2] if part.isdigit())
    mended = MENDED_IN is not None and version >= MENDED_IN
    applied = PersistenceBase.finished.__module__ == __name__  # by an earlier reading
    if mended or applied:
        return
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
