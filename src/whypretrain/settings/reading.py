"""Reading a configuration file: what YAML passes over in silence is a mistake here."""

import math
from pathlib import Path
from typing import Any

import yaml

from whypretrain.settings.mistakes import ConfigError, shown, written

MOST_VALUES = 1_000_000
"""A configuration with more is none: aliases of aliases make billions from a few lines."""
TEMPLATE = "__use_yte__"
"""The key by which Snakemake takes a file for a template, whose expressions it runs as Python."""


class _Loader(yaml.SafeLoader):
    """YAML's plain values alone, and no key of a mapping twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:  # what `<<` brings in is not among them yet
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    message = (
                        f"line {key.start_mark.line + 1}: key '{key.value}' stands twice, and the "
                        f"first would be ignored; remove one"
                    )
                    raise ConfigError(message)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep=deep)


def read(path: Path) -> Any:
    """The values of a YAML or JSON file.

    Raises
    ------
    ConfigError
        If it is no YAML, a key stands twice, or it is a template.
    OSError
        If it cannot be read.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)  # noqa: S506  (a SafeLoader)
    except ConfigError:
        raise  # a ValueError too
    # A date without such a day, or a number of thousands of digits, is a ValueError.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = f"no YAML that can be read ({' '.join(str(error).split())})"
        raise ConfigError(message) from error
    if isinstance(values, dict) and TEMPLATE in values:
        message = f"{TEMPLATE}: templates are not taken; write the values out"
        raise ConfigError(message)
    return values


def read_over(*paths: Path) -> dict[str, Any]:
    """The values of several files, each laid over those before it, as Snakemake does it.

    Raises
    ------
    ConfigError
        As :func:`read`, or if a file cannot be read or holds no keys with values; naming it.
    """
    values: dict[str, Any] = {}
    for path in paths:
        try:
            found = read(path)
            check_plain(found)
        except ConfigError as error:
            message = f"{path}: {error}"
            raise ConfigError(message) from None
        except OSError as error:
            message = f"{path}: cannot be read ({error.strerror})"
            raise ConfigError(message) from error
        if values:
            # Slow, and seldom needed; it comes with the extra `workflow`.
            from snakemake.utils import update_config  # noqa: PLC0415

            update_config(values, found)
        else:
            values = found
    return values


def check_plain(values: Any) -> None:
    """Check that a configuration holds what its settings can be written as: JSON in UTF-8.

    Raises
    ------
    ConfigError
        With one line a mistake.
    """
    if not isinstance(values, dict):
        message = f"the configuration is {_kind(values)}, not keys with values; see config.yaml"
        raise ConfigError(message)
    lines: list[str] = []
    n_seen = 0
    # A stack, not recursion: a file may nest deeper than Python calls.
    waiting: list[tuple[str, Any, tuple[int, ...]]] = [("", values, ())]
    while waiting:
        key, value, above = waiting.pop()
        n_seen += 1
        if id(value) in above:
            lines.append(f"{key}: an alias of something that it stands in itself")
        elif n_seen > MOST_VALUES or len(above) > 100:
            lines.append(f"{key[:200]}: more values than a configuration has; remove aliases")
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
        return f"key {key!r}: a name is text; put it in quotes"
    return "" if _is_text(key) else f"key {key!r}: no text in UTF-8"


def _wrong_value(value: object) -> str:
    if isinstance(value, str):
        return "" if _is_text(value) else "no text in UTF-8, or with a NUL character"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "must be a finite number"
    if isinstance(value, int):
        return "" if abs(value) < 2**63 else "no number of 64 bits"
    if value is None:
        return ""
    return f"YAML reads this as a {type(value).__name__}; put it in quotes"


def _is_text(value: str) -> bool:
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:  # one half of a surrogate pair, as "\\ud800" gives it
        return False


def _kind(value: object) -> str:
    return "empty" if value is None else f"a {type(value).__name__}"
