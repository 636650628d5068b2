"""A plan against cases worked out by hand, and against what the tiny suite has left behind."""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import small
from tests.project import Project
from whypretrain.data.sources import load_source
from whypretrain.settings.models import ImageArchitecture
from whypretrain.settings.whole import Config
from whypretrain.stages import command
from workflow.lib.plan import __main__ as plan_main
from workflow.lib.plan import calibrate as calibration
from workflow.lib.plan import cost, report
from workflow.lib.plan.calibrate import Calibration, Request, calibrate
from workflow.lib.plan.cost import (
    CARD_START,
    OTHERWISE_FIXED,
    PER_BYTE,
    PER_JOB,
    PER_MEASURED,
    SHARING,
)
from workflow.lib.plan.jobs import Job, dry_run, parse_jobs, wall_seconds
from workflow.lib.plan.network import count

TINY = ["--configfile", "tiny.yaml"]
FIXED = PER_JOB + OTHERWISE_FIXED
SNAPSHOTS, SAMPLES, PLAYERS = 3, 4, 4


@functools.cache
def jobs_once() -> list[Job]:
    """Jobs of the fresh folder, which does not change; Snakemake takes seconds to tell."""
    return dry_run(TINY)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny suite before anything was made."""
    return Project(tmp_path_factory.mktemp("fresh")).folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A calibration that takes no time: 1 GFLOP/s, imports of a second, loading at no cost."""

    def found(requests: list[Request], _: str) -> Calibration:
        rates = {(one.model, one.batch): 1e9 for one in requests}
        starts = dict.fromkeys(("tables", "networks"), 1.0)
        return Calibration(starts, rates, dict.fromkeys(PHOTOS, 0.0), 0.5, 1e9)

    monkeypatch.setattr(calibration, "calibrate", found)


PHOTOS = ("photo", "small", "augmented")


def load(folder: Path) -> Config:
    with contextlib.chdir(folder):
        return plan_main.configured(["tiny.yaml"], [])


def planned(folder: Path, jobs: list[Job] | None = None, **changes: Any) -> dict[str, Any]:
    asked: Future[list[Job]] = Future()
    config = load(folder)
    with contextlib.chdir(folder):
        asked.set_result(jobs_once() if jobs is None else jobs)
        options: dict[str, Any] = {"cores": 2, "gpus": 0, "tflops": None, "timed": True}
        return plan_main.make_plan(config, asked, **options | changes)


def seconds(plan: dict[str, Any], rule: str) -> float:
    """Of the first job of a rule."""
    return float(next(job["seconds"] for job in plan["jobs"] if job["rule"] == rule))


@pytest.mark.usefixtures("quick")
def test_seconds_are_operations_at_the_measured_rate(fresh: Path) -> None:
    plan = planned(fresh)
    network = count(small("whypretrain_resnet"), 2)
    n_test = len(load_source(load(fresh).datasets["tiny_downstream"]).test)
    passes = 3 * 2 * 20 + 3 * n_test  # two epochs of 20 images; the test split thrice
    written = SNAPSHOTS * network.weights * PER_BYTE
    expected = 1 + FIXED + written + passes * network.flops / 1e9
    assert seconds(plan, "scratch") == pytest.approx(expected)
    forwards = SAMPLES * SNAPSHOTS << PLAYERS
    masked = forwards / SHARING["whypretrain_resnet"] + (SNAPSHOTS << PLAYERS)
    expected = 1 + FIXED + PER_MEASURED * SAMPLES * SNAPSHOTS + masked * network.flops / 1e9
    assert seconds(plan, "extract") == pytest.approx(expected)
    total = plan["total"]
    assert total["seconds"] == pytest.approx(sum(job["seconds"] for job in plan["jobs"]))
    assert total["seconds"] / 2 <= total["wall_seconds"] <= total["seconds"]
    assert total["idle_wall_seconds"] == total["wall_seconds"] / 2


@pytest.mark.usefixtures("quick")
def test_a_stated_throughput_takes_the_place_of_the_measured_one(fresh: Path) -> None:
    stated = planned(fresh, gpus=1, tflops=1e-3)
    assert seconds(stated, "scratch") == pytest.approx(
        seconds(planned(fresh), "scratch") + CARD_START
    )
    assert stated["total"]["gpu_hours"] > 0


@pytest.mark.usefixtures("quick")
def test_jobs_on_a_dataset_of_unknown_size_count_as_empty(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "dataset_size", lambda *_: None)
    assert seconds(planned(fresh), "scratch") == pytest.approx(1 + FIXED)


