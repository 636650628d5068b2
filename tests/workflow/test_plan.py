"""A plan against cases worked out by hand, and against what the tiny suite has left behind."""

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

import psutil
import pytest
from pydantic import TypeAdapter

from tests.conftest import small
from tests.project import Project
from whypretrain.data.sources import load_source
from whypretrain.settings.models import ImageArchitecture, Model
from whypretrain.settings.whole import Config
from whypretrain.stages import command
from workflow.lib import costs, plan, rates
from workflow.lib.plan import Job, dry_run, parse_jobs, wall_seconds

TINY = ["--configfile", "tiny.yaml"]
SNAPSHOTS, SAMPLES, PLAYERS = 3, 4, 4


@functools.cache
def jobs_once() -> list[Job]:
    """Jobs of the fresh folder, which does not change; Snakemake takes seconds to tell."""
    return dry_run(TINY)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny suite before anything was made."""
    return Project(tmp_path_factory.mktemp("fresh")).folder


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A calibration that takes no time: 1 GFLOP/s, imports of a second, decoding at no cost."""

    def found(_: float, card: str, tflops: float) -> rates.Rates:
        rate = 1e12 * tflops if card == "stated" else 1e9
        kinds = [(family, train) for family in rates.TIMED for train in (False, True)]
        return rates.Rates(1.0, 0.0, dict.fromkeys(kinds, rate), card)

    monkeypatch.setattr(plan, "local_gpus", lambda: 0)
    monkeypatch.setattr(rates, "measure", found)


def load(folder: Path) -> Config:
    with contextlib.chdir(folder):
        return plan.configured(["tiny.yaml"], [])


def planned(
    folder: Path, jobs: list[Job] | None = None, tflops: float | None = None
) -> dict[str, Any]:
    config = load(folder)
    with contextlib.chdir(folder):
        return plan.make_plan(config, jobs_once() if jobs is None else jobs, 2, tflops)


def seconds(found: dict[str, Any], rule: str, run: str = "") -> float:
    """Of the first job of a rule, on a run whose name contains a word."""
    jobs = (job for job in found["jobs"] if job["rule"] == rule and run in job.get("run", ""))
    return float(next(jobs)["seconds"])


def test_seconds_are_operations_at_the_measured_rate(fresh: Path) -> None:
    found = planned(fresh)
    network = rates.count(small("whypretrain_resnet"), 2)
    n_test = len(load_source(load(fresh).datasets["tiny_downstream"]).test)
    passes = 3 * 2 * 20 + 3 * n_test  # two epochs of 20 images; the test split thrice
    fixed = 1 + costs.OTHERWISE_FIXED
    written = SNAPSHOTS * network.weights * costs.PER_BYTE
    expected = fixed + written + passes * network.flops / 1e9
    assert seconds(found, "train", "scratch") == pytest.approx(expected)
    [job] = (j for j in found["jobs"] if j["rule"] == "extract" and j["variant"] == "scratch")
    forwards = SAMPLES * SNAPSHOTS << PLAYERS
    again = min(3, SAMPLES) * SNAPSHOTS << PLAYERS  # the noise floor's
    masked = forwards / costs.SHARING["whypretrain_resnet"] + again
    expected = fixed + costs.PER_MEASURED * SAMPLES * SNAPSHOTS + masked * network.flops / 1e9
    assert job["seconds"] == pytest.approx(expected)
    assert job["forwards"] == forwards
    total = found["total"]
    assert total["seconds"] == pytest.approx(sum(job["seconds"] for job in found["jobs"]))
    assert total["seconds"] / 2 <= total["wall_seconds"] <= total["seconds"]


@pytest.mark.parametrize(
    ("settings", "family", "factor"),
    [
        ({"timm": "vgg16.tv_in1k"}, "cnn", "vgg"),
        ({"timm": "densenet121"}, "cnn", "cnn"),
        ({"timm": "vit_small_patch16_224"}, "transformer", "transformer"),
        ({"family": "transformers"}, "transformer", "transformer"),
        ({"family": "transformers", "feature": "last_token"}, "transformer", "last_token"),
    ],
)
def test_sharing_is_that_of_the_architecture(
    settings: dict[str, str], family: str, factor: str
) -> None:
    model: Any = TypeAdapter(Model).validate_python({"weights": {"path": "w"}, **settings})
    assert costs.sharing(model, family) == costs.SHARING[factor]


