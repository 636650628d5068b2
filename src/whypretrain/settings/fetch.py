"""Downloads: files of a repository on the hub, or one archive."""

from typing import Annotated, Literal

from pydantic import Field

from whypretrain.settings.base import Section

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Hub(Section):
    """Files of a repository on the Hugging Face hub, at a fixed revision."""

    repo: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    """`owner/name`."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """Commit, 40 hexadecimal digits. Branches and tags are not accepted, because they can move."""
    files: list[str] = Field(min_length=1)
    """Names or patterns of the files to download."""
    sha256: dict[str, Sha256] = {}
    """Checksums by file name, checked after the download."""


class Archive(Section):
    """One tar archive on a web server."""

    url: str = Field(pattern=r"^https://[^\s/@?#]+(/[^\s]*)?$")
    """Address; https only, without user and password, because results record it."""
    sha256: Sha256
    """Checksum, 64 hexadecimal digits, checked before unpacking."""


class FetchSettings(Section):
    path_key: str
    """Configuration key for a local path instead of the download; errors name it."""
    repo_type: Literal["dataset", "model"] = "dataset"
    """Kind of repository on the hub."""
    hub: Hub | None = None
    """A repository on the hub."""
    archive: Archive | None = None
    """Or an archive."""
