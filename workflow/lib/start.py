"""What the Snakefile asks of the package: code as input, cards, jobs' environment and failures."""

import ast
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from whypretrain.files.artifacts import SNAKEMAKE
from whypretrain.files.exclusive import temporary_beside
from whypretrain.settings.identity import digest
from whypretrain.settings.reading import layered, read
from whypretrain.settings.whole import Config, check
from workflow.lib.code import ROOT

OWN_FILES = Path(".snakemake/whypretrain.own_files.json")
NVIDIA_DRIVER = Path("/dev/nvidiactl")


def use_this_checkout() -> None:
    """Let jobs run this very package with the Python that runs Snakemake, and offline."""
    here = [str(ROOT / "src"), str(ROOT)]
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([*here, *(p for p in before if p and p not in here)])
    # The hub's libraries look for newer files even where all are local, unless told not to.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def name_mending_command(configfiles: Sequence[Path], config: Sequence[str]) -> None:
    """Tell jobs the command that makes a file of this very workflow again; errors name it.

    Parameters
    ----------
    configfiles, config : what was given to Snakemake as `--configfile` and `--config`
    """
    files = [os.path.relpath(path) for path in configfiles]
    options = [
        *(["--configfile", *files] if files else []),
        *(["--config", *config] if config else []),
    ]
    # The cores come last: the options before take any number of words, the file's name too.
    os.environ[SNAKEMAKE] = shlex.join(["snakemake", *options, "--cores", "all"])


def configured(values: dict[str, Any], files: Iterable[str | Path]) -> Config:
    """The checked configuration, laid over this repository's `config/` and `config.yaml`.

    Parameters
    ----------
    values : what Snakemake read from the files and the command line
    files : read once more, as Snakemake does not report a key that is given twice

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
    """SHA-256 of the names, sizes and dates of a person's own files, as a rule's parameter.

    So that what is made of them is made again when they change. Their content is not read, as that
    may take minutes at every start; hidden files, which file managers leave, do not count. Of files
    that are gone, what was last found: they may go once they are read.

    Parameters
    ----------
    path : a file, or a folder with all that is in it; `$VARIABLES` are the environment's
    """
    try:
        known = json.loads(OWN_FILES.read_bytes())
    except (OSError, ValueError):
        known = {}
    root = Path(os.path.expandvars(path))
    if not root.exists():
        return str(known.get(path, ""))
    inside = [file for file in root.rglob("*") if file.is_file() and file.name[0] != "."]
    stats = {str(file.relative_to(root)): file.stat() for file in sorted(inside) or [root]}
    found = digest(*(f"{name}\0{s.st_size}\0{s.st_mtime_ns}" for name, s in stats.items()))
    if known.get(path) != found:
        with suppress(OSError):  # whoever may not write here can only look
            OWN_FILES.parent.mkdir(exist_ok=True)
            temporary = temporary_beside(OWN_FILES)
            temporary.write_text(json.dumps(known | {path: found}), encoding="utf-8")
            temporary.replace(OWN_FILES)
    return found


def summary(module: str) -> str:
    """What a module is about: the first line of its docstring, read without importing it.

    >>> summary("report.figures.fig2")
    'Fig. 2: preserved, discarded and new knowledge per order of interaction'
    """
    source = (
        ROOT.joinpath("src", "whypretrain", *module.split("."))
        .with_suffix(".py")
        .read_text(encoding="utf-8")
    )
    return (ast.get_docstring(ast.parse(source)) or module).partition("\n")[0].rstrip(".")


def beside(folder: str) -> list[str]:
    """Files of a folder of the package that are no code, as a rule's input."""
    return sorted(os.path.relpath(path) for path in (ROOT / "src/whypretrain" / folder).iterdir())


def local_gpus() -> int:
    """Cards that a job takes on this machine: 1 where there are any, so that jobs take turns.

    Found without importing torch, which would slow every start of Snakemake by seconds.
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"}
    return int(NVIDIA_DRIVER.exists() and not hidden)


SHOWN_LOG = re.compile(r"^Logfile .*:\n(=+)\n(?:.*\n)*?\1$", re.MULTILINE)
OUTCOME = re.compile(
    r"^Error in rule (\w+):\n(?:    .*\n)*?    jobid: (\d+)\n"
    r"(?:    .*\n)*?    log: (.*?)(?: \(.*)?$"
    r"|^Finished jobid: (\d+)",
    re.MULTILINE,
)


def failed_jobs(*logs: str) -> list[str]:
    r"""Jobs that failed at their last attempt, from Snakemake's logs: the rule and its log files.

    >>> lines = ["Error in rule probe:", "    jobid: 3", "    log: probe.log (check it)"]
    >>> failed_jobs("\n".join(lines))
    ['probe: probe.log']
    >>> failed_jobs("\n".join([*lines, "Finished jobid: 3 (Rule: probe)"]))
    []
    """
    failed: dict[str, str] = {}
    for rule, job, files, done in OUTCOME.findall(SHOWN_LOG.sub("", "\n".join(logs))):
        if done:
            failed.pop(done, None)
        else:
            failed[job] = f"{rule}: {files}"
    return list(failed.values())
