"""What the stage `fetch` leaves beside a download: the checksum of every file, for all who read it.

It is apart from :mod:`whypretrain.data.download`: readers need no network libraries, and an edit of
how files are fetched prepares no dataset anew.
"""

import json
from pathlib import Path

from whypretrain.files.artifacts import damaged, file_digest, reading

FETCHED = "fetched.json"
"""The file that the stage `fetch` writes last: its folder is complete."""


def check_download(folder: Path) -> None:
    """Check every file of a download.

    Raises
    ------
    ArtifactError
        Naming the first that is missing or another than was downloaded, and how to fetch it again.
    """
    marker = folder / FETCHED
    with reading(marker, "the record of a download"):
        # Of an archive that was unpacked by an earlier version there are no checksums of files.
        files = json.loads(marker.read_text(encoding="utf-8")).get("files", {})
        sums = {folder / name: str(known["sha256"]) for name, known in files.items()}
    for path, expected in sums.items():
        found = file_digest(path) if path.is_file() else None
        if found != expected:
            reason = f"its SHA-256 is {found} rather than {expected}" if found else "it is missing"
            raise damaged(path, f"not as it was downloaded: {reason}", made_with=marker)
