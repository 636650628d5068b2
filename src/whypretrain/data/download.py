"""Downloading a dataset or weights at a fixed revision, with a check of every file.

Nothing else in the package uses the network.
"""

import json
import lzma
import shutil
import tarfile
import urllib.request
import zlib
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError, URLError

from huggingface_hub import HfApi, errors, snapshot_download
from huggingface_hub.utils.sha import git_hash

from whypretrain.files.artifacts import FETCHED, FULL, atomic_path, file_digest
from whypretrain.files.progress import Progress, say
from whypretrain.settings.fetch import Archive, FetchSettings, Hub

CHUNK = 2**20
RESERVED = {FETCHED, ".archive", ".unpacked", ".cache"}
"""What stands for the state of a download, and must not come with one."""
TIMEOUT = 60  # seconds without an answer
NO_NETWORK = (errors.LocalEntryNotFoundError, URLError, ConnectionError, TimeoutError)
NETWORK_LIBRARIES = ("http", "requests", "urllib3")
"""How modules begin whose errors the hub's library passes on; it depends on its version."""


class FetchError(OSError):
    """A download failed; the message says why and what to do."""


def fetch(settings: FetchSettings, folder: Path) -> None:
    """Download into `folder` what the settings name, and write `fetched.json` there.

    Raises
    ------
    FetchError
        If it cannot be had, or is not what it should be.
    """
    marker = folder / FETCHED
    marker.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if settings.hub:
            record = _fetch_hub(settings.repo_type, settings.hub, folder)
        elif settings.archive:
            record = _fetch_archive(settings.archive, folder)
    except Exception as error:
        reason = _reason(error, settings)
        if reason is None:
            raise
        message = f"{reason}; or put a local copy's path in {settings.path_key}"
        raise FetchError(message) from error
    with atomic_path(marker) as temporary:
        temporary.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _fetch_hub(repo_type: str, hub: Hub, folder: Path) -> dict[str, Any]:
    info = HfApi().repo_info(
        hub.repo, repo_type=repo_type, revision=hub.revision, files_metadata=True
    )
    files = {file.rfilename: file for file in getattr(info, "siblings", None) or []}
    wanted = sorted(name for name in files if any(fnmatch(name, p) for p in hub.files))
    _check_names(hub.repo, wanted)
    if not wanted:
        message = (
            f"{hub.repo}: no file matches {hub.files}; there are {', '.join(sorted(files)[:8])}"
            f"{', …' if len(files) > 8 else ''}"
        )
        raise FetchError(message)
    if unknown := hub.sha256.keys() - set(wanted):
        message = f"{hub.repo}: sha256 names {min(unknown)}, which files does not match"
        raise FetchError(message)
    _remove_unwanted(folder, wanted)
    sizes = {name: files[name].size or 0 for name in wanted}
    _check_space(folder, sum(sizes[name] for name in wanted if not (folder / name).is_file()))
    say(f"fetch {hub.repo}: {len(wanted)} files, {sum(sizes.values()) / 1e6:.1f} MB")
    snapshot_download(
        hub.repo,
        repo_type=repo_type,
        revision=hub.revision,
        allow_patterns=hub.files,
        local_dir=folder,
    )
    # Without network the library returns whatever an earlier attempt left: believe no file unseen.
    record = {}
    for name in wanted:
        path, lfs = folder / name, files[name].lfs
        if not path.is_file():
            message = f"{path}: was not downloaded; try again"
            raise FetchError(message)
        record[name] = _described(path)
        found, expected = record[name]["sha256"], hub.sha256.get(name) or (lfs and lfs.sha256)
        if expected is None:  # all that the hub says of files that are not large
            found, expected = git_hash(path.read_bytes()), files[name].blob_id
        if found != expected:
            path.unlink()
            message = (
                f"{path}: checksum mismatch, {found} rather than {expected}; it was deleted, try "
                f"again, and if it persists compare revision and sha256 with the hub"
            )
            raise FetchError(message)
    return {"repo": hub.repo, "revision": hub.revision, "files": record}


def _check_names(what: str, names: Iterable[str]) -> None:
    """Refuse names that lead out of the folder, or stand for a download that is complete."""
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or parts[0] in RESERVED:
            message = f"{what}: holds a file named '{name}', which is not taken; correct files"
            raise FetchError(message)


