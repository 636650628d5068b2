"""Paths in the configuration."""

import os
import re
from pathlib import Path


def configured_path(path: str, key: str) -> Path:
    """A configured path with environment variables and `~` replaced.

    Parameters
    ----------
    key : how the error names it

    Raises
    ------
    ValueError
        If a variable is not set.
    """
    expanded = os.path.expandvars(path)
    if missing := re.search(r"\$(\w+|\{\w+\})", expanded):
        message = f"{key} = {path!r}: the environment variable {missing[0]} is not set"
        raise ValueError(message)
    return Path(expanded).expanduser()
