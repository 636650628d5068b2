"""Reading configuration files: strict YAML, laid over each other, one line for each mistake."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ConfigDict, JsonValue, TypeAdapter, ValidationError

from whypretrain.settings.base import Section

PLAIN = TypeAdapter(dict[str, JsonValue], config=ConfigDict(strict=True, allow_inf_nan=False))
LONGEST_SHOWN = 200
"""Largest number of characters of a value in a message."""
TEMPLATE = "__use_yte__"
"""The key that makes Snakemake run a file's expressions as Python."""
HINTS = {
    ("str", "float"): "YAML reads this as text: leave out quotes, and write 1e-3 as 1.0e-3",
    ("str", "int"): "YAML reads this as text: leave out quotes, and write digits alone",
    ("bool", "string"): "YAML reads yes, no, on and off as true and false: put it in quotes",
    ("int", "string"): "put it in quotes",
    ("float", "string"): "put it in quotes",
}
"""Remedies, by the type of a value and the type that is needed."""


class ConfigError(ValueError):
    """The configuration is wrong; the message names the key, its value and what is allowed."""


class _Loader(yaml.SafeLoader):
    """Plain values only, and no key twice in a mapping.

    Snakemake reads with PyYAML too, so that both see the same values (YAML 1.1).
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:  # before `<<` adds the keys of its mapping
            if (key.tag, str(key.value)) in seen:
                line = key.start_mark.line + 1
                message = f"line {line}: key '{key.value}' is given twice; remove one"
                raise ConfigError(message)
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep=deep)


def read(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML or JSON file.

    Raises ConfigError, naming the file: it cannot be read, is not valid YAML, gives a key twice, is
    a template, or :func:`check_plain` refuses it.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)  # noqa: S506  (a SafeLoader)
        found = check_plain(values)
        if TEMPLATE not in found:
            return found
        problem = f"{TEMPLATE}: templates are not allowed; write the values out"
    except ConfigError as error:
        problem = str(error)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    # ValueError: 30 February, or a number of thousands of digits.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = f"not valid YAML ({' '.join(str(error).split())})"
    message = f"{path}: {problem}"
    raise ConfigError(message)


def laid_over(
    below: dict[str, Any], above: dict[str, Any], *, by_kind: bool = False
) -> dict[str, Any]:
    """A copy of `below` with the values of `above`; sections are merged, as Snakemake does it.

    With `by_kind`, a section (of players) of another `kind` is replaced, as it has other keys.

    >>> laid_over({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict):
            old = merged[key] if isinstance(merged.get(key), dict) else {}
            kind = old.get("kind", "grid")
            kept = {} if by_kind and value.get("kind", kind) != kind else old
            merged[key] = laid_over(kept, value, by_kind=by_kind)
        else:
            merged[key] = value
    return merged


def layered(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A configuration laid over those of a folder, if any: `config/**/*.yaml`, `config.yaml`.

    Raises ConfigError as :func:`read` of a file in the folder, as :func:`check_plain` of `values`.
    """
    check_plain(values)
    below: dict[str, Any] = {}
    for path in (*sorted(folder.glob("config/**/*.yaml")), *folder.glob("config.yaml")):
        below = laid_over(below, read(path))
    return laid_over(below, values)


def read_over(*paths: Path) -> dict[str, Any]:
    """Files laid over each other, and :func:`layered` over the folder of the first."""
    values: dict[str, Any] = {}
    for path in paths:
        values = laid_over(values, read(path))
    return layered(values, paths[0].parent)


def check_plain(values: Any) -> dict[str, Any]:
    """Return a configuration of plain values, which JSON can hold, or raise ConfigError."""
    try:
        return PLAIN.validate_python(values)
    except ValidationError as error:
        raise ConfigError(explain(error, values)) from None


def shown(value: Any) -> str:
    """A value for a message: on one line, cut off if it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def written(part: object) -> str:
    """A part of a key for a message: on one line."""
    return part if isinstance(part, str) and part.isprintable() and part else shown(part)


def explain(error: ValidationError, values: Any) -> str:
    """One line a mistake in `values`: `key = value: what is wrong`."""
    lines = []
    errors = error.errors()
    no_text = [e for e in errors if e["type"] == "string_type" and e["loc"][-1] == "[key]"]
    for item in no_text[:1] or errors:  # what is within such a key has no name
        kind, loc, value = item["type"], item["loc"], item["input"]
        stated = "" if isinstance(value, dict | Section) else f" = {shown(value)}"
        reason = item["msg"].removeprefix("Value error, ")
        if kind in {"model_type", "dict_type", "model_attributes_type"}:
            given = "empty" if value is None else f"of type {type(value).__name__}"
            reason = f"must hold keys with values, but is {given}"
        elif kind == "invalid-json-value":
            reason = f"YAML reads this as a {type(value).__name__}; put it in quotes"
        elif no_text:
            loc, stated = loc[:-2], ""
            reason = f"key {shown(value)}: must be text; put it in quotes"
        elif hint := HINTS.get((type(value).__name__, kind.removesuffix("_type"))):
            reason += f"; {hint}"
        key = ".".join(_written(loc, values, missing=kind == "missing"))
        # A reason of several lines is one mistake a line, each with the rest of its key.
        lines += [f"{key}{stated}: {line}" if key else line for line in reason.splitlines()]
    return "\n".join(lines)


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
