"""What the Snakefile asks of Python: the configuration, cards, the environment of jobs."""

import ast
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from whypretrain.files.artifacts import SNAKEMAKE
from whypretrain.settings.base import digest
from whypretrain.settings.reading import layered, read
from whypretrain.settings.whole import Config, check
from workflow.lib.code import ROOT

NVIDIA_DRIVER = Path("/dev/nvidiactl")
MISSING = "missing"


def use_this_checkout() -> None:
    """Let jobs run the package of this checkout with the Python that runs Snakemake, offline."""
    here = [str(ROOT / "src"), str(ROOT)]
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([*here, *(p for p in before if p and p not in here)])
    # The hub's libraries look for newer files even where all are local, unless told not to.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def name_mending_command(configfiles: Sequence[Path], config: Sequence[str]) -> None:
    """Tell jobs the command line of this workflow, which errors show to remake a damaged file.

    Parameters
    ----------
    configfiles, config : what was given to Snakemake as `--configfile` and `--config`
    """
    files = ["--configfile", *map(os.path.relpath, configfiles)] if configfiles else []
    changes = ["--config", *config] if config else []
    # The cores come last: the options before take any number of words, the file's name too.
    os.environ[SNAKEMAKE] = shlex.join(["snakemake", *files, *changes, "--cores", "all"])


def configured(values: dict[str, Any], files: Iterable[str | Path]) -> Config:
    """The checked configuration, laid over this repository's `config/` and `config.yaml`.

    Parameters
    ----------
    values : what Snakemake read from the files and the command line
    files : read once more, as Snakemake accepts a key that stands twice

    Raises
    ------
    ConfigError
        With one line a mistake.
    """
    for file in map(Path, files):
        if file.is_file():  # a pipe is empty by now
            read(file)
    return check(layered(values, ROOT))


@cache
def fingerprint(path: str) -> str:
    """Digest of the names, sizes and dates of a user's own files, as a parameter of a rule.

    When they change, or are deleted, the rule that reads them runs again. Contents are not read,
    which could take minutes at every start. Hidden files, which file managers leave, do not count.

    Parameters
    ----------
    path : a file, or a folder with all that is in it; `$VARIABLES` are the environment's

    Returns
    -------
    :data:`MISSING` if there is nothing at that path
    """
    root = Path(os.path.expandvars(path))
    if not root.exists():
        return MISSING
    inside = [file for file in root.rglob("*") if file.is_file() and file.name[0] != "."]
    stats = {str(file.relative_to(root)): file.stat() for file in sorted(inside) or [root]}
    return digest(*(f"{name}\0{s.st_size}\0{s.st_mtime_ns}" for name, s in stats.items()))


def fingerprints(paths: Iterable[str | None]) -> list[str]:
    """Fingerprints of the paths that are given."""
    return [fingerprint(path) for path in paths if path]


def summary(module: str) -> str:
    """The title in the report of what a module makes: the first line of its docstring.

    It is read without importing the module.

    >>> summary("report.figures.fig2")
    'Fig. 2: knowledge by order'
    """
    path = ROOT.joinpath("src/whypretrain", *module.split(".")).with_suffix(".py")
    documented = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return (documented or module).partition("\n")[0].rstrip(".")


def category(figure: str, of_the_paper: Iterable[str]) -> str:
    """Where a figure stands in Snakemake's report."""
    if figure == "claims":
        return "Claims"
    return "Figures of the paper" if figure in of_the_paper else "Further figures"


def beside(folder: str) -> list[str]:
    """Files of a folder of the package that are no code, as a rule's input."""
    return sorted(os.path.relpath(path) for path in (ROOT / "src/whypretrain" / folder).iterdir())


def local_gpus() -> int:
    """Cards that a job takes on this machine: 1 where there are any, so that jobs take turns.

    Found without importing torch, which would slow every start of Snakemake by seconds.
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"}
    return int(NVIDIA_DRIVER.exists() and not hidden)


def say_what_failed(workflow: Any) -> None:
    """List the jobs that failed at their last attempt, each with its log files."""
    failed = sorted(f"{job.rule.name}: {', '.join(job.log)}" for job in workflow.scheduler.failed)
    if failed:
        head = "Failed at the last attempt (rule: log files):"
        tail = "Finished work is kept: mend the cause, then run the same command again."
        print(head, *failed, tail, sep="\n", file=sys.stderr)
