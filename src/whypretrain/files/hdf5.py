"""Writing HDF5 files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from whypretrain.files.artifacts import atomic_path


@contextmanager
def written_hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file in memory, written to `path` when the body has ended well.

    On a full disk the library, left to write by itself, crashes the process as it closes the file.

    Raises
    ------
    OSError
        As of :func:`whypretrain.files.artifacts.atomic_path`.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        yield file
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())
