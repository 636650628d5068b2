"""Turns at a piece of work, what dead processes left, and who lives in Snakemake's folder."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from whypretrain.files.artifacts import atomic_path
from whypretrain.files.exclusive import exclusive
from workflow.lib.earlier_runs import hold_folder

HOLD = """
import sys, time
from pathlib import Path
from whypretrain.files.exclusive import exclusive
with exclusive(Path(sys.argv[1])) as turn:
    print("mine", turn.done_before, flush=True)
    sys.stdin.readline()
    turn.finish(sys.argv[2])
"""
LIVE = """
import sys
from pathlib import Path
from workflow.lib.earlier_runs import hold_folder
hold_folder(Path(sys.argv[1]))
print("lives", flush=True)
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


def test_the_second_waits_and_hears_what_the_first_finished(tmp_path: Path) -> None:
    lock = tmp_path / "new" / ".work.lock"
    with process(HOLD, lock, "A") as first:
        assert said(first) == "mine"
        with process(HOLD, lock, "B") as second:
            line = waits(second)
            assert f"process {first.pid} on {socket.gethostname()} is at work" in line
            let_go(first)
            assert said(second) == "mine A"
            let_go(second)
    assert list(lock.parent.iterdir()) == []  # no litter


def test_a_killed_holder_gives_its_turn_back(tmp_path: Path) -> None:
    lock = tmp_path / ".work.lock"
    with process(HOLD, lock, "A") as first:
        assert said(first) == "mine"
        with process(HOLD, lock, "B") as second:
            waits(second)
            first.kill()
            assert said(second) == "mine"  # and nothing was finished
            let_go(second)
    with exclusive(lock) as turn:
        assert turn.done_before == ""
    assert list(tmp_path.iterdir()) == []


def test_many_at_once_never_overlap(tmp_path: Path) -> None:
    code = """
import os, sys, time
from pathlib import Path
from whypretrain.files.exclusive import exclusive
folder = Path(sys.argv[1])
for _ in range(40):
    with exclusive(folder / ".lock"):
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


def test_without_file_locks_it_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with exclusive(tmp_path / ".lock") as turn:
        turn.finish("A")
    assert f"{tmp_path}: no file locks here (No locks available)" in capsys.readouterr().err
    hold_folder(tmp_path)


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


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    """Snakemake's folder as one leaves it that was killed here."""
    with process(LIVE, tmp_path) as first:
        assert said(first) == "lives"
        (tmp_path / "locks").mkdir()
        (tmp_path / "locks" / "0.output.lock").touch()
        first.send_signal(signal.SIGKILL)
        first.wait()
    return tmp_path


def locks(folder: Path) -> int:
    return len(list((folder / "locks").iterdir()))


def start(folder: Path) -> str:
    """Start and end a Snakemake; returns what it said."""
    with process(LIVE, folder) as one:
        return one.communicate("\n")[1]


def test_locks_of_a_dead_snakemake_are_removed(stale: Path) -> None:
    assert "the locks that it left are removed" in start(stale)
    assert locks(stale) == 0
    assert start(stale) == ""


def test_locks_stay_while_another_snakemake_lives(stale: Path) -> None:
    with process(LIVE, stale) as first:
        assert said(first) == "lives"
        (stale / "locks" / "0.output.lock").touch()
        assert f"at work in this folder: process {first.pid} on" in start(stale)
        assert locks(stale) == 1


@pytest.mark.parametrize("before", ["elsewhere 12\n", ""])
def test_locks_of_another_host_are_never_removed(stale: Path, before: str) -> None:
    (stale / "whypretrain.lock").write_text(before)
    for _ in range(2):
        printed = start(stale)
        assert locks(stale) == 1
        assert "`snakemake --unlock` removes them" in printed or not before


def test_a_child_does_not_hold_the_folder(stale: Path) -> None:
    code = LIVE.replace("print(", "import subprocess; subprocess.Popen(['sleep', '60']); print(")
    with process(code, stale) as first:
        said(first)
        (stale / "locks" / "0.output.lock").touch()
        first.kill()
        first.wait()
        assert "are removed" in start(stale)
