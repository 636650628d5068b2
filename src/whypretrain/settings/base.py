"""What every section of the configuration shares: strict types, names, seeds."""

import difflib
import re
from collections.abc import Collection
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from whypretrain.settings.identity import canonical_json


def require(condition: object, message: str) -> None:
    """Raise ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def check_name(name: str) -> str:
    """Return a name that may become part of a file name, or raise ValueError."""
    message = "a name has 1 to 64 letters, digits, '_', '-' or '.', and begins with none of '_-.'"
    require(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name), message)
    return name


Name = Annotated[str, AfterValidator(check_name)]
"""A name that becomes part of a file name: letters, digits, `_`, `-` and `.`."""


Seed = Annotated[int, Field(ge=0)]
"""Seed of a generator of random numbers."""


def _check_title(title: str) -> str:
    require(title.isprintable(), "a title is one line of printable characters")
    return title


Title = Annotated[str, AfterValidator(_check_title)]
"""A name in figures: one line."""


def check_increasing(numbers: list[float]) -> list[float]:
    """Return numbers that increase strictly, or raise ValueError."""
    require(numbers == sorted(set(numbers)), f"{numbers} must increase strictly")
    return numbers


class Section(BaseModel):
    """A section of the configuration: unknown keys and values of another type are errors."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key in values:
                if key not in cls.model_fields:
                    message = f"unknown key {key!r}; {allowed(str(key), list(cls.model_fields))}"
                    raise ValueError(message)
        return values

    def to_json(self) -> str:
        """One line of JSON with sorted keys, every default written out."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse what :meth:`to_json` wrote. Raises pydantic's ValidationError."""
        return cls.model_validate_json(text)


def allowed(given: str, known: list[str]) -> str:
    """The allowed names, and the nearest one to what was given."""
    near = difflib.get_close_matches(given, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}allowed: {', '.join(known)}"


def known(key: str, name: str, names: Collection[str]) -> None:
    """Raise ValueError unless the name that `key` gives is one of `names`."""
    if name not in names:
        message = f"{key} = '{name}': unknown; {allowed(name, list(names))}"
        raise ValueError(message)
