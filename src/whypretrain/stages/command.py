"""What every stage's command line shares: settings, threads, device, one clear error."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from whypretrain.files.artifacts import ArtifactError
from whypretrain.files.progress import say
from whypretrain.settings.base import Section


def parser(stage: str, description: str | None, settings: type[Section]) -> argparse.ArgumentParser:
    """Argument parser of a stage; `--settings` is parsed into the stage's typed settings."""
    result = argparse.ArgumentParser(
        prog=f"python -m whypretrain.stages.{stage}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def parsed(text: str) -> Section:
        try:
            return settings.from_json(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    result.add_argument(
        "--settings",
        type=parsed,
        required=True,
        metavar="JSON",
        help="what `python -m whypretrain.settings show` prints for this stage",
    )
    return result


def add_compute(arguments: argparse.ArgumentParser) -> None:
    """Add the machine's settings: they never change what is computed, only where."""
    arguments.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    arguments.add_argument(
        "--device",
        default="auto",
        help="auto (default: cuda if there is one), cpu, cuda, cuda:1, …",
    )


def add_code(arguments: argparse.ArgumentParser) -> None:
    """Add the digest of the code: unfinished work of other code is not gone on with."""
    arguments.add_argument(
        "--code", default="", metavar="DIGEST", help="digest of the code, from the workflow"
    )


def path_argument(arguments: argparse.ArgumentParser, name: str, text: str, **kwargs: Any) -> None:
    """Add a required option that takes a path."""
    arguments.add_argument(name, type=Path, required=True, metavar="PATH", help=text, **kwargs)


def run(main: Callable[[], None]) -> None:
    """Run a stage's main function; an expected error ends it with one line, not a traceback."""
    try:
        main()
    except (ArtifactError, ValueError, FloatingPointError, OSError) as error:
        if os.environ.get("WHYPRETRAIN_TRACEBACK"):
            raise
        sys.exit(f"error: {' '.join(str(error).splitlines())}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "snakemake":
            raise
        sys.exit("error: Snakemake is not installed; in a checkout: pip install '.[workflow]'")
    except (MemoryError, RuntimeError) as error:
        if os.environ.get("WHYPRETRAIN_TRACEBACK") or not _is_out_of_memory(error):
            raise
        reason = str(error).split("\n", 1)[0]
        sys.exit(f"error: out of memory: {reason}; docs/running.md#memory says what helps")
    except KeyboardInterrupt:
        if os.environ.get("WHYPRETRAIN_TRACEBACK"):
            raise
        say("interrupted; run it again to go on")
        sys.exit(128 + signal.SIGINT)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether numpy, torch on a card or torch on a CPU got no memory; torch need not be there."""
    by_type = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return by_type or "can't allocate memory" in str(error)
