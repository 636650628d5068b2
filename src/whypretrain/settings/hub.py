"""A repository on the Hugging Face hub at a fixed revision."""

from typing import Annotated

from pydantic import Field

from whypretrain.settings.base import Section


class Hub(Section):
    """Files of a repository on the Hugging Face hub, at a fixed revision."""

    repo: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    """`owner/name`."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """Commit, 40 hexadecimal digits; branches and tags are not accepted, as they move."""
    files: list[str] = Field(min_length=1)
    """Names or patterns of the files to download."""
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = {}
    """Checksums by file name, checked after the download."""
