"""Bad surroundings: full disk, no permission, a clock moved back, odd paths, no home or locale."""

import functools
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.conftest import small
from tests.project import ROOT, Project
from tests.reliability.formats import EXPERIMENT, RUN, write_all
from whypretrain.data.samples import read_samples
from whypretrain.data.table import read_split
from whypretrain.interactions.record import read_record
from whypretrain.networks.build import read_weights
from whypretrain.settings.data import ImageFolder, PrepareSettings
from whypretrain.settings.interactions import (
    Extraction,
    ExtractSettings,
    SamplesSettings,
    Sampling,
)
from whypretrain.settings.training import Probe, ProbeSettings

ARCHITECTURE = small("whypretrain_resnet")
PARTS = [f"--{part}=results/datasets/images/{part}.parquet" for part in ("train", "test")]
SAMPLING = Sampling.model_validate(
    {"per_class": 2, "players": {"kind": "grid", "n": 5, "cells": 4, "margin": 0}}
)


@functools.cache
def namespace() -> list[str] | None:
    """The command that may mount for its own eyes alone; None where the machine has none."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        trial = [*command, "mount", "-t", "tmpfs", "none", "/mnt"]
        if not shutil.which("unshare"):
            return None
        if subprocess.run(trial, capture_output=True, check=False).returncode == 0:
            return command
    return None


needs_mounts = pytest.mark.skipif(
    namespace() is None, reason="neither root nor an unprivileged user namespace may mount here"
)


def in_namespace(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount, in a folder."""
    return subprocess.run(
        [*(namespace() or []), "bash", "-c", script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def environment(**changes: str | None) -> dict[str, str]:
    """This process's environment with the package of this checkout; None takes a variable away."""
    own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    merged = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **own, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def stage(name: str, *arguments: str) -> str:
    """Shell command of a stage."""
    return shlex.join([sys.executable, "-m", f"whypretrain.stages.{name}", *arguments])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole files to read from, and the folder `disk` to mount at."""
    folder = tmp_path_factory.mktemp("files")
    write_all(folder)
    (folder / "disk").mkdir()
    (folder / "out").mkdir()
    return folder


# A stage, KiB left on the disk, its output that fails, and how that is read when it has worked.
FULL: dict[str, tuple[str, int, str, Callable[[Path], object]]] = {
    "Parquet": (
        stage(
            "prepare",
            "--settings",
            '{"dataset": {"source": "digits", "classes": [0, 1], "test_fraction": 0.5}}',
            *("--train", "disk/train.parquet", "--test", "disk/test.parquet"),
        ),
        8,
        "disk/train.parquet",
        read_split,
    ),
    "HDF5 of samples": (
        stage(
            "samples",
            "--settings",
            SamplesSettings(sampling=SAMPLING, architecture=ARCHITECTURE).to_json(),
            *PARTS,
            *("--samples", "disk/samples.h5", "--table", "disk/samples.csv"),
        ),
        8,
        "disk/samples.h5",
        read_samples,
    ),
    "safetensors": (
        stage(
            "probe",
            "--settings",
            ProbeSettings(architecture=ARCHITECTURE, probe=Probe()).to_json(),
            *PARTS,
            *("--pretrained", "results/pretrained/net/weights.safetensors"),
            *("--weights", "disk/weights.safetensors", "--history", "disk/history.csv"),
        ),
        64,
        "disk/weights.safetensors",
        read_weights,
    ),
    "HDF5 of interactions": (
        stage(
            "extract",
            "--settings",
            ExtractSettings(
                architecture=ARCHITECTURE, background="keep", extraction=Extraction()
            ).to_json(),
            *("--samples", f"{EXPERIMENT}/samples.h5"),
            *("--weights", f"{RUN}/snapshot-1.0000.safetensors"),
            *("--interactions", "disk/interactions.h5"),
        ),
        12,
        "disk/",
        lambda path: read_record(path / "interactions.h5"),
    ),
}


@needs_mounts
@pytest.mark.parametrize("kind", FULL)
def test_a_full_disk_is_named_and_leaves_nothing_damaged(kind: str, files: Path) -> None:
    command, left, output, read = FULL[kind]
    script = f"""
        mount -t tmpfs -o size=2m tmpfs disk
        head -c 4M /dev/zero > disk/filler 2> /dev/null
        truncate -s -{left}K disk/filler
        {command} > first 2>&1; echo "first $?"
        find disk -type f ! -name filler ! -name '.*.lock' ! -path '*/.*.partial/*'
        rm disk/filler
        {command} > second 2>&1; echo "second $?"
        rm -rf out; cp -a disk out
    """
    result = in_namespace(script, files)
    # Nothing but the two statuses: no file, whole or not, and no temporary one.
    assert result.stdout.split("\n") == ["first 1", "second 0", ""], (
        result.stdout + result.stderr + (files / "first").read_text()
    )
    last = (files / "first").read_text().splitlines()[-1]
    assert last.startswith(f"error: {output}")
    assert last.endswith(": disk full (No space left on device): free some space and run again")
    assert "Traceback" not in (files / "first").read_text()
    read(files / output.replace("disk", "out"))


UNPRIVILEGED = "setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all"  # as root is not
READ_ONLY = {
    "mounted read-only": ("mount -t tmpfs -o ro tmpfs disk;", "Read-only file system"),
    "without permission": (
        f"mount -t tmpfs -o mode=555 tmpfs disk; {UNPRIVILEGED}",
        "Permission denied",
    ),
}


@needs_mounts
@pytest.mark.parametrize("how", READ_ONLY)
def test_a_folder_that_cannot_be_written_is_named(how: str, files: Path) -> None:
    before, reason = READ_ONLY[how]
    if "setpriv" in before and not shutil.which("setpriv"):
        pytest.skip("no setpriv")
    result = in_namespace(f"{before} {FULL['Parquet'][0]}", files)
    assert result.returncode == 1
    expected = f"error: disk/train.parquet: disk cannot be written to ({reason}): "
    assert result.stderr.startswith(expected), result.stderr
    assert len(result.stderr.splitlines()) == 1


ODD = "a 'b' \"c\" ü 名 $x & (d); #"


def test_odd_path_no_home_no_locale(project: Project, tmp_path: Path) -> None:
    """The tiny suite up to a figure, from nothing, where little is as usual; same bytes."""
    folder = tmp_path / ODD
    folder.mkdir()
    Project(folder)
    figure = "results/figures/tiny/fig2.pdf"
    # No home, no place for caches but the one that is named, no temporary folder of one's own.
    odd = environment(
        HOME="/dev/null/home",
        XDG_CACHE_HOME=str(folder / ".cache"),
        XDG_CONFIG_HOME=None,
        MPLCONFIGDIR=None,
        TMPDIR="/dev/null/tmp",
        LANG=None,
        LC_ALL="C",
        PYTHONPATH=None,
    )
    result = subprocess.run(
        ["snakemake", "--cores", "2", "--configfile", "tiny.yaml", "--", figure],
        cwd=folder,
        env=odd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stdout
    made = [path for path in (folder / "results").rglob("*") if path.is_file()]
    compared = [path for path in made if not {"logs", "benchmarks"} & set(path.parts)]
    assert len(compared) > 40
    for path in compared:
        assert path.read_bytes() == (project.folder / path.relative_to(folder)).read_bytes(), path


def test_snakemake_needs_no_home_that_is_set(project: Project) -> None:
    command = ["snakemake", "-n", "--cores", "1", "--configfile", "tiny.yaml"]
    result = subprocess.run(
        command,
        cwd=project.folder,
        env=environment(HOME=None, LANG=None),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "LANG": None},
        {"LC_ALL": None, "LC_CTYPE": None, "LANG": None},
    ],
)
def test_class_names_beyond_ascii_in_the_c_locale(
    locale: dict[str, str | None], tmp_path: Path
) -> None:
    classes = ["café", "naïve \"x\", 'y'", "名前"]
    for part in ("train", "test"):
        for index, name in enumerate(classes):
            target = tmp_path / "photos ü" / part / name
            target.mkdir(parents=True)
            pixels = np.full((8, 8), 20 * index + len(part), dtype=np.uint8)
            Image.fromarray(pixels).save(target / "é.png")
    dataset = ImageFolder(source="image_folder", path="photos ü")
    prepare = [
        "whypretrain.stages.prepare",
        *("--settings", PrepareSettings(dataset=dataset).to_json()),
        *("--train", "ü/train.parquet", "--test", "ü/test.parquet"),
    ]
    settings = SamplesSettings(
        sampling=SAMPLING.model_copy(update={"per_class": 1}), architecture=ARCHITECTURE
    )
    samples = [
        "whypretrain.stages.samples",
        *("--settings", settings.to_json()),
        *("--train", "ü/train.parquet", "--test", "ü/test.parquet"),
        *("--samples", "ü/samples.h5", "--table", "ü/samples.csv"),
    ]
    for command in (prepare, samples):
        result = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=environment(**locale),
            capture_output=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr.decode()
    assert read_split(tmp_path / "ü/train.parquet").classes == classes
    assert read_samples(tmp_path / "ü/samples.h5").classes == classes
    table = pd.read_csv(tmp_path / "ü/samples.csv", encoding="utf-8")
    assert sorted(table["class"]) == sorted(classes)
