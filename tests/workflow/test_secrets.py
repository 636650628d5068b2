"""Results name neither secrets nor the person, machine and folders they were made with."""

import re
import socket
import zlib
from pathlib import Path

import h5py
import pyarrow.parquet
import pytest

from tests.project import ROOT, SECRETS, Project

HIDDEN = [*SECRETS.values(), str(ROOT), f"{Path.home()}/"]


def contents(path: Path) -> str:
    """All that a file of results holds, unpacked, as text."""
    raw = path.read_bytes()
    if path.suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
        return f"{table.schema.metadata} {table.to_pylist()}"
    if path.suffix == ".h5":
        found = []
        with h5py.File(path) as file:
            file.visititems(lambda name, item: found.append(f"{name} {dict(item.attrs)}"))
            found.append(str(dict(file.attrs)))
        return " ".join(found)
    streams = re.findall(rb"stream\r?\n(.*?)endstream", raw, re.S)  # of a PDF
    unpacked = [zlib.decompressobj().decompress(s) for s in streams if s.startswith(b"x")]
    return b" ".join([raw, *unpacked]).decode("latin-1")


def test_results_hold_no_secret_and_no_path_of_this_machine(project: Project) -> None:
    hidden = [*HIDDEN, str(project.folder)]
    if len(socket.gethostname()) > 5:  # a shorter one may be in anything
        hidden.append(socket.gethostname())
    files = [path for path in (project.folder / "results").rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert {
        ".parquet",
        ".h5",
        ".safetensors",
        ".csv",
        ".pdf",
        ".png",
        ".log",
        ".tsv",
        ".md",
    } <= kinds
    held = [
        f"{path.relative_to(project.folder)}: {text}"
        for path in files
        for text in hidden
        if text in contents(path)
    ]
    assert held == []


@pytest.mark.parametrize("suffix", [".log", ".png", ".parquet", ".h5", ".pdf"])
def test_the_search_finds(suffix: str, tmp_path: Path) -> None:
    secret = SECRETS["HF_TOKEN"]
    path = tmp_path / f"x{suffix}"
    if suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.table({"id": [secret]}), path, compression="gzip")
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.create_group("samples/a").attrs["settings"] = secret
    elif suffix == ".pdf":
        path.write_bytes(b"stream\n" + zlib.compress(secret.encode()) + b"endstream")
    else:
        path.write_text(f"made by {secret}")
    assert secret in contents(path)
