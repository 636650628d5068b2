"""A plan against what the tiny suite has left behind: jobs, forwards, sizes of files."""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import pytest
import torch

from tests.conftest import small
from tests.project import Project
from whypretrain.data.sources import load_source
from whypretrain.settings.models import ImageArchitecture
from whypretrain.settings.training import Augmentation, Recipe
from whypretrain.settings.whole import Config
from whypretrain.stages import command
from workflow.lib.plan import assemble, measure, report
from workflow.lib.plan.__main__ import configured
from workflow.lib.plan.calibrate import Calibration, Request, calibrate
from workflow.lib.plan.cost import Costs, Machine
from workflow.lib.plan.jobs import Job, dry_run, parse_jobs
from workflow.lib.plan.measure import ExtractionTime, TrainingTime
from workflow.lib.plan.network import Network
from workflow.lib.plan.sizes import dataset_size
from workflow.lib.plan.work import SUITE, Workload

TINY = ["--configfile", "tiny.yaml"]
TWO_CORES = Machine(2)


def stand_in(key: tuple[Any, ...]) -> Any:
    """What a measurement might find; every step takes a second, every sample two."""
    if key[0] == "train":
        return TrainingTime(fixed=1.0, each=0.0, evaluated=0.0)
    if key[0] == "extract":
        return ExtractionTime(planned=0.0, sample=2.0, plain=0.0, flops=1e12, plain_flops=2e12)
    return 0.0


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements that take no time."""

    def found(requests: list[Request], *, processes: int) -> Calibration:
        assert processes >= 1
        times = {request.key: stand_in(request.key) for request in requests}
        return Calibration(times, times, 10**9, 1.0)

    monkeypatch.setattr(assemble, "calibrate", found)
    monkeypatch.setattr(assemble, "dry_run", lambda arguments: jobs_once(tuple(arguments)))


@functools.cache
def jobs_once(arguments: tuple[str, ...]) -> list[Job]:
    """Jobs of the fresh folder, which does not change; Snakemake takes seconds to tell."""
    return dry_run(arguments)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny suite before anything was made."""
    return Project(tmp_path_factory.mktemp("fresh")).folder


def load(folder: Path) -> Config:
    with contextlib.chdir(folder):
        return configured(["tiny.yaml"], [])


def planned(folder: Path, machine: Machine = TWO_CORES) -> dict[str, Any]:
    config = load(folder)
    with contextlib.chdir(folder):
        return assemble.make_plan(config, TINY, machine)


def seconds(plan: dict[str, Any], rule: str) -> float:
    """Of the first job of a rule."""
    return float(next(job["seconds"] for job in plan["jobs"] if job["rule"] == rule))


def n_jobs_of_first_run(project: Project) -> int:
    """What Snakemake itself counted when the tiny suite was run, less the target."""
    log = min((project.folder / ".snakemake/log").iterdir())
    (total,) = re.findall(r"^total +(\d+)$", log.read_text(encoding="utf-8"), re.M)
    return int(total) - 1


@pytest.mark.usefixtures("quick")
def test_a_plan_is_what_comes_of_it(project: Project, fresh: Path) -> None:
    plan = planned(fresh)
    n_jobs = n_jobs_of_first_run(project)
    assert plan["total"]["jobs"] == {"to_do": n_jobs, "all": n_jobs}
    assert [row["name"] for row in plan["rows"]] == ["tiny", SUITE]

    results = project.folder / "results"
    interactions = list((results / "experiments/tiny").rglob("interactions-*.h5"))
    n_forwards = 0
    for path in interactions:
        with h5py.File(path) as file:
            n_forwards += sum(len(group["outputs"]) for group in file["samples"].values())
    assert plan["total"]["forwards"] == {"to_do": n_forwards, "all": n_forwards}

    runs = {job["run"] for job in plan["jobs"] if "run" in job}
    weights = [path for run in runs for path in (results / "runs" / run).glob("*.safetensors")]
    pretrained = results / "pretrained/tiny_resnet/weights.safetensors"
    there = sum(path.stat().st_size for path in [*weights, *interactions, pretrained])
    assert plan["total"]["disk_bytes"]["to_do"] == pytest.approx(there, rel=0.03)

    # Every step takes a second here, so that a training job takes its steps and no more.
    history = pd.read_csv(
        results / "runs/tiny_resnet/tiny_downstream/scratch-tiny-seed0/history.csv"
    )
    assert seconds(plan, "scratch") == pytest.approx(history["step"].max(), abs=0.5)
    assert seconds(plan, "extract") == pytest.approx(2.0 * 4 * 3, abs=0.5)  # samples, snapshots

    assert json.loads(json.dumps(plan)) == plan
    shown = report.text(plan)
    assert f"{n_jobs} of {n_jobs}" in shown
    assert max(map(len, shown.splitlines())) <= report.WIDTH


