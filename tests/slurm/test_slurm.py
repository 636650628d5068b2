"""The workflow on a real Slurm: the same results as at home, and nothing lost when jobs die."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.project import Project
from tests.slurm.conftest import Run, eventually, failing_jobs


def results(folder: Path) -> dict[str, bytes]:
    """Every file of results/, but logs and records of time."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / "results").rglob("*")
        if path.is_file()
    }
    return {n: b for n, b in found.items() if not n.startswith(("results/logs", "results/bench"))}


def test_an_interrupted_run_leaves_no_job_in_the_queue(tmp_path: Path) -> None:
    run = failing_jobs(tmp_path, "endless.txt")
    eventually((tmp_path / "attempts/endless").exists)
    run.interrupt()
    status, printed = run.end()
    assert status != 0, printed
    eventually(lambda: not run.jobs("pending,running,completing"))
    assert [job["State"] for job in run.jobs()] == ["CANCELLED"]


def test_results_equal_those_of_a_local_run_bit_for_bit(submitted: Run, project: Project) -> None:
    status, printed = submitted.end()
    assert status == 0, printed
    here, there = results(project.folder), results(submitted.folder)
    assert len(here) > 60
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


def test_every_job_asks_for_what_it_needs_and_says_what_it_is(submitted: Run) -> None:
    _, printed = submitted.end()
    jobs = {job["Comment"]: job for job in submitted.jobs()}
    assert {job["State"] for job in jobs.values()} == {"COMPLETED"}
    training = jobs["rule_train_wildcards_tiny_resnet_tiny_downstream_scratch-tiny-seed0"]
    assert training["tres-per-job"] == "gres:gpu:1"
    assert training["TimeLimit"] == "10:00"
    assert training["MinMemory"] == "2100M"
    assert jobs["rule_extract_wildcards_tiny_finetune"]["tres-per-job"] == "gres:gpu:1"
    assert jobs["rule_knowledge_wildcards_tiny"]["tres-per-job"] == "N/A"
    assert jobs["rule_prepare_wildcards_tiny_upstream"]["TimeLimit"] == "15:00"
    local = re.compile("rule_(figure|claims)")
    assert not [comment for comment in jobs if local.match(comment)]
    assert printed.count("localrule figure:") == 11


def test_the_end_of_a_failed_run_names_rule_and_logs(submitted: Run) -> None:
    assert submitted.end()[0] == 0
    folder = submitted.folder
    (folder / "results/datasets/tiny_downstream/test.parquet").write_bytes(b"not Parquet")
    target = "results/runs/tiny_resnet/tiny_downstream/scratch-tiny-seed0/robustness.csv"
    (folder / target).unlink()
    arguments = ["--configfile", "tiny.yaml", "--retries=0", "--allowed-rules", "robustness"]
    run = Run(folder, folder / "profiles" / "slurm", *arguments, "--", target)
    status, printed = run.end()
    assert status != 0
    last = "\n".join(printed.splitlines()[-8:])
    assert re.search(r"^robustness: results/logs/.*\.log$", last, re.MULTILINE)
    assert "slurm_logs/rule_robustness/" in printed  # where the error is told
    assert "error: results/datasets/tiny_downstream/test.parquet" in printed
    assert "Traceback" not in printed


class Case(NamedTuple):
    """A way to go wrong: what Slurm calls it, and what the attempts had (MB, minutes)."""

    rule: str
    status: str
    attempts: list[str]
    shown: str = ""
    """What the user reads, beyond rule, status and logs."""


CASES = [
    Case("cancelled", "CANCELLED", ["400 5", "800 10"], "CANCELLED AT"),
    Case("over_time", "TIMEOUT", ["400 1", "800 2"], "DUE TO TIME LIMIT"),
    Case("over_memory", "FAILED", ["400 5", "800 10"], "exceeded memory limit"),
    Case("failing", "FAILED", ["400 5", "800 10", "1600 20"], "error: table.csv: not a table"),
]


@pytest.mark.parametrize("case", CASES, ids=[case.rule for case in CASES])
def test_a_lost_job_is_noticed_and_gets_more_where_that_helps(failures: Run, case: Case) -> None:
    status, printed = failures.end()
    assert status != 0, "one job cannot succeed"
    attempts = (failures.folder / "attempts" / case.rule).read_text(encoding="utf-8")
    assert attempts.splitlines() == case.attempts
    assert (failures.folder / f"{case.rule}.txt").exists() == (case.rule != "failing")
    errors = re.findall(rf"^Error in rule {case.rule}:\n((?:    .*\n)+)", printed, re.MULTILINE)
    (error, *_) = [error for error in errors if "SLURM-job" in error]
    assert f"SLURM status is: '{case.status}'" in error
    assert f"logs/{case.rule}.log" in error
    assert f"slurm_logs/rule_{case.rule}/" in error
    assert case.shown in printed


def test_a_job_that_slurm_requeues_is_waited_for_and_not_submitted_beside_it(failures: Run) -> None:
    _, printed = failures.end()
    assert "Error in rule requeued" not in printed
    assert (failures.folder / "requeued.txt").exists()
    attempts = (failures.folder / "attempts/requeued").read_text(encoding="utf-8")
    assert attempts.splitlines() == ["400 5", "400 5"]
    assert len([job for job in failures.jobs() if job["Comment"] == "rule_requeued"]) == 1


def test_a_new_run_does_only_what_failed(failures: Run) -> None:
    failures.end()
    again = failing_jobs(failures.folder, "--dry-run")
    status, printed = again.end()
    assert status == 0, printed
    stats = re.search(r"^job +count\n[- ]+\n((?:\w+ +\d+\n)+)", printed, re.MULTILINE)
    assert stats is not None
    assert [line.split()[0] for line in stats[1].splitlines()] == ["failing", "all", "total"]
