"""What the Snakefile asks of the package: code as input, cards, jobs' environment and failures."""

import os
import re
import sys
from pathlib import Path

from whypretrain.code import ROOT, closure

NVIDIA_DRIVER = Path("/dev/nvidiactl")


def use_this_checkout() -> None:
    """Let jobs run this very package with the Python that runs Snakemake, and offline."""
    os.environ["PYTHONPATH"] = str(ROOT.parent)
    # The hub's libraries look for newer files even where all are local, unless told not to.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def code(module: str) -> list[str]:
    """Source files of a stage, as a rule's input: an edit of any of them runs the stage again."""
    return [os.path.relpath(path) for path in closure(f"whypretrain.{module}")]


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
