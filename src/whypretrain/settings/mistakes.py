"""Error messages for a wrong configuration: one line a mistake."""

from typing import Any

from pydantic import ValidationError

from whypretrain.settings.base import Section


class ConfigError(ValueError):
    """The configuration is wrong; the message names the key, its value and what is allowed."""


LONGEST_SHOWN = 200
"""Largest number of characters of a value in a message."""
HINTS = {
    ("str", "float"): "YAML reads this as text: leave out quotes, and write 1e-3 as 1.0e-3",
    ("str", "int"): "YAML reads this as text: leave out quotes, and write digits alone",
    ("bool", "string"): "YAML reads yes, no, on and off as true and false: put it in quotes",
    ("int", "string"): "put it in quotes",
    ("float", "string"): "put it in quotes",
}
"""Remedies, by the type of a value and the type that is needed."""


def shown(value: Any) -> str:
    """A value for a message: on one line, cut off if it is long."""
    try:
        text = repr(value)
    except ValueError:  # thousands of digits
        return "a very large number"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def written(part: object) -> str:
    """A part of a key for a message: on one line."""
    return part if isinstance(part, str) and part.isprintable() and part else shown(part)


def explain(error: ValidationError, values: Any) -> str:
    """One line a mistake in `values`: `key = value: what is wrong`."""
    lines = []
    for item in error.errors():
        key = ".".join(_written(item["loc"], values, missing=item["type"] == "missing"))
        value = item["input"]
        stated = "" if isinstance(value, dict | Section) else f" = {shown(value)}"
        # A reason of several lines is one mistake a line, each with the rest of its key.
        for reason in _reason(item["type"], item["msg"], value).splitlines():
            lines.append(f"{key}{stated}: {reason}" if key else reason)
    return "\n".join(lines)


def _reason(kind: str, message: str, value: Any) -> str:
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        return "must hold keys with values, not one value"
    reason = message.removeprefix("Value error, ")
    hint = HINTS.get((type(value).__name__, kind.removesuffix("_type")))
    return f"{reason}; {hint}" if hint else reason


def _written(loc: tuple[int | str, ...], values: Any, *, missing: bool) -> list[str]:
    """The parts of a location that are in the file, without the tags that pydantic adds."""
    parts = []
    for part in loc:
        in_mapping = isinstance(values, dict) and part in values
        if in_mapping or (isinstance(values, list) and isinstance(part, int)):
            values = values[part]
        elif not (missing and part == loc[-1]):
            continue
        parts.append(written(part))
    return parts
