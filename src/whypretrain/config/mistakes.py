"""What is wrong with a configuration, in words: one line a mistake."""

from typing import Any

from pydantic import ValidationError

from whypretrain.config.base import Section


class ConfigError(ValueError):
    """The configuration is wrong; the message names key, value and what is allowed."""


def explain(error: ValidationError, values: Any) -> str:
    """One line a mistake in `values`: `key = value: what is wrong`."""
    lines = []
    for item in error.errors():
        key = ".".join(_written(item["loc"], values))
        reason = item["msg"].removeprefix("Value error, ")
        value = item["input"]
        shown = "" if isinstance(value, dict | Section) else f" = {value!r}"
        lines.append(f"{key}{shown}: {reason}" if key else reason)
    return "\n".join(lines)


def _written(loc: tuple[int | str, ...], values: Any) -> list[str]:
    """The parts of a location that stand in the file, without pydantic's tags of alternatives."""
    parts = []
    for part in loc:
        in_mapping = isinstance(values, dict) and part in values
        if in_mapping or (isinstance(values, list) and isinstance(part, int)):
            values = values[part]
        elif part != loc[-1] or part == "[key]":
            continue
        parts.append(str(part))
    return parts
