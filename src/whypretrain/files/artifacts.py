"""Files the stages leave behind: written whole or not at all, checked against their sums when read.

Beside every file stands a hidden sidecar with its SHA-256, `.<name>.sha256`, in the format of
`sha256sum`. A file without one is not checked: results may have been copied without hidden files.
"""

import errno
import glob
import hashlib
import io
import os
import platform
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import h5py
LIBRARIES = ("torch", "timm", "numpy", "h5py")
SNAKEMAKE = "WHYPRETRAIN_SNAKEMAKE"
"""Environment variable: the command line that makes a file of this project again, but for its name.
The workflow sets it, so that it names the configuration files that were given."""
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
        temporary = temporary_beside(path)
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
        if _says_full(error) or shutil.disk_usage(path.parent).free < 2**14:
            raise _unwritable(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def temporary_beside(path: Path) -> Path:
    """Where this process writes `path` before it is whole; what dead processes left is deleted.

    The name holds host and process: of another host nobody can tell here whether it lives.
    """
    stem = f".{path.name}.{platform.node()}-"
    for left in path.parent.glob(f"{glob.escape(stem)}*.tmp"):
        pid = left.name.removeprefix(stem).removesuffix(".tmp")
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            left.unlink(missing_ok=True)
    return path.with_name(f"{stem}{os.getpid()}.tmp")


@contextmanager
def written_hdf5(path: Path) -> Iterator["h5py.File"]:
    """An HDF5 file in memory, written to `path` when the body has ended well.

    On a full disk the library, left to write by itself, crashes the process as it closes the file.

    Raises
    ------
    OSError
        As of :func:`atomic_path`.
    """
    import h5py  # noqa: PLC0415  # for the few that need it

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        yield file
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def keep(path: Path) -> None:
    """Let a file that is whole count as written now, and finish what a killed writer left undone.

    Raises
    ------
    OSError
        If nothing can be written there.
    """
    temporary = temporary_beside(path)
    if not sidecar(path).exists():
        _write_sidecar(path, file_digest(path), temporary)
    os.utime(path)


def _write_sidecar(path: Path, expected: str, temporary: Path) -> None:
    # As files themselves, so that it is never half there.
    temporary.write_bytes(f"{expected}  ".encode() + os.fsencode(path.name) + b"\n")
    temporary.replace(sidecar(path))


def _says_full(error: Exception) -> bool:
    # Libraries wrap it in errors of their own; some keep the number, some the words, some neither.
    return getattr(error, "errno", None) in FULL or os.strerror(errno.ENOSPC) in str(error)


def _unwritable(path: Path, error: OSError) -> OSError:
    full = error.errno in FULL
    remedy = "free some space and run again" if full else "see to it that it can be, and run again"
    reason = "disk full" if full else f"{path.parent} cannot be written to"
    return OSError(f"{path}: {reason} ({error.strerror or error}): {remedy}")


def verified(path: Path, *, made_with: Path | None = None) -> str:
    """SHA-256 of a file's bytes, which must be what its sidecar says, if it has one.

    Parameters
    ----------
    made_with : as of :func:`mending`

    Raises
    ------
    ArtifactError
        If it is another.
    FileNotFoundError
        If there is no such file.
    """
    found = file_digest(path)
    try:
        expected = sidecar(path).read_bytes()[:64].decode("ascii", errors="replace")
    except FileNotFoundError:
        return found
    if found != expected:
        known = re.fullmatch("[0-9a-f]{64}", expected)
        reason = f"its SHA-256 is {found} rather than {expected} as when it was written"
        if not known:
            reason = f"its SHA-256 cannot be compared, as {sidecar(path)} holds none"
        raise damaged(path, f"damaged: {reason}", made_with=made_with)
    return found


@contextmanager
def reading(path: Path, what: str) -> Iterator[str]:
    """Check a file's sum, which is returned; whatever then goes wrong in the body is its fault.

    Parameters
    ----------
    what : what the file should be, for the message

    Raises
    ------
    ArtifactError
        Naming the file, what is wrong with it, and the command that makes it again.
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
    """The error of a file that a reader refuses, with the command that makes it again."""
    return ArtifactError(f"{path}: {reason}; mend it with: {mending(path, made_with=made_with)}")


def mending(path: Path, *, made_with: Path | None = None) -> str:
    """The shell command that makes a file of the workflow again.

    Parameters
    ----------
    made_with : the output that Snakemake knows, where that is not the file itself

    >>> mending(Path("results/runs/a b.csv"))
    "rm -rf 'results/runs/a b.csv' && snakemake --cores all 'results/runs/a b.csv'"
    """
    target = made_with or path
    removed = [path] if target == path else [path, target]
    snakemake = os.environ.get(SNAKEMAKE, "snakemake --cores all")
    return f"rm -rf {' '.join(map(_quoted, removed))} && {snakemake} {_quoted(target)}"


def _quoted(path: Path) -> str:
    # Snakemake knows its files by paths relative to where it is started.
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that the numbers depend on."""
    return {name: version(name) for name in LIBRARIES}