def test_the_sizes_of_interactions_alone(project: Project, fresh: Path) -> None:
    """Weights outweigh them above."""
    path = project.folder / "results/experiments/tiny/probe/interactions-1.0000.h5"
    config = load(fresh)
    size = dataset_size(config.datasets["tiny_downstream"], "none")
    assert size is not None
    workload = Workload(config, {"tiny_downstream": size})
    costs = Costs(workload, {"tiny_resnet": config.architecture("tiny_resnet")}, TWO_CORES)
    wildcards = (("experiment", "tiny"), ("final", "probe"))
    job = Job("extract_final", wildcards, (), (path.name,))
    assert costs.disk(job) == pytest.approx(path.stat().st_size, rel=0.1)


def test_a_suite_that_is_done_costs_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.snakemake()
    monkeypatch.setattr(assemble, "calibrate", None)  # nothing is measured then
    plan = planned(project.folder)
    total = plan["total"]
    assert total["jobs"] == {"to_do": 0, "all": n_jobs_of_first_run(project)}
    assert total["forwards"]["to_do"] == total["disk_bytes"]["to_do"] == 0
    assert total["wall_seconds"] == plan["disk"]["needed_bytes"] == 0
    assert total["forwards"]["all"] > 0
    assert "Nothing is left to do." in report.text(plan)


@pytest.mark.usefixtures("quick")
def test_a_stated_throughput_is_divided_by(fresh: Path) -> None:
    slow, fast = (planned(fresh, Machine(2, 1, tflops)) for tflops in (1.0, 4.0))
    # 3 snapshots of 4 samples of 1e12 operations, and the noise floor of 2e12 in each.
    extraction = seconds(slow, "extract") - seconds(fast, "extract")
    assert extraction == pytest.approx(3 * (4 + 2) * (1 - 1 / 4))
    n_tests = len(load_source(load(fresh).datasets["tiny_downstream"]).test)
    # Forward and backward of 20 images in 2 epochs; the test split thrice.
    operations = Network(small("whypretrain_resnet"), 2).flops * (3 * 2 * 20 + 3 * n_tests)
    training = seconds(slow, "scratch") - seconds(fast, "scratch")
    assert training == pytest.approx(operations / 1e12 * (1 - 1 / 4), rel=1e-6)
    assert slow["total"]["gpu_hours"] > fast["total"]["gpu_hours"] > 0


@pytest.mark.usefixtures("quick")
def test_unknown_sizes_are_said_and_the_rest_is_planned(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        assemble,
        "dataset_size",
        lambda d, n: None if n == "tiny_downstream" else dataset_size(d, n),
    )
    plan = planned(fresh)
    assert plan["unknown"] == {"tiny": ["tiny_downstream"]}
    shown = report.text(plan)
    assert "Not planned: tiny: the size of tiny_downstream is not known." in shown
    assert "unknown" in shown
    assert seconds(plan, "pretrain") > 0


@pytest.mark.usefixtures("quick")
def test_a_disk_that_is_too_small_is_a_warning(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10_000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    plan = planned(fresh)
    assert not plan["disk"]["fits"]
    assert "WARNING: that does not fit" in report.text(plan)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "suite=nothing"], "suite = 'nothing': unknown; "),
        (["--config", "suite"], "--config suite: "),
        (["--configfile", "missing.yaml"], "missing.yaml: cannot be read"),
        (["--cores", "0"], "0: must be at least 1"),
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
    from workflow.lib.plan.__main__ import main

    monkeypatch.chdir(fresh)
    monkeypatch.setattr(sys, "argv", ["plan", *arguments])
    with pytest.raises(SystemExit) as caught:
        command.run(main)
    assert said in f"{caught.value.code}{capsys.readouterr().err}"


