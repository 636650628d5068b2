"""What the Snakefile asks of the package: code as input, cards, the environment of jobs."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from whypretrain.code import ROOT, closure
from whypretrain.config.mistakes import ConfigError
from whypretrain.config.reading import read
from whypretrain.config.whole import Config, check

NVIDIA_DRIVER = Path("/dev/nvidiactl")


def use_this_checkout() -> None:
    """Let jobs run this very package with the Python that runs Snakemake, and offline."""
    os.environ["PYTHONPATH"] = str(ROOT.parent)
    # The hub's libraries look for newer files even where all are local, unless told not to.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def configured(values: dict[str, Any], files: Iterable[str | Path]) -> Config:
    """The checked configuration.

    Parameters
    ----------
    values : what Snakemake read from the files and the command line
    files : read once more, as Snakemake says nothing of a key that stands twice

    Raises
    ------
    ConfigError
        With one line a mistake.
    """
    for file in map(Path, files):
        if not file.is_file():  # such as a pipe, which is empty by now
            continue
        try:
            read(file)
        except ConfigError as error:
            message = f"{file}: {error}"
            raise ConfigError(message) from None
    return check(values)


def code(module: str) -> list[str]:
    """Source files of a stage, as a rule's input: an edit of any of them runs the stage again."""
    return [os.path.relpath(path) for path in closure(f"whypretrain.{module}")]


def local_gpus() -> int:
    """Cards that a job takes on this machine: 1 where there are any, so that jobs take turns.

    Found without importing torch, which would slow every start of Snakemake by seconds.
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"}
    return int(NVIDIA_DRIVER.exists() and not hidden)
