"""What every section of the configuration shares: strictness, and how names are spelled."""

import difflib
import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from whypretrain.settings.identity import canonical_json


def check_name(name: str) -> str:
    """Return a name that may become part of a file name, or raise ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        message = "a name has 1 to 64 letters, digits, '_', '-' or '.', the first no punctuation"
        raise ValueError(message)
    return name


Name = Annotated[str, AfterValidator(check_name)]
"""A name that becomes part of a file name: letters, digits, `_`, `-` and `.`."""


Seed = Annotated[int, Field(ge=0)]
"""Of a generator of random numbers."""


def _check_title(title: str) -> str:
    if not title.isprintable():
        message = "a title is one line of printable characters"
        raise ValueError(message)
    return title


Title = Annotated[str, AfterValidator(_check_title)]
"""How figures call something: one line."""


def check_increasing(numbers: list[float]) -> list[float]:
    """Return numbers that increase strictly, or raise ValueError."""
    if numbers != sorted(set(numbers)):
        message = f"{numbers} must increase strictly"
        raise ValueError(message)
    return numbers


class Section(BaseModel):
    """A section of the configuration: unknown keys and loosely typed values are errors."""

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
