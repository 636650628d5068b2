"""Every stage is killed between any two changes of files: run again, it ends with the same bytes.

A kill between two such changes leaves what one at any moment in between leaves, but for a part of a
temporary file. Kills at random moments come below, and of whole workflows in test_kills.py.
"""

import random
import re
import shutil
import time
from pathlib import Path

import pytest

from tests.project import Project
from tests.reliability.forked import Command, commands, copied, fork, outputs

STAGES = [
    "whypretrain.stages.prepare",
    "whypretrain.stages.samples",
    "whypretrain.stages.player_sheet",
    "whypretrain.stages.pretrain",
    "whypretrain.stages.probe",
    "whypretrain.stages.train:finetune",
    "whypretrain.stages.train:scratch",
    "whypretrain.stages.extract:finetune",
    "whypretrain.stages.extract:probe",
    "whypretrain.stages.robustness",
    "whypretrain.stages.similarity",
    "whypretrain.stages.knowledge",
    "whypretrain.stages.claims",
    "whypretrain.stages.explorer",
    "whypretrain.stages.figure",
]
pytestmark = pytest.mark.campaign
N_EPOCHS = 60  # of the training that is killed again and again
KILLED = -9
MANY = 50  # from so many `--kills` on, every point is tried


@pytest.fixture(scope="session")
def stages(project: Project) -> dict[str, Command]:
    """A command line of every stage, by the names of `STAGES`."""
    found = {command.rule: command for command in commands(project)}
    for command in commands(project):
        found.setdefault(command.module, command)
    return found


def test_every_stage_of_the_suite_is_killed(stages: dict[str, Command]) -> None:
    modules = {command.module for command in stages.values()}
    assert modules - {"whypretrain.stages.robustness_table"} <= {
        stages[name].module for name in STAGES
    }


@pytest.mark.parametrize("name", STAGES)
def test_a_kill_between_any_two_changes_of_files(
    name: str, project: Project, stages: dict[str, Command], tmp_path: Path, kills: int
) -> None:
    """Where nothing is there yet, and where all outputs are and are made anew."""
    drawn = random.Random(name)
    n_killed = 0
    # One kill a stage in everyday tests.
    for nothing_there in (True, False) if kills >= MANY else (drawn.random() < 0.5,):
        folder = tmp_path / str(nothing_there)
        before, n_changes = prepared(stages[name], project, folder, nothing_there=nothing_there)
        for point in range(n_changes) if kills >= MANY else [drawn.randrange(n_changes)]:
            kill_and_run(stages[name], before, folder / "run", point)
            n_killed += 1
    print(f"{name}: {n_killed} kills")


def prepared(
    command: Command, project: Project, folder: Path, *, nothing_there: bool
) -> tuple[Path, int]:
    """A folder as it is before the command runs, and how many changes of files that makes."""
    before, run = copied(project, folder / "before"), copied(project, folder / "run")
    whole, times = outputs(run), changed(run)
    status, n_changes, printed = fork(command, run)
    assert status == 0, printed
    assert outputs(run) == whole
    made = [path for path, time in changed(run).items() if times[path] != time]
    assert made
    if nothing_there:
        for path in made:
            (before / "results" / path).unlink()
        shutil.rmtree(run)
        shutil.copytree(before, run)
        status, n_changes, printed = fork(command, run)
        assert status == 0, printed
        assert outputs(run) == whole
    return before, n_changes


def kill_and_run(command: Command, before: Path, folder: Path, point: int) -> None:
    """Kill the command at a point, and run it again; `folder` holds the whole outputs."""
    whole = outputs(folder)
    shutil.rmtree(folder)
    shutil.copytree(before, folder)
    status, _, printed = fork(command, folder, die_at=point)
    assert status == KILLED, printed
    for path, content in outputs(folder).items():
        if "/." not in path:
            assert content == whole[path], f"{path} after a kill at {point}"
    status, _, printed = fork(command, folder)
    assert status == 0, printed
    assert outputs(folder) == whole, f"killed at {point}"


def changed(folder: Path) -> dict[str, int]:
    """When each output was written, in nanoseconds."""
    return {path: (folder / "results" / path).stat().st_mtime_ns for path in outputs(folder)}


def test_training_that_is_killed_again_and_again_goes_on_each_time(
    project: Project, stages: dict[str, Command], tmp_path: Path, kills: int
) -> None:
    """The same history and weights, batch by batch the same random state, whenever it is killed."""
    command = stages["whypretrain.stages.train:finetune"].replaced(
        '"epochs": 2,', f'"epochs": {N_EPOCHS},'
    )
    folder, killed = copied(project, tmp_path / "undisturbed"), copied(project, tmp_path / "killed")
    started = time.monotonic()
    status, _, printed = fork(command, folder)
    duration = time.monotonic() - started
    assert status == 0, printed
    generator = random.Random(0)
    resumed, n_killed = [0], 0
    for _ in range(40 * kills):
        after = generator.uniform(0.1, 0.3) * duration
        status, _, printed = fork(command, killed, die_after=after)
        n_killed += status == KILLED
        resumed += [int(found) for found in re.findall(r"resumed after epoch (\d+)", printed)]
        if status == 0:
            break
    assert status == 0
    print(f"{n_killed} kills; resumed after epochs {resumed[1:]}")
    assert resumed == sorted(resumed)
    assert resumed[-1] > resumed[0]
    assert outputs(killed) == outputs(folder)


def test_extraction_that_is_killed_again_and_again_loses_one_group_at_most(
    project: Project, stages: dict[str, Command], tmp_path: Path
) -> None:
    """Each kill costs one group, at most; no half-written file counts."""
    command = stages["whypretrain.stages.extract:finetune"]
    folder = copied(project, tmp_path)
    whole = outputs(folder)
    for path in changed(folder):
        if path == "experiments/tiny/finetune.h5":
            (folder / "results" / path).unlink()
    partial = folder / "results/experiments/tiny/.finetune.partial"
    seen: dict[str, int] = {}
    n_seen = 0
    for n_killed in range(1000):
        status, _, _ = fork(command, folder, die_after=0.05 + 0.01 * n_killed)
        if status == 0:
            break
        there = {path.name: path.stat().st_mtime_ns for path in partial.glob("*.h5")}
        ended = outputs(folder).items() >= whole.items()  # and was tidying up
        assert seen.items() <= there.items() or ended  # nothing is lost or measured again
        seen = there
        n_seen = max(n_seen, len(seen))
    assert n_killed > 3
    assert n_seen > 0
    assert outputs(folder) == whole
