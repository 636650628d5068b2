"""What is downloaded, and what it must be: a repository on the hub, or one archive."""

from typing import Literal, Self

from pydantic import Field, model_validator

from whypretrain.settings.base import Section
from whypretrain.settings.hub import Hub


class Archive(Section):
    """One tar archive on a web server."""

    url: str = Field(pattern=r"^https://[^\s/@?#]+(/[^\s]*)?$")
    """Where it is; https only, and no user and password: it is written into results."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Its checksum, 64 hexadecimal digits, checked before it is unpacked."""


class FetchSettings(Section):
    """What the stage `fetch` needs to know."""

    path_key: str
    """The configuration's key where a local path can be given instead; errors name it."""
    repo_type: Literal["dataset", "model"] = "dataset"
    """What the hub calls the repository."""
    hub: Hub | None = None
    """A repository on the hub."""
    archive: Archive | None = None
    """Or an archive."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.hub is None) == (self.archive is None):
            message = "give one of hub and archive"
            raise ValueError(message)
        return self
