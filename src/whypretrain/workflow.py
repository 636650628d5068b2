"""What the Snakefile asks of the package: code as input, cards, the environment of jobs."""

import os
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


def beside(folder: str) -> list[str]:
    """Files of a folder of the package that are no code, as a rule's input."""
    return sorted(os.path.relpath(path) for path in (ROOT / folder).iterdir())


def local_gpus() -> int:
    """Cards that a job takes on this machine: 1 where there are any, so that jobs take turns.

    Found without importing torch, which would slow every start of Snakemake by seconds.
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"}
    return int(NVIDIA_DRIVER.exists() and not hidden)
