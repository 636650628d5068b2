"""The live view of a run: against recorded logs, and against the run of the tiny suite."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.project import Project
from whypretrain import watch

HEAD = """\
Building DAG of jobs...
Using shell: /usr/bin/bash
Provided cores: 2
Job stats:
job         count
--------  -------
prepare         1
scratch         2
figure          2
all             1
total           6

Select jobs to execute...
Execute 1 jobs...
"""
DONE = (
    "[Sat Nov 21 02:18:00 2026]\nFinished jobid: {job} (Rule: {rule})\n{n} of 6 steps (9%) done\n"
)
FAILED = """\
[Sat Nov 21 02:18:00 2026]
Error in rule scratch:
    message: None
    jobid: 4
    output: results/runs/b/history.csv
    log: results/logs/scratch/b.log (check log file(s) for error details)
    shell:
        python -m whypretrain.train
        (command exited with non-zero exit code)
Logfile results/logs/scratch/b.log:
error: the loss is nan at step 3; lower learning_rate (now 9)
"""
END = "Complete log(s): /x/y.snakemake.log\nElapsed time: 0:04:14.706965\n"
METERS = """\
/x/y.py:3: UserWarning: nothing to fear
m d scratch-r-seed0:  20% 2/10 [00:05<00:20,  2.50s/step] loss 0.849; test loss 0.960 accuracy 57.8%
m d scratch-r-seed0:  40% 4/10 [00:10<01:15, 12.50step/s] loss 0.372; test loss 0.311 accuracy 88.9%
"""


def folder_with(tmp_path: Path, log: str, monkeypatch: pytest.MonkeyPatch, ago: float = 60) -> Path:
    """A folder in which a run that began some seconds ago has left this log."""
    monkeypatch.chdir(tmp_path)
    stamp = time.strftime("%Y-%m-%dT%H%M%S", time.localtime(time.time() - ago))
    path = tmp_path / f".snakemake/log/{stamp}.123456.snakemake.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(log, encoding="utf-8")
    return path


def job(tmp_path: Path, name: str, log: str, seconds: float | None = None) -> None:
    """A job's log, and its record if it took that long and is done."""
    path = tmp_path / f"results/logs/{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(log, encoding="utf-8")
    if seconds is not None:
        record = tmp_path / f"results/benchmarks/{name}.tsv"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(f"s\th:m:s\n{seconds}\t0:00:01\n", encoding="utf-8")


def shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    monkeypatch.setattr(sys, "argv", ["watch", *arguments])
    assert watch.main() == 0
    return capsys.readouterr().out


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "is_running", lambda: True)
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.usefixtures("alive")
def test_a_run_that_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = HEAD + DONE.format(job=3, rule="prepare", n=1) + DONE.format(job=5, rule="figure", n=2)
    folder_with(tmp_path, log, monkeypatch)
    job(tmp_path, "prepare/d", "d: 5 classes\n", 10)
    job(tmp_path, "figures/s-fig2", "", 20)
    job(tmp_path, "scratch/m/d/scratch-r-seed0", METERS)
    job(tmp_path, "figures/s-fig3", "")
    text = shown(monkeypatch, capsys, "--once")
    assert text.startswith("2 of 6 jobs done (33%), 1:0")
    assert "scratch m/d/scratch-r-seed0: 4/10, 12.50step/s, 1:15 left; loss 0.372" in text
    assert "| figures s-fig3" in text
    assert "prepare d" not in text  # it is done
    assert "\x1b" not in text
    assert text.count("\n") == 1
    # 75 s of the job that runs, half a mean for the figure, 15 s (the mean) for the other scratch;
    # 30 s of jobs in 60 s are half a job at a time.
    assert ", about 3:2" in text or ", about 3:1" in text


@pytest.mark.usefixtures("alive")
def test_failed_jobs_are_named_with_their_log_and_do_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder_with(tmp_path, HEAD + FAILED, monkeypatch)
    job(tmp_path, "scratch/b", METERS + "error: no good\n\n")
    text = shown(monkeypatch, capsys, "--once")
    assert "FAILED: scratch, see results/logs/scratch/b.log: error: no good\n" in text
    assert "2/10" not in text


