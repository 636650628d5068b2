"""The same seed gives the same bytes, wherever and in whatever order the jobs run."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.project import Project
from whypretrain.interactions.record import read_record

TINY = "results/experiments/tiny"
SCRATCH = f"{TINY}/scratch.h5"
RUN_OF_SCRATCH = "results/runs/tiny_resnet/tiny_downstream/scratch-tiny-seed0"
TIMED = {"logs", "benchmarks"}


def contents(project: Project, under: str = "results") -> dict[str, bytes]:
    """Every file below a folder, but those that tell times."""
    folder = project.folder / under
    paths = [path for path in folder.rglob("*") if path.is_file()]
    named = {path.relative_to(folder): path for path in paths}
    return {str(n): path.read_bytes() for n, path in named.items() if not TIMED & set(n.parts)}


def moved(project: Project, folder: Path, *, metadata: bool = True) -> Project:
    """A fresh checkout in another folder, to which the results were moved."""
    folder.mkdir()
    result = Project(folder)
    for name in ("results", ".snakemake") if metadata else ("results",):
        shutil.copytree(project.folder / name, folder / name)
    for path in (folder / "src").rglob("*.py"):
        path.touch()  # a checkout's files are new
    return result


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The networks and interactions of the tiny suite, made anew elsewhere, one job at a time."""
    result = Project(tmp_path_factory.mktemp("again"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONHASHSEED", "7")
        patched.setenv("OMP_NUM_THREADS", str(os.cpu_count()))
        result.snakemake("--cores=1", "--", "interactions")
    return result


def test_another_run_gives_the_same_bytes(project: Project, again: Project) -> None:
    before, after = contents(project), contents(again)
    kinds = {Path(name).suffix for name in after}
    assert kinds >= {".h5", ".safetensors", ".parquet", ".csv"}
    assert [name for name in after if after[name] != before[name]] == []


def test_threads_change_little_and_always_the_same_way(again: Project, tmp_path: Path) -> None:
    """The workflow gives every job one thread; who sets two gets other bits, the same each time."""
    found = []
    for name in ("one", "two"):
        copy = moved(again, tmp_path / name)
        shutil.rmtree(copy.folder / RUN_OF_SCRATCH)
        (copy.folder / SCRATCH).unlink()
        copy.snakemake("--max-threads=2", "--set-threads", "train=2", "extract=2", "--", SCRATCH)
        found.append(copy)
    first, second = found
    assert contents(first) == contents(second)
    one, two = (read_record(p.folder / SCRATCH).at(-1) for p in (again, first))
    pairs = [*zip(one.interactions[0], two.interactions[0], strict=True)]
    assert not all(np.array_equal(a, b) for a, b in pairs)
    for a, b in pairs:
        np.testing.assert_allclose(a, b, atol=1e-2 * np.abs(a).max())


def test_another_seed_draws_other_samples(again: Project) -> None:
    table = again.folder / f"{TINY}/samples.csv"
    first = pd.read_csv(table)
    with again.edited("tiny.yaml", "per_class: 2", "per_class: 2\n      seed: 1"):
        again.snakemake("--", f"{TINY}/samples.csv")
        drawn = pd.read_csv(table)
    assert len(drawn) == len(first)
    assert set(drawn["sample"]) != set(first["sample"])


def test_moved_results_still_hold(project: Project, tmp_path: Path) -> None:
    copy = moved(project, tmp_path / "another place")
    assert "Nothing to be done" in copy.snakemake()
    # What Snakemake knows of them moved too: an edit runs what it should, and no more.
    with copy.edited("src/whypretrain/report/figures/fig3.py", "fontsize=6.5", "fontsize=6.4"):
        assert copy.due() == {"figure:fig3"}


def test_results_moved_without_snakemakes_notes_hold_after_a_touch(
    project: Project, tmp_path: Path
) -> None:
    copy = moved(project, tmp_path / "elsewhere", metadata=False)
    before = contents(copy)
    copy.snakemake("--touch")
    assert "Nothing to be done" in copy.snakemake()
    assert contents(copy) == before
