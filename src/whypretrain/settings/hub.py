"""A repository on the Hugging Face hub at a fixed revision."""

from typing import Annotated

from pydantic import Field

from whypretrain.settings.base import Section


class Hub(Section):
    """Files of a repository on the hub, at a revision that cannot change."""

    repo: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    """`owner/name`."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """A commit, 40 hexadecimal digits: branches and tags move."""
    files: list[str] = Field(min_length=1)
    """Names or patterns of the files that are needed."""
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = {}
    """Checksums of files, checked after the download."""