def test_a_failure_that_a_retry_mended_is_none() -> None:
    run = watch.parse_run(HEAD + FAILED + DONE.format(job=4, rule="scratch", n=1) + END)
    assert run is not None
    assert (run.failed, run.ended) == ([], True)
    assert run.planned == {"prepare": 1, "scratch": 2, "figure": 2, "all": 1}
    assert run.finished == {"scratch": 1}


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (HEAD + FAILED + END, "Ended after 0 of 6 jobs"),
        (HEAD + DONE.format(job=3, rule="prepare", n=1), "Ended after 1 of 6 jobs"),  # killed
        (
            "Building DAG of jobs...\nNothing to be done (all requested files are present).\n",
            "Nothing to be done",
        ),
        ("Building DAG of jobs...\nCreating report...\n", "No run of Snakemake in this folder."),
        (None, "No run of Snakemake in this folder."),
    ],
)
def test_what_is_over_is_summed_up(
    log: str | None,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if log is not None:
        folder_with(tmp_path, log, monkeypatch)
    text = shown(monkeypatch, capsys)
    assert text.startswith(said)
    assert ("FAILED: scratch" in text) == (log is not None and "Error in rule" in log)


def test_the_newest_log_of_a_run_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_with(tmp_path, HEAD + END, monkeypatch, ago=900)
    kept = folder_with(tmp_path, HEAD, monkeypatch, ago=600)
    folder_with(tmp_path, "Building DAG of jobs...\nJob stats:\nThis was a dry-run\n", monkeypatch)
    found = watch.newest_run()
    assert found is not None
    assert found[0].samefile(kept)


def test_logs_of_an_earlier_run_are_not_jobs_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_with(tmp_path, HEAD, monkeypatch)
    job(tmp_path, "scratch/killed", METERS)  # left no record
    log = tmp_path / "results/logs/scratch/killed.log"
    os.utime(log, (time.time() - 3600, time.time() - 3600))
    run = watch.parse_run(HEAD)
    assert run is not None
    assert watch.active_jobs(run, time.time() - 60, time.time()) == []


def test_a_terminal_is_drawn_over_and_ci_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    run = watch.parse_run(HEAD + FAILED)
    assert run is not None
    progress = watch.parse_progress(METERS)
    active = [watch.Active("scratch", "m/d/a-name-that-is-long", 2.0, progress)]
    terminal = Terminal()
    screen = watch.Screen(terminal, quiet=False)
    screen.show(run, active, 100.0, 50.0)
    first = terminal.getvalue().splitlines()
    assert len(first) == 3
    assert all(len(line) < 40 for line in first)
    screen.show(run, active, 99.0, 51.0)
    assert "\x1b[3F\x1b[J" in terminal.getvalue()  # up by three lines, and wiped

    quiet = io.StringIO()
    screen = watch.Screen(quiet, quiet=True)
    monkeypatch.setattr(watch, "LINE_EVERY", 0.0)
    for _ in range(3):
        screen.show(run, active, 100.0, 50.0)
    assert quiet.getvalue().count("jobs done") == 1
    assert quiet.getvalue().count("FAILED") == 1


def test_the_run_of_the_tiny_suite_is_summed_up(project: Project) -> None:
    """A nothing-to-be-done run after it changes nothing about the one that counts."""
    logs = sorted((project.folder / ".snakemake/log").iterdir())
    run = watch.parse_run(logs[0].read_text(encoding="utf-8"))
    assert run is not None
    assert run.ended
    assert run.finished == run.planned
    assert run.failed == []


def watched(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "whypretrain.watch", "--", sys.executable, "-c", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(watch.__file__).parents[1])},
    )


def test_a_command_is_run_watched_and_its_status_kept(tmp_path: Path) -> None:
    (tmp_path / ".snakemake/log").mkdir(parents=True)
    stamp = time.strftime("%Y-%m-%dT%H%M%S", time.localtime(time.time() + 1))
    path = f".snakemake/log/{stamp}.000000.snakemake.log"
    write = f"open({path!r}, 'w').write({HEAD + END!r})"
    assert "Ended after 0 of 6 jobs" in watched(tmp_path, write).stdout
    result = watched(tmp_path, "import sys; print('heard'); sys.exit(3)")
    assert result.returncode == 3
    assert "heard" in result.stdout
