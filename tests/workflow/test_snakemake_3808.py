"""What a failed job leaves in Snakemake's records: after it, nothing old counts as up to date."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT

# A setting, a job in the midst that may be killed, and a job that uses what that one makes.
SNAKEFILE = """
import sys
sys.path.insert(0, {source!r})
from workflow.lib.snakemake_3808 import record_successes_only
{guard}
rule all:
    input: "last"
rule middle:
    output: {output}
    params: setting=config["setting"]
    shell: "echo {{params.setting}} > {{output}}; if [ -e kill ]; then kill -9 $$; fi"
rule last:
    input: "middle"
    output: "last"
    shell: "cp {{input}} {{output}}"
"""
OUTPUTS = {"plain": '"middle"', "update": 'update("middle")'}
NOTHING = "Nothing to be done"


def snakemake(folder: Path, setting: int, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "snakemake", "--cores=1", "--rerun-incomplete", *arguments]
    result = subprocess.run(
        [*command, "--config", f"setting={setting}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout


@pytest.fixture(scope="module", params=OUTPUTS)
def once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished workflow, of which a job was killed after its setting had changed to 2."""
    folder = tmp_path_factory.mktemp(request.param)
    return made(folder, OUTPUTS[request.param], "record_successes_only()")


@pytest.fixture
def killed(once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(once, tmp_path, dirs_exist_ok=True))


def made(folder: Path, output: str, guard: str) -> Path:
    text = SNAKEFILE.format(source=str(ROOT), guard=guard, output=output)
    (folder / "Snakefile").write_text(text)
    assert snakemake(folder, 1)[0] == 0
    (folder / "kill").touch()
    status, printed = snakemake(folder, 2)
    assert status == 1, printed
    (folder / "kill").unlink()
    return folder


def test_a_killed_job_is_due_again(killed: Path) -> None:
    assert snakemake(killed, 2)[0] == 0
    assert (killed / "last").read_text() == "2\n"
    assert NOTHING in snakemake(killed, 2)[1]


def test_another_change_after_a_kill_counts_too(killed: Path) -> None:
    assert snakemake(killed, 3)[0] == 0
    assert (killed / "last").read_text() == "3\n"


def test_a_change_that_is_taken_back_leaves_what_was_right(killed: Path) -> None:
    assert snakemake(killed, 1)[0] == 0
    assert (killed / "last").read_text() == "1\n"


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=list(OUTPUTS))
def test_snakemake_alone_still_needs_the_guard(output: str, tmp_path: Path) -> None:
    """Where this fails, Snakemake has mended it: set MENDED_IN, or let the workaround go."""
    folder = made(tmp_path, output, "")
    assert NOTHING in snakemake(folder, 2, "-n")[1]
    assert (folder / "last").read_text() == "1\n"