def test_a_network_of_shapes_costs_what_is_known_of_it() -> None:
    network = Network(ImageArchitecture(timm="vgg16"), 200)
    assert network.flops == pytest.approx(30.93e9, rel=1e-3)  # 15.5 G multiply-adds
    assert network.parameter_bytes == 4 * 135_079_944
    batch = Recipe(epochs=1, batch_size=128, optimizer="sgd")
    parts = batch.model_copy(update={"micro_batch_size": 32})
    whole, half = (network.training_bytes(batch, bfloat16=b) for b in (False, True))
    assert 1.4 < whole / half < 2
    assert network.training_bytes(parts, bfloat16=False) < 0.4 * whole


def test_nothing_is_measured_where_only_what_is_exact_is_wanted(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assemble, "calibrate", None)
    config = load(fresh)
    with contextlib.chdir(fresh):
        plan = assemble.make_plan(config, TINY, TWO_CORES, timed=False)
    assert plan["total"]["forwards"]["to_do"] > 0
    assert plan["total"]["operations"]["to_do"] > 0
    assert "Until all is done" not in report.text(plan)


def test_jobs_of_a_dry_run() -> None:
    text = (
        "[Sat Nov 21 03:17:14 2026]\n"
        "localrule fetch_weights:\n    output: resources/weights/a/fetched.json\n"
        "    jobid: 4\n    wildcards: model=a\n    resources: tmpdir=/tmp\n"
        "[Sat Nov 21 03:17:14 2026]\n"
        "rule extract:\n    input: s.h5, w-0.5\n    output: i-0.h5, i-1.h5\n    jobid: 2\n"
        "    wildcards: experiment=e, trained=scratch\n    threads: 4\n"
        "    resources: tmpdir=/tmp, gpu=1\n"
        "rule all:\n    input: i-0.h5\n    jobid: 0\n"
    )
    fetch, extract = parse_jobs(text)  # `all` makes nothing
    assert (fetch.rule, fetch.of("model"), fetch.inputs) == ("fetch_weights", "a", ())
    assert extract.outputs == ("i-0.h5", "i-1.h5")
    assert extract.of("trained") == "scratch"
    assert (extract.threads, extract.gpus, extract.of("run")) == (4, 1, None)


def test_measurements_take_true_code_and_some_time() -> None:
    """One of each kind, on a small network, in a process of its own as in a plan."""
    from functools import partial

    from whypretrain.settings.interactions import Extraction, ExtractSettings, GridPlayers, Sampling

    architecture = small("whypretrain_resnet")
    recipe = Recipe(epochs=2, batch_size=8, warmup_epochs=1)
    device = torch.device("cpu")
    settings = ExtractSettings(
        architecture=architecture, background="keep", extraction=Extraction()
    )
    training = partial(
        measure.training_time, architecture, recipe, n_classes=2, n_items=(20, 10), device=device
    )
    sampling = Sampling(players=GridPlayers(n=4, cells=4, margin=0))
    measured = calibrate(
        [
            Request(("train",), partial(training, flops=1e7)),
            Request(("train in parts",), partial(training, flops=1.2e10)),
            Request(
                ("extract",),
                partial(
                    measure.extraction_time,
                    settings,
                    sampling,
                    n_samples=4,
                    flops=1e7,
                    device=device,
                ),
            ),
            Request(
                ("load",),
                partial(
                    measure.loading_time,
                    assemble_images(),
                    architecture,
                    Augmentation(rotate=5),
                    20,
                ),
            ),
        ],
        processes=1,
    )
    whole, parts = measured.found["train",], measured.found["train in parts",]
    assert min(whole.fixed, whole.evaluated, parts.each) > 0
    assert whole.each == 0
    extraction = measured.found["extract",]
    assert min(extraction.sample, extraction.plain, extraction.flops) > 0
    assert 0 < measured.found["load",] < 0.1
    assert measured.idle["train",].fixed <= whole.fixed
    assert measured.idle["extract",].flops == extraction.flops
    assert 0 < measured.share <= 1
    assert measured.resident > 10**8


def assemble_images() -> list[bytes]:
    from workflow.lib.plan.inputs import random_encoded

    return random_encoded(1, (8, 8))


def test_the_command_prints_json(project: Project) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "workflow.lib.plan", *TINY, "--json"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": "src"},
    )
    assert json.loads(result.stdout)["total"]["jobs"]["to_do"] == 0
