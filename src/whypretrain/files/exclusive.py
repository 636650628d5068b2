"""One process at a time at one piece of work, and what processes that were killed left behind.

A Snakemake that is killed leaves its jobs running; the next one starts them again. So a stage that
keeps unfinished work takes its turn: the kernel gives the turn back however a process ends.
"""

import errno
import fcntl
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from whypretrain.files.progress import say

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""What a file system without file locks answers."""


class Turn:
    """A process's turn at a piece of work.

    Attributes
    ----------
    done_before : what another process said it finished while this one waited for its turn, or empty
    """

    def __init__(self, file: IO[str] | None = None, done_before: str = "") -> None:
        self._file, self.done_before = file, done_before

    def finish(self, what: str) -> None:
        """Tell those who wait that `what` is finished."""
        if self._file is not None:
            print(what, file=self._file, flush=True)


@contextmanager
def exclusive(lock: Path) -> Iterator[Turn]:
    """Hold `lock`, a file that exists meanwhile, alone; waits while another process holds it.

    On a file system without file locks it says so and goes on. Not for two turns in one process:
    the second would wait for ever.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    done_before = ""
    while True:
        with lock.open("a+") as file:
            try:
                _wait(file, lock)
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                say(
                    f"{lock.parent}: no file locks here ({error.strerror}), so make sure that "
                    "no other process works on it"
                )
                yield Turn()
                return
            file.seek(0)
            left = file.read().splitlines()  # who had the turn, and what it finished
            if not _is(file, lock):
                # Who had the turn ended meanwhile and deleted the file; there may be a new one.
                done_before = "".join(left[1:])
                continue
            if left:  # by one that was killed
                done_before = ""
            file.truncate(0)
            print(f"process {os.getpid()} on {platform.node()}", file=file, flush=True)
            try:
                yield Turn(file, done_before)
            finally:
                lock.unlink(missing_ok=True)  # while it is still held: see above
            return


def _wait(file: IO[str], lock: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.readline().strip() or "another process"
        say(f"{lock.parent}: {holder} is at work on this; waiting until it ends")
        fcntl.flock(file, fcntl.LOCK_EX)


def _is(file: IO[str], path: Path) -> bool:
    """Whether the open file is the one that stands at `path` now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def temporary_beside(path: Path) -> Path:
    """Where this process writes `path` before it is whole; what dead processes left is deleted.

    The name holds host and process: of another host nobody can tell here whether it lives.
    """
    stem = f".{path.name}.{platform.node()}-"
    for left in path.parent.iterdir():
        match = re.fullmatch(re.escape(stem) + r"(\d+)\.tmp", left.name)
        if match and not _lives(int(match[1])):
            left.unlink(missing_ok=True)
    return path.with_name(f"{stem}{os.getpid()}.tmp")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass  # another user's
    return True
