"""A stage in a forked process, which spares its imports, and dies where or when it is told to."""

import os
import re
import runpy
import shlex
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.project import Project
from whypretrain.networks.train import CHECKPOINT_VARIABLE
from workflow.lib.code import closure

CHANGES = {
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.utime",
    "shutil.copyfile",
}
"""Audit events of what changes files but for writing into them. They come before the deed."""
NEVER = 10**9
IN_PLACE = 99
"""Exit status of a stage that writes into a visible file."""


@dataclass(frozen=True)
class Command:
    """A stage's command line, without the shell around it."""

    module: str
    arguments: tuple[str, ...]

    @property
    def rule(self) -> str:
        """What tells the command from others: the stage, and its network where it has one."""
        last = " ".join(self.arguments[-2:])
        named = re.search(r"/(finetune|scratch|probe)(?:-tiny)?(-seed2)?", last)
        return self.module + (f":{named[1]}{named[2] or ''}" if named else "")

    def replaced(self, old: str, new: str) -> "Command":
        """The command with other text in its settings."""
        assert any(old in argument for argument in self.arguments)
        return Command(self.module, tuple(text.replace(old, new) for text in self.arguments))


def commands(project: Project) -> list[Command]:
    """All command lines of the tiny suite, each once, in an order in which they can run."""
    printed = project.snakemake("-n", "-p", "--forceall")
    found = []
    for line in printed.splitlines():
        if " -m whypretrain." in line:
            words = shlex.split(line.partition(" -m ")[2].partition("2>&1")[0])
            found.append(Command(words[0], tuple(words[1:])))
    return found


def outputs(folder: Path) -> dict[str, bytes]:
    """All files of results by path, hidden ones too, but for logs, benchmarks and Snakemake's."""
    results = folder / "results"
    return {
        path.relative_to(results).as_posix(): path.read_bytes()
        for path in sorted(results.rglob("*"))
        if path.is_file()
        and path.relative_to(results).parts[0] not in {"logs", "benchmarks"}
        and path.name != ".snakemake_timestamp"
    }


def fork(
    command: Command, folder: Path, *, die_at: int = NEVER, die_after: float | None = None
) -> tuple[int, int, str]:
    """Run a command in `folder`, with a checkpoint after every epoch.

    Parameters
    ----------
    die_at : number of the change of files before which it kills itself, from 0
    die_after : seconds from its start, imports not counted, after which it is killed

    Returns
    -------
    tuple of its exit status (negative: the signal that ended it), the number of changes it made,
    and what it printed
    """
    package = find_spec(command.module)
    main = ".__main__" if package and package.submodule_search_locations else ""
    import_module(command.module + main)
    closure("whypretrain.stages.command")  # the graph of the package is kept for the children
    counted, printed = folder / "counted", folder / "printed"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _run(command, folder, die_at, counted, printed)
    if die_after is not None:
        time.sleep(die_after)
        os.kill(child, signal.SIGKILL)  # a zombie at worst
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    n_changes = counted.stat().st_size
    text = printed.read_text(encoding="utf-8")
    counted.unlink()
    printed.unlink()
    return status, n_changes, text


def _run(command: Command, folder: Path, die_at: int, counted: Path, printed: Path) -> None:
    """What the child does; never returns."""
    status = 1
    try:
        os.chdir(folder)
        os.environ[CHECKPOINT_VARIABLE] = "0"
        with printed.open("w") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        counter = os.open(counted, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open" and _written_in_place(arguments, folder):
                print(f"written in place: {arguments[0]}", file=sys.stderr, flush=True)
                os._exit(IN_PLACE)
            if event not in CHANGES:
                return
            path = os.fsdecode(arguments[0])
            within = path.startswith(("results", str(folder / "results")))
            inside_rmtree = event in {"os.remove", "os.rmdir"} and "/" not in path
            if within or inside_rmtree:
                if os.fstat(counter).st_size == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                os.write(counter, b".")

        sys.addaudithook(hook)
        sys.argv = [command.module, *command.arguments]
        runpy.run_module(command.module, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as ended:
        print(ended.code, file=sys.stderr)
        status = ended.code if isinstance(ended.code, int) else 1
    finally:
        os._exit(status)


def _written_in_place(opened: tuple[Any, ...], folder: Path) -> bool:
    """Whether a file is opened for writing under the name by which others know it."""
    path, _, flags = opened
    if isinstance(path, int) or not flags & (os.O_WRONLY | os.O_RDWR):
        return False
    whole = Path.cwd() / os.fsdecode(path)  # the stage runs in the folder
    if not whole.is_relative_to(folder / "results"):
        return False
    return not any(part.startswith(".") for part in whole.relative_to(folder).parts)


def copied(project: Project, folder: Path) -> Path:
    """The project's results alone, in a folder of their own."""
    shutil.copytree(project.folder / "results", folder / "results")
    return folder
