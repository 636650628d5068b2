"""One process at a time at one piece of work.

A Snakemake that is killed leaves its jobs running; the next one starts them again. So a stage that
keeps unfinished work takes its turn. The kernel gives the turn back however a process ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from whypretrain.files.progress import say


class Turn:
    """A process's turn at a piece of work.

    Attributes
    ----------
    done_before : what another process finished while this one waited for its turn, or empty
    """

    def __init__(self, done: Path, done_before: str) -> None:
        self._done, self.done_before = done, done_before

    def finish(self, what: str) -> None:
        """Tell those who wait that `what` is finished."""
        self._done.write_text(what, encoding="utf-8")


@contextmanager
def exclusive(lock: Path) -> Iterator[Turn]:
    """Hold the file `lock` alone; waits while another process holds it.

    What was finished stands beside it, with the suffix `.done`.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    done, done_before = lock.with_suffix(".done"), ""
    try:
        held.acquire(blocking=False)
    except Timeout:
        say(f"{lock.parent}: another process is at work on this; waiting until it ends")
        held.acquire()
        done_before = done.read_text(encoding="utf-8") if done.exists() else ""
    try:
        done.unlink(missing_ok=True)
        yield Turn(done, done_before)
    finally:
        held.release()
