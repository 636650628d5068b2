"""Downloads: files of a repository on the hub, or one archive."""

from typing import Literal, Self

from pydantic import Field, model_validator

from whypretrain.settings.base import Section, require
from whypretrain.settings.hub import Hub


class Archive(Section):
    """One tar archive on a web server."""

    url: str = Field(pattern=r"^https://[^\s/@?#]+(/[^\s]*)?$")
    """Address; https only, without user and password, as results record it."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Checksum, 64 hexadecimal digits, checked before unpacking."""


class FetchSettings(Section):
    """Settings of the stage `fetch`."""

    path_key: str
    """Configuration key for a local path instead of the download; errors name it."""
    repo_type: Literal["dataset", "model"] = "dataset"
    """Kind of repository on the hub."""
    hub: Hub | None = None
    """A repository on the hub."""
    archive: Archive | None = None
    """Or an archive."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        require((self.hub is None) != (self.archive is None), "give one of hub and archive")
        return self