def _described(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": file_digest(path)}


def _remove_unwanted(folder: Path, wanted: list[str]) -> None:
    """Delete what was downloaded for earlier settings: sources take the files they find."""
    notes = folder / ".cache" / "huggingface" / "download"  # the library's, one a file
    for note in notes.rglob("*.metadata"):
        name = note.relative_to(notes).as_posix().removesuffix(".metadata")
        if name not in wanted:
            (folder / name).unlink(missing_ok=True)
            note.unlink()


def _fetch_archive(archive: Archive, folder: Path) -> dict[str, Any]:
    packed, unpacked = folder / ".archive", folder / ".unpacked"
    try:
        _download(archive, packed)
        shutil.rmtree(unpacked, ignore_errors=True)
        try:
            with tarfile.open(packed) as tar:
                _check_members(archive.url, tar, folder)
                # This filter refuses paths that leave the folder, too.
                tar.extractall(unpacked, filter="data")
        except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
            reason = str(error).partition("\n")[0]
            message = f"{archive.url}: no tar archive that can be unpacked ({reason})"
            raise FetchError(message) from error
        names = sorted(path.name for path in unpacked.iterdir())
        _check_names(archive.url, names)
        for name in names:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            (unpacked / name).replace(folder / name)
    finally:
        packed.unlink(missing_ok=True)
        shutil.rmtree(unpacked, ignore_errors=True)
    paths = [path for name in names for path in (folder / name, *(folder / name).rglob("*"))]
    files = {p.relative_to(folder).as_posix(): _described(p) for p in paths if p.is_file()}
    return {"url": archive.url, "sha256": archive.sha256, "files": files}


def _check_members(url: str, tar: tarfile.TarFile, folder: Path) -> None:
    """Refuse an archive with anything but files and folders, or with more than fits the disk.

    Links have been ways out of the folder in spite of filters, and datasets need none.
    """
    needed = 0
    for member in tar:
        if not (member.isreg() or member.isdir()):
            message = f"{url}: '{member.name}' in it is neither file nor folder; not unpacked"
            raise FetchError(message)
        needed += member.size
        _check_space(folder, needed)


def _download(archive: Archive, target: Path) -> None:
    with urllib.request.urlopen(archive.url, timeout=TIMEOUT) as answer:  # noqa: S310  (https only, by type)
        if not answer.url.startswith("https://"):
            message = f"{archive.url}: redirects to {answer.url}, which is not https"
            raise FetchError(message)
        total = int(answer.headers.get("Content-Length") or 0)
        _check_space(target.parent, 2 * total)  # packed and unpacked
        progress = Progress("fetch", total // CHUNK, "MiB")
        with target.open("wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                progress.update(file.tell() // CHUNK - progress.done)
    done, found = target.stat().st_size, file_digest(target)
    if found != archive.sha256:
        message = (
            f"{archive.url}: checksum mismatch in {done} of {total} bytes, sha256 {found} rather "
            f"than {archive.sha256}; try again, and if it persists compare with the publisher's"
        )
        raise FetchError(message)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        message = f"disk full: {needed / 1e9:.2f} GB are needed in {folder}, {free / 1e9:.2f} free"
        raise FetchError(message)


def _reason(error: Exception, settings: FetchSettings) -> str | None:
    """What went wrong and what to do, in one line; None if it is no error of a download."""
    hub, archive = settings.hub, settings.archive
    what, revision = (hub.repo, hub.revision) if hub else (archive and archive.url, "")
    page, line = f"{settings.repo_type} {what}", str(error).strip().partition("\n")[0]
    no_network = f"no network: {what} cannot be reached ({line}): connect this machine, try again"
    # From the special to the general: a gated repository, say, is also one not found.
    reasons: list[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
        (FetchError, line),
        (errors.GatedRepoError, f"{page} is gated: accept its terms on the hub, then set HF_TOKEN"),
        (errors.RevisionNotFoundError, f"{page} has no revision {revision}: correct hub.revision"),
        (errors.RepositoryNotFoundError, f"{page} is not found: correct hub.repo, or set HF_TOKEN"),
        (errors.OfflineModeIsEnabled, f"{what} is not downloaded: unset HF_HUB_OFFLINE"),
        (HTTPError, f"{what}: the server answers '{line}': correct archive.url"),
        (NO_NETWORK, no_network),
        (errors.HfHubHTTPError, f"{page}: the hub answers '{line}': try again later"),
    ]
    if isinstance(error, OSError) and error.errno in FULL:
        return f"disk full while downloading {what}: free some space"
    if type(error).__module__.startswith(NETWORK_LIBRARIES):
        return no_network
    return next((reason for kinds, reason in reasons if isinstance(error, kinds)), None)
