"""What all sections share: strict types, names, seeds, paths, and digests of their values."""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def require(condition: object, message: str) -> None:
    """Raise ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def known(key: str, name: str, names: Collection[str]) -> None:
    """Raise ValueError unless the name that `key` gives is one of `names`."""
    if name not in names:
        message = f"{key} = '{name}': unknown; {_allowed(name, names)}"
        raise ValueError(message)


def _allowed(given: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(given, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}allowed: {', '.join(names)}"


def check_name(name: str) -> str:
    """Return a name that may become part of a file name, or raise ValueError."""
    message = "a name has 1 to 64 letters, digits, '_', '-' or '.', and begins with none of '_-.'"
    require(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name), message)
    return name


def check_title(title: str) -> str:
    """Return a title, or raise ValueError."""
    require(title.isprintable(), "a title is one line of printable characters")
    return title


def check_increasing(numbers: list[float]) -> list[float]:
    """Return numbers that increase strictly, or raise ValueError."""
    require(numbers == sorted(set(numbers)), f"{numbers} must increase strictly")
    return numbers


Name = Annotated[str, AfterValidator(check_name)]
"""A name that becomes part of a file name: letters, digits, `_`, `-` and `.`."""
Title = Annotated[str, AfterValidator(check_title)]
"""A name in figures: one line."""
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""Seed of a generator of random numbers."""


class Section(BaseModel):
    """A section of the configuration: unknown keys and values of another type are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        for key in values if isinstance(values, dict) else ():
            if key not in cls.model_fields:
                message = f"unknown key {key!r}; {_allowed(str(key), cls.model_fields)}"
                raise ValueError(message)
        return values

    def to_json(self) -> str:
        """One line of JSON with sorted keys, every default written out."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse what :meth:`to_json` wrote. Raises pydantic's ValidationError."""
        return cls.model_validate_json(text)


def configured_path(path: str, key: str) -> Path:
    """A path with environment variables and `~` replaced, or ValueError that names the `key`."""
    expanded = os.path.expandvars(path)
    if missing := re.search(r"\$(\w+|\{\w+\})", expanded):
        message = f"{key} = {path!r}: the environment variable {missing[0]} is not set"
        raise ValueError(message)
    return Path(expanded).expanduser()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys: the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def digest(*parts: bytes | str) -> str:
    """SHA-256 of the parts and their lengths, as 64 hexadecimal digits."""
    hasher = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        hasher.update(len(raw).to_bytes(8, "big"))
        hasher.update(raw)
    return hasher.hexdigest()


def derived_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on all parts, the same on every machine."""
    return int(digest(*map(str, parts))[:16], 16) >> 1
