"""What every stage's command line shares: settings, paths, threads, device, one clear error."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from whypretrain.files.artifacts import ArtifactError
from whypretrain.files.progress import say
from whypretrain.settings.base import Section

S = TypeVar("S", bound=Section)
SPLITS = {
    "train": "train split of the downstream dataset",
    "test": "test split of the downstream dataset",
}
"""Options of the stages that read a downstream dataset."""


def parse(
    stage: str,
    description: str | None,
    settings: type[S],
    paths: Mapping[str, str],
    *,
    names: Sequence[str] = (),
    computes: bool = False,
    resumes: bool = False,
) -> tuple[argparse.Namespace, S]:
    """The command line of a stage, and its `--settings` as the stage's typed settings.

    Parameters
    ----------
    paths : help texts of options by name. A name ends in `?` where the option may be left out, in
        `+` or `*` where it takes one path or more, or any number, in `3` where it takes three.
    names : what the first argument may be, if it is to be a name
    computes : take the machine's settings, which change where something is computed, never what
    resumes : the same, and the digest of the code: unfinished work of other code is discarded

    Raises
    ------
    ValueError
        If the settings are not what the stage takes.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m whypretrain.stages.{stage}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    if names:
        add("name", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    show = f"python -m whypretrain.settings show config.yaml {stage} NAME"
    shown = f"settings of the stage; `{show}` prints them, and an unknown NAME lists all names"
    add("--settings", required=True, metavar="JSON", help=shown)
    for name, text in paths.items():
        option, kind = name.rstrip("?+*3"), name[-1]
        nargs = {"+": "+", "*": "*", "3": 3}.get(kind)
        how: dict[str, Any] = {"type": Path, "metavar": "PATH", "help": text, "nargs": nargs}
        add(f"--{option}", required=kind not in "?*", default=[] if kind == "*" else None, **how)
    if resumes:
        add(
            "--code", default="", metavar="DIGEST", help="digest of the code, given by the workflow"
        )
    if computes or resumes:
        add("--threads", type=int, default=1, help="CPU threads (default 1)")
        add(
            "--device", default="auto", help="auto (the default: cuda if available), cpu, cuda:1, …"
        )
    arguments = parser.parse_args()
    return arguments, settings.from_json(arguments.settings)


def run(main: Callable[[], None]) -> None:
    """Run a stage's main function; an expected error ends it with one line, not a traceback."""
    if os.environ.get("WHYPRETRAIN_TRACEBACK"):
        main()
        return
    try:
        main()
    except (ArtifactError, ValueError, FloatingPointError, OSError) as error:
        sys.exit(f"error: {' '.join(str(error).splitlines())}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "snakemake":
            raise
        sys.exit("error: Snakemake is not installed; in a checkout: pip install '.[workflow]'")
    except (MemoryError, RuntimeError) as error:
        # From numpy, or from torch on a card or a CPU; torch need not be there.
        by_type = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        if not by_type and "can't allocate memory" not in str(error):
            raise
        reason = str(error).split("\n", 1)[0]
        sys.exit(f"error: out of memory: {reason}; docs/running.md#memory says what helps")
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        sys.exit(128 + signal.SIGINT)
