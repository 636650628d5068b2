"""Files the stages leave behind: written whole, by one process at a time, and checked when read.

Beside every file stands a hidden sidecar with its SHA-256, `.<name>.sha256`, in the format of
`sha256sum`. A file without one is not checked: results may have been copied without hidden files.
"""

import errno
import glob
import hashlib
import io
import json
import os
import platform
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from filelock import FileLock, Timeout

from whypretrain.files.progress import say

if TYPE_CHECKING:
    import h5py
    import pandas as pd

FETCHED = "fetched.json"
"""What the stage `fetch` writes last, when its folder is complete: the sums of all files."""
SNAKEMAKE = "WHYPRETRAIN_SNAKEMAKE"
"""Environment variable: the command line that makes a file of this project again, but for its name.
The workflow sets it, so that it names the configuration files that were given."""
MADE = ("results", "resources")
"""Folders of a project in which the workflow makes files."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class ArtifactError(RuntimeError):
    """A file on disk is damaged or not what it should be; the message says how to mend it."""


def sidecar(path: Path) -> Path:
    """Where the checksum of a file stands."""
    return path.with_name(f".{path.name}.sha256")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it on success, removed on failure.

    The sidecar is written last, and that of an earlier file is removed first: a process killed in
    between leaves a file that is not checked, never one that is thought damaged. A temporary file
    that a killed process left is removed when the same file is next written on the same host.

    Raises
    ------
    OSError
        If nothing can be written there, or the disk is full; naming `path`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_beside(path)
        temporary.touch()  # here, as the libraries say less clearly that they cannot
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield temporary
        expected = file_digest(temporary)
        sidecar(path).unlink(missing_ok=True)
        temporary.replace(path)
        _write_sidecar(path, expected, temporary)
    except Exception as error:
        # Libraries wrap it in errors of their own; some keep the number, some the words, some none.
        said = getattr(error, "errno", None) in FULL or os.strerror(errno.ENOSPC) in str(error)
        if said or shutil.disk_usage(path.parent).free < 2**14:
            raise _unwritable(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_beside(path: Path) -> Path:
    """Where this process writes `path` before it is whole; what dead processes left is deleted.

    The name holds host and process: of another host nobody can tell here whether it lives.
    """
    stem = f".{path.name}.{platform.node()}-"
    for left in path.parent.glob(f"{glob.escape(stem)}*.tmp"):
        pid = left.name.removeprefix(stem).removesuffix(".tmp")
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            left.unlink(missing_ok=True)
    return path.with_name(f"{stem}{os.getpid()}.tmp")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table without its index by :func:`atomic_path`."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


@contextmanager
def written_hdf5(path: Path) -> Iterator["h5py.File"]:
    """An HDF5 file in memory, written by :func:`atomic_path` when the body has ended well.

    On a full disk the library, left to write by itself, crashes the process as it closes the file.
    """
    import h5py  # noqa: PLC0415  # for the few that need it

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        yield file
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def keep(path: Path) -> None:
    """Let a whole file count as written now, and finish what a killed writer left undone."""
    temporary = _temporary_beside(path)
    if not sidecar(path).exists():
        _write_sidecar(path, file_digest(path), temporary)
    os.utime(path)


def _write_sidecar(path: Path, expected: str, temporary: Path) -> None:
    # As files themselves, so that it is never half there.
    temporary.write_bytes(f"{expected}  ".encode() + os.fsencode(path.name) + b"\n")
    temporary.replace(sidecar(path))


def _unwritable(path: Path, error: OSError) -> OSError:
    full = error.errno in FULL
    remedy = "free some space and run again" if full else "see to it that it can be, and run again"
    reason = "disk full" if full else f"{path.parent} cannot be written to"
    return OSError(f"{path}: {reason} ({error.strerror or error}): {remedy}")


def verified(path: Path, *, made_with: Path | None = None) -> str:
    """SHA-256 of a file's bytes.

    Raises
    ------
    ArtifactError
        If its sidecar has another; as :func:`damaged`.
    FileNotFoundError
        If there is no such file.
    """
    found = file_digest(path)
    try:
        expected = sidecar(path).read_bytes()[:64].decode("ascii", errors="replace")
    except FileNotFoundError:
        return found
    if found != expected:
        reason = f"its SHA-256 is {found} rather than {expected} as when it was written"
        if not re.fullmatch("[0-9a-f]{64}", expected):
            reason = f"its SHA-256 cannot be compared, as {sidecar(path)} holds none"
        raise damaged(path, f"damaged: {reason}", made_with=made_with)
    return found


@contextmanager
def reading(path: Path, what: str) -> Iterator[str]:
    """Check a file's sum, which is returned; whatever then goes wrong in the body is its fault.

    Raises
    ------
    ArtifactError
        As :func:`damaged`, saying that the file is not `what` it should be.
    """
    try:
        yield verified(path)
    except ArtifactError:
        raise
    except Exception as error:
        # The libraries do not say which kinds of errors a damaged file may cause.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise damaged(path, f"not {what} ({reason})") from error


def damaged(path: Path, reason: str, *, made_with: Path | None = None) -> ArtifactError:
    """The error of a file that a reader refuses, with the command that makes it again.

    Parameters
    ----------
    made_with : the output that Snakemake knows, where that is not the file itself

    >>> str(damaged(Path("results/runs/a b.csv"), "empty")).partition("; ")[2]
    "mend it with: rm -rf 'results/runs/a b.csv' && snakemake --cores all 'results/runs/a b.csv'"
    """
    # Snakemake knows its files by paths relative to its folder, which need not be the current one.
    target, here = (made_with or path).absolute(), Path.cwd()
    project = next((one.parent for one in target.parents if one.name in MADE), here)
    files = dict.fromkeys((path.absolute(), target))
    names = {
        file: shlex.quote(str(file.relative_to(project) if file.is_relative_to(project) else file))
        for file in files
    }
    snakemake = os.environ.get(SNAKEMAKE, "snakemake --cores all")
    mending = f"rm -rf {' '.join(names.values())} && {snakemake} {names[target]}"
    if project != here:
        mending = f"cd {shlex.quote(str(project))} && {mending}"
    return ArtifactError(f"{path}: {reason}; mend it with: {mending}")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_download(folder: Path) -> None:
    """Check every file of a download against the record that the stage `fetch` left.

    Raises
    ------
    ArtifactError
        Naming the first that is missing or another than was downloaded, and how to fetch it again.
    """
    marker = folder / FETCHED
    with reading(marker, "the record of a download"):
        # Of an archive that was unpacked by an earlier version there are no checksums of files.
        files = json.loads(marker.read_text(encoding="utf-8")).get("files", {})
        sums = {folder / name: str(known["sha256"]) for name, known in files.items()}
    for path, expected in sums.items():
        found = file_digest(path) if path.is_file() else None
        if found != expected:
            reason = f"its SHA-256 is {found} rather than {expected}" if found else "it is missing"
            raise damaged(path, f"not as it was downloaded: {reason}", made_with=marker)


@contextmanager
def exclusive(output: Path, identity: str = "") -> Iterator[bool]:
    """One process at a time at `output`; says whether another one has just finished `identity`.

    A Snakemake that is killed leaves its jobs running; the next one starts them again. So a stage
    that keeps unfinished work waits its turn. The kernel ends a turn however a process ends. Beside
    the output are left `.<stem>.lock` and, with what was finished last, `.<stem>.done`.
    """
    lock, done = (output.with_name(f".{output.stem}.{kind}") for kind in ("lock", "done"))
    lock.parent.mkdir(parents=True, exist_ok=True)
    held, before = FileLock(lock), None
    try:
        held.acquire(blocking=False)
    except Timeout:
        say(f"{lock.parent}: another process is at work on this; waiting until it ends")
        held.acquire()
        before = done.read_text(encoding="utf-8") if done.exists() else None
    try:
        done.unlink(missing_ok=True)
        yield before == identity
        if identity:
            done.write_text(identity, encoding="utf-8")
    finally:
        held.release()
