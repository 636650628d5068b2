"""Files the stages leave behind: written whole or not at all, with a digest of what made them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from whypretrain.exclusive import temporary_beside

LIBRARIES = ("torch", "timm", "numpy", "h5py")


class ArtifactError(RuntimeError):
    """A file on disk is damaged or not what it should be; the message says how to mend it."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it on success, removed on failure.

    One that a killed process left is removed when the same file is next written on the same host.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def digest(*parts: bytes | str) -> str:
    """SHA-256 of the parts, each with its length, as 64 hexadecimal digits."""
    hasher = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        hasher.update(len(raw).to_bytes(8, "big"))
        hasher.update(raw)
    return hasher.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that the numbers depend on."""
    return {name: version(name) for name in LIBRARIES}
