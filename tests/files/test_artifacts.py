"""Turns at an output, and what dead processes left."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from whypretrain.files.artifacts import atomic_path, damaged, exclusive

HOLD = """
import sys, time
from pathlib import Path
from whypretrain.files.artifacts import exclusive
with exclusive(Path(sys.argv[1]), sys.argv[2]) as done:
    print("done" if done else "mine", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def process(code: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A Python process that runs `code` and ends when it is sent a line."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def said(one: subprocess.Popen[str]) -> str:
    assert one.stdout is not None
    return one.stdout.readline().strip()


def let_go(one: subprocess.Popen[str]) -> None:
    one.communicate("\n")


def waits(one: subprocess.Popen[str]) -> str:
    """What a process says that has to wait."""
    assert one.stderr is not None
    return one.stderr.readline()


@pytest.mark.parametrize(("second_makes", "hears"), [("A", "done"), ("B", "mine")])
def test_the_second_waits_and_hears_whether_the_first_finished_the_same(
    second_makes: str, hears: str, tmp_path: Path
) -> None:
    output = tmp_path / "new" / "work.csv"
    with process(HOLD, output, "A") as first:
        assert said(first) == "mine"
        with process(HOLD, output, second_makes) as second:
            line = waits(second)
            assert "another process is at work on this; waiting" in line
            let_go(first)
            assert said(second) == hears
            let_go(second)
    assert {path.name for path in output.parent.iterdir()} == {".work.lock", ".work.done"}


def test_a_killed_holder_gives_its_turn_back(tmp_path: Path) -> None:
    output = tmp_path / "work.csv"
    with process(HOLD, output, "A") as first:
        assert said(first) == "mine"
        with process(HOLD, output, "A") as second:
            waits(second)
            first.kill()
            assert said(second) == "mine"  # and nothing was finished
            let_go(second)
    with exclusive(output, "A") as done:  # long after, so it is for the caller to see what is there
        assert not done


def test_many_at_once_never_overlap(tmp_path: Path) -> None:
    code = """
import os, sys, time
from pathlib import Path
from whypretrain.files.artifacts import exclusive
folder = Path(sys.argv[1])
for _ in range(40):
    with exclusive(folder / "work"):
        (folder / "busy").mkdir()
        time.sleep(0.0005)
        (folder / "busy").rmdir()
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    printed = [one.communicate(timeout=60)[1] for one in running]
    assert [one.returncode for one in running] == [0] * 4, printed


def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_what_dead_processes_left_is_removed_with_the_next_write(tmp_path: Path) -> None:
    host = socket.gethostname()
    left = {
        "dead": tmp_path / f".a.csv.{host}-{dead_pid()}.tmp",
        "living": tmp_path / f".a.csv.{host}-{os.getppid()}.tmp",
        "elsewhere": tmp_path / f".a.csv.another-{dead_pid()}.tmp",
        "another file's": tmp_path / f".a.csv.b.{host}-{dead_pid()}.tmp",
    }
    for path in left.values():
        path.touch()
    with atomic_path(tmp_path / "a.csv") as temporary:
        temporary.write_text("whole")
    there = {name for name, path in left.items() if path.exists()}
    assert there == {"living", "elsewhere", "another file's"}
    assert (tmp_path / "a.csv").read_text() == "whole"


@pytest.mark.parametrize("inside", [".", "results/runs/a", "elsewhere"])
def test_the_command_that_mends_a_file_is_right_wherever_one_is(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "my results/a project"
    file = project / "results/runs/a/b.csv"
    for folder in (file.parent, project / inside):
        folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.delenv("WHYPRETRAIN_SNAKEMAKE", raising=False)
    monkeypatch.chdir(project / inside)
    command = "rm -rf results/runs/a/b.csv && snakemake --cores all results/runs/a/b.csv"
    if inside != ".":
        command = f"cd '{project}' && {command}"
    paths = [file, Path(os.path.relpath(file))] if inside != "elsewhere" else [file]
    for path in paths:
        assert str(damaged(path, "empty")) == f"{path}: empty; mend it with: {command}"