def test_a_stated_throughput_takes_the_place_of_the_measured_one(fresh: Path) -> None:
    stated = seconds(planned(fresh, tflops=1e-3), "train")
    assert stated == pytest.approx(seconds(planned(fresh), "train") + costs.CARD_START)


def test_jobs_on_a_dataset_of_unknown_size_count_as_empty(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "dataset_size", lambda *_: None)
    found = planned(fresh)
    assert seconds(found, "train") == pytest.approx(1 + costs.OTHERWISE_FIXED)
    assert "WARNING: the size of tiny_downstream is not known" in plan.text(found)


def test_a_record_of_an_earlier_run_wins(fresh: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.tsv"
    record.write_text("s\th:m:s\n123.5\t0:02:03\n", encoding="utf-8")
    jobs = [
        job._replace(benchmark=str(record)) if job.rule == "claims" else job for job in jobs_once()
    ]
    found = planned(fresh, jobs)
    assert seconds(found, "claims") == 123.5
    assert "recorded: 1 jobs" in plan.text(found)
    assert seconds(planned(fresh, jobs, tflops=1.0), "claims") < 10


def test_a_plan_is_what_comes_of_it(project: Project, fresh: Path) -> None:
    found = planned(fresh)
    log = min((project.folder / ".snakemake/log").iterdir())
    (n_jobs,) = re.findall(r"^total +(\d+)$", log.read_text(encoding="utf-8"), re.M)
    assert found["total"]["jobs"] == int(n_jobs) - 1  # less the target
    results = project.folder / "results"
    weights = (path for path in results.rglob("*.safetensors") if "." not in path.parent.name)
    made = [*weights, *(results / "experiments/tiny").rglob("*.h5")]
    there = sum(path.stat().st_size for path in made if path.name != "samples.h5")
    assert found["total"]["disk_bytes"] == pytest.approx(there, rel=0.05)
    assert json.loads(json.dumps(found)) == found


def test_the_report_has_a_line_for_each_stage(fresh: Path) -> None:
    shown = plan.text(planned(fresh))
    assert max(map(len, shown.splitlines())) <= plan.WIDTH
    forwards = {
        line.split()[0]: line.split()[2] for line in shown.splitlines() if len(line.split()) == 6
    }
    assert (
        forwards["extract"]
        == forwards["total"]
        == str(
            (2 * SNAPSHOTS + 3) * SAMPLES
            << PLAYERS  # the probe and two of a further seed once each
        )
    )


def test_a_suite_that_is_done_costs_nothing(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "measure", None)  # nothing is measured then
    found = planned(fresh, [])
    assert found["total"]["wall_seconds"] == found["disk"]["needed"] == 0
    assert "Nothing is left to do." in plan.text(found)


def test_what_does_not_fit_is_a_warning(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type("Memory", (), {"total": 5 * 10**8})
    usage = type("Usage", (), {"free": 10_000})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    shown = plan.text(planned(fresh))
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
        command.run(plan.main)
    assert said in f"{caught.value.code}{capsys.readouterr().err}"


def test_a_network_of_shapes_costs_what_is_known_of_it() -> None:
    network = rates.count(ImageArchitecture(timm="vgg16"), 200)
    assert network.flops == pytest.approx(30.93e9, rel=1e-3)  # 15.5 G multiply-adds
    assert network.weights == 4 * 135_079_944
    assert network.family == "cnn"
    assert rates.count(ImageArchitecture(timm="vit_small_patch16_224"), 2).family == "transformer"


def test_time_is_bounded_by_cores_the_card_and_chains() -> None:
    first, second = Job("a", {}, [], ["x"]), Job("b", {}, ["x"], ["y"])
    other = Job("c", {}, [], ["z"], threads=4)
    jobs, spent = [first, second, other], [2.0, 3.0, 1.0]
    assert wall_seconds(jobs, spent, [False] * 3, cores=1) == 6
    assert wall_seconds(jobs, spent, [False] * 3, cores=2) == 5
    assert wall_seconds([other] * 4, [2.0] * 4, [True] * 4, cores=64) == 8


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


def test_a_calibration_measures_decoding_and_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(rates, "EACH", 0.01)
    found = rates.measure(2.0, "none", 0.0)
    assert found.start == 2.0
    assert 1e-4 < found.decoding < 0.1
    assert len(found.flops) == 4
    assert 1e7 < min(found.flops.values()) < max(found.flops.values()) < 1e13
    assert set(rates.measure(2.0, "stated", 3.0).flops.values()) == {3e12}


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