@pytest.mark.usefixtures("quick")
def test_a_record_of_an_earlier_run_wins(fresh: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.tsv"
    record.write_text("s\th:m:s\n123.5\t0:02:03\n", encoding="utf-8")
    jobs = [
        job._replace(benchmark=str(record)) if job.rule == "claims" else job for job in jobs_once()
    ]
    plan = planned(fresh, jobs)
    assert seconds(plan, "claims") == 123.5
    assert "recorded: 1 jobs" in report.text(plan)


def test_a_plan_is_what_comes_of_it(project: Project, fresh: Path) -> None:
    plan = planned(fresh, timed=False)
    log = min((project.folder / ".snakemake/log").iterdir())
    (n_jobs,) = re.findall(r"^total +(\d+)$", log.read_text(encoding="utf-8"), re.M)
    assert plan["total"]["jobs"] == int(n_jobs) - 1  # less the target
    results = project.folder / "results"
    weights = (path for path in results.rglob("*.safetensors") if "." not in path.parent.name)
    made = [*weights, *(results / "experiments/tiny").rglob("*.h5")]
    there = sum(path.stat().st_size for path in made if path.name != "samples.h5")
    assert plan["total"]["disk_bytes"] == pytest.approx(there, rel=0.05)
    assert json.loads(json.dumps(plan)) == plan


def test_the_report_of_what_is_exact(fresh: Path) -> None:
    shown = report.text(planned(fresh, timed=False))
    assert "Until all is done" not in shown
    assert max(map(len, shown.splitlines())) <= report.WIDTH
    forwards = {
        line.split()[0]: line.split()[2] for line in shown.splitlines() if len(line.split()) > 4
    }
    each = SAMPLES << PLAYERS
    assert forwards["extract"] == str(2 * SNAPSHOTS * each)
    assert forwards["extract_final"] == str(2 * each)
    assert forwards["total"] == str((2 * SNAPSHOTS + 2) * each)


def test_a_suite_that_is_done_costs_nothing(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "calibrate", None)  # nothing is measured then
    plan = planned(fresh, [])
    assert plan["total"]["wall_seconds"] == plan["disk"]["needed"] == 0
    assert "Nothing is left to do." in report.text(plan)


def test_what_does_not_fit_or_is_not_known_is_a_warning(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = type("Memory", (), {"total": 5 * 10**8})
    usage = type("Usage", (), {"free": 10_000})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(cost, "dataset_size", lambda *_: None)
    shown = report.text(planned(fresh, timed=False))
    assert "WARNING: the size of tiny_downstream is not known" in shown
    monkeypatch.undo()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    shown = report.text(planned(fresh, timed=False))
    assert "WARNING: that does not fit on the disk" in shown
    assert "WARNING: tiny: the stage knowledge needs about" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "suite=nothing"], "suite = 'nothing': unknown; "),
        (["--config", "suite"], "--config suite: "),
        (["--configfile", "missing.yaml"], "missing.yaml: cannot be read"),
        (["--cores", "0"], "0: must be above 0"),
        (["--gpu-tflops", "-1"], "-1: must be above 0"),
        (["--gpus", "9"], "--gpus 9: give --gpu-tflops too"),
    ],
)
def test_bad_input_is_one_clear_error(
    arguments: list[str],
    said: str,
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(fresh)
    monkeypatch.setattr(sys, "argv", ["plan", *arguments])
    with pytest.raises(SystemExit) as caught:
        command.run(plan_main.main)
    assert said in f"{caught.value.code}{capsys.readouterr().err}"


def test_a_network_of_shapes_costs_what_is_known_of_it() -> None:
    network = count(ImageArchitecture(timm="vgg16"), 200)
    assert network.flops == pytest.approx(30.93e9, rel=1e-3)  # 15.5 G multiply-adds
    assert network.weights == 4 * 135_079_944
    assert network.family == "cnn"
    assert count(ImageArchitecture(timm="vit_small_patch16_224"), 2).family == "transformer"


def test_time_is_bounded_by_cores_cards_and_chains() -> None:
    first, second = Job("a", {}, [], ["x"]), Job("b", {}, ["x"], ["y"])
    other = Job("c", {}, [], ["z"], threads=4)
    jobs, spent = [first, second, other], [2.0, 3.0, 1.0]
    assert wall_seconds(jobs, spent, [False] * 3, cores=1, gpus=0) == 6
    assert wall_seconds(jobs, spent, [False] * 3, cores=2, gpus=0) == 5
    assert wall_seconds([other] * 4, [2.0] * 4, [True] * 4, cores=64, gpus=2) == 4


def test_jobs_of_a_dry_run() -> None:
    text = (
        "localrule fetch_weights:\n    output: resources/weights/a/fetched.json\n"
        "    jobid: 4\n    wildcards: model=a\n    resources: tmpdir=/tmp\n"
        "rule extract:\n    input: s.h5, w-0.5\n    output: i-0.h5 (update), i-1.h5 (update)\n"
        "    benchmark: b.tsv\n    wildcards: experiment=e, trained=scratch\n    threads: 4\n"
        "rule all:\n    input: i-0.h5\n    jobid: 0\n"
    )
    fetch, extract = parse_jobs(text)  # `all` makes nothing
    assert fetch == Job("fetch_weights", {"model": "a"}, [], ["resources/weights/a/fetched.json"])
    wildcards = {"experiment": "e", "trained": "scratch"}
    outputs = ["i-0.h5", "i-1.h5"]
    assert extract == Job("extract", wildcards, ["s.h5", "w-0.5"], outputs, 4, "b.tsv")


def test_a_calibration_measures_imports_rates_and_loading() -> None:
    architecture = small("whypretrain_resnet")
    requests = [Request("net", batch, architecture, 4_000_000) for batch in (0, 8)]
    found = calibrate(requests, "cpu")
    assert min(found.starts.values()) > 0
    assert found.rates.keys() == {("net", 0), ("net", 8)}
    assert min(found.rates.values()) > 1e6
    assert 0 < found.loading["small"] <= found.loading["augmented"] < 0.1
    assert 0 < found.share <= 1
    assert found.resident > 10**8


def test_the_command_prints_json(project: Project) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "workflow.lib.plan", *TINY, "--json"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": "src"},
    )
    assert json.loads(result.stdout)["total"]["jobs"] == 0
