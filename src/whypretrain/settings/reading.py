"""Reading configuration files: strict YAML, and files laid over each other."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from whypretrain.settings.mistakes import ConfigError, shown, written

MOST_VALUES = 1_000_000
"""Largest number of values; aliases of aliases make billions from a few lines."""
MOST_LEVELS = 100
"""Largest depth of sections in sections."""
TEMPLATE = "__use_yte__"
"""The key that makes Snakemake run a file's expressions as Python."""


class _Loader(yaml.SafeLoader):
    """Plain values only, and no key twice in a mapping.

    Snakemake reads with PyYAML too, so that both see the same values (YAML 1.1).
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:  # before `<<` adds the keys of its mapping
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    line = key.start_mark.line + 1
                    message = f"line {line}: key '{key.value}' is given twice; remove one"
                    raise ConfigError(message)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep=deep)


def read(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML or JSON file.

    Raises
    ------
    ConfigError
        Naming the file: it cannot be read, is not valid YAML, gives a key twice, is a template, or
        :func:`check_plain` refuses it.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)  # noqa: S506  (a SafeLoader)
        check_plain(values)
        if TEMPLATE in values:
            problem = f"{TEMPLATE}: templates are not allowed; write the values out"
            raise ConfigError(problem)
    except ConfigError as error:
        problem = str(error)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    # ValueError: 30 February, or a number of thousands of digits.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = f"not valid YAML ({' '.join(str(error).split())})"
    else:
        found: dict[str, Any] = values
        return found
    message = f"{path}: {problem}"
    raise ConfigError(message)


def laid_over(
    below: dict[str, Any],
    above: dict[str, Any],
    replaces: Callable[[dict[str, Any], dict[str, Any]], bool] | None = None,
) -> dict[str, Any]:
    """A copy of `below` with the values of `above`; sections are merged, as Snakemake does it.

    Parameters
    ----------
    replaces : whether to replace a section as a whole, from the one below and the one above

    >>> laid_over({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(value, dict):
            if not isinstance(old, dict) or (replaces and replaces(old, value)):
                old = {}
            merged[key] = laid_over(old, value, replaces)
        else:
            merged[key] = value
    return merged


def layered(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A configuration laid over those of a folder: `config/**/*.yaml`, then `config.yaml`.

    Parameters
    ----------
    folder : may hold none of these files

    Raises
    ------
    ConfigError
        As :func:`read`, of a file in the folder; as :func:`check_plain`, of `values`.
    """
    check_plain(values)
    below: dict[str, Any] = {}
    for path in (*sorted(folder.glob("config/**/*.yaml")), *folder.glob("config.yaml")):
        below = laid_over(below, read(path))
    return laid_over(below, values)


def read_over(*paths: Path) -> dict[str, Any]:
    """Several files, each laid over those before it, and all over the folder of the first.

    Parameters
    ----------
    paths : at least one; what is beneath them is as in :func:`layered`

    Raises
    ------
    ConfigError
        As :func:`read`.
    """
    values: dict[str, Any] = {}
    for path in paths:
        values = laid_over(values, read(path))
    return layered(values, paths[0].parent)


def check_plain(values: Any) -> None:
    """Check that a configuration can be written as JSON in UTF-8.

    Raises
    ------
    ConfigError
        With one line a mistake.
    """
    if not isinstance(values, dict):
        message = f"must hold keys with values, as config.yaml does, but is {_kind(values)}"
        raise ConfigError(message)
    lines: list[str] = []
    n_seen = 0
    # A stack, not recursion: a file may nest deeper than Python calls.
    waiting: list[tuple[str, Any, tuple[int, ...]]] = [("", values, ())]
    while waiting:
        key, value, above = waiting.pop()
        n_seen += 1
        if id(value) in above:
            lines.append(f"{key}: this alias contains itself; remove it")
        elif n_seen > MOST_VALUES or len(above) > MOST_LEVELS:
            lines.append(f"{key[:200]}: too many values; remove aliases")
            break
        elif isinstance(value, dict):
            inside = [(_joined(key, part), each) for part, each in value.items()]
            wrong = [reason for name in value if (reason := _wrong_key(name))]
            lines += [f"{key}: {reason}" if key else reason for reason in wrong]
            waiting += [(name, each, (*above, id(value))) for name, each in reversed(inside)]
        elif isinstance(value, list):
            inside = [(_joined(key, index), each) for index, each in enumerate(value)]
            waiting += [(name, each, (*above, id(value))) for name, each in reversed(inside)]
        elif reason := _wrong_value(value):
            lines.append(f"{key} = {shown(value)}: {reason}")
    if lines:
        raise ConfigError("\n".join(lines))


def _joined(key: str, part: object) -> str:
    return f"{key}.{written(part)}" if key else written(part)


def _wrong_key(key: object) -> str:
    if not isinstance(key, str):
        return f"key {key!r}: must be text; put it in quotes"
    return "" if _is_text(key) else f"key {key!r}: not valid UTF-8"


def _wrong_value(value: object) -> str:
    if isinstance(value, str):
        return "" if _is_text(value) else "must be valid UTF-8 without NUL characters"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "must be a finite number"
    if isinstance(value, int):
        return "" if abs(value) < 2**63 else "must fit into 64 bits"
    if value is None:
        return ""
    return f"YAML reads this as a {type(value).__name__}; put it in quotes"


def _is_text(value: str) -> bool:
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:  # half a surrogate pair, such as "\\ud800"
        return False


def _kind(value: object) -> str:
    return "empty" if value is None else f"a {type(value).__name__}"
