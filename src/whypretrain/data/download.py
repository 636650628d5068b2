"""Downloading a dataset or weights at a fixed revision, with a check of every file.

Nothing else in the package uses the network.
"""

import errno
import hashlib
import json
import lzma
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from whypretrain.files.artifacts import FETCHED, atomic_path, file_digest
from whypretrain.files.progress import Progress, say
from whypretrain.settings.fetch import Archive, FetchSettings, Hub

CHUNK = 2**20
RESERVED = {FETCHED, ".archive", ".unpacked", ".cache"}
"""What stands for the state of a download, and must not come with one."""
BLOCK = 4096  # bytes that a file takes on a disk besides its content, about
MOST_FILES = 5_000_000
TIMEOUT = 60  # seconds without an answer
NETWORK_LIBRARIES = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")


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
    if settings.hub is not None:
        with _explained(settings, settings.hub.repo):
            record = _fetch_hub(settings, settings.hub, folder)
    elif settings.archive is not None:
        with _explained(settings, settings.archive.url):
            record = _fetch_archive(settings.archive, folder)
    with atomic_path(marker) as temporary:
        temporary.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _fetch_hub(settings: FetchSettings, hub: Hub, folder: Path) -> dict[str, Any]:
    info = HfApi().repo_info(
        hub.repo, repo_type=settings.repo_type, revision=hub.revision, files_metadata=True
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
    _remove_unwanted(folder, set(wanted))
    if unknown := hub.sha256.keys() - set(wanted):
        message = f"{hub.repo}: sha256 names {min(unknown)}, which files does not match"
        raise FetchError(message)
    total = sum(files[name].size or 0 for name in wanted)
    _check_space(
        folder, sum(files[name].size or 0 for name in wanted if not (folder / name).is_file())
    )
    say(f"fetch {hub.repo}: {len(wanted)} files, {total / 1e6:.1f} MB")
    snapshot_download(
        hub.repo,
        repo_type=settings.repo_type,
        revision=hub.revision,
        allow_patterns=hub.files,
        local_dir=folder,
    )
    # Without network the library returns whatever an earlier attempt left: believe no file unseen.
    record = {}
    for name in wanted:
        size, lfs = files[name].size, files[name].lfs
        expected = hub.sha256.get(name) or (lfs.sha256 if lfs else None)
        # Of a large file that is the checksum of a note which stands for it.
        git = None if lfs else getattr(files[name], "blob_id", None)
        record[name] = _checked(folder / name, size, expected, git)
    return {"repo": hub.repo, "revision": hub.revision, "files": record}


def _check_names(what: str, names: Iterable[str]) -> None:
    """Refuse names that lead out of the folder, or stand for a download that is complete."""
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or parts[0] in RESERVED:
            message = f"{what}: holds a file named '{name}', which is not taken; correct files"
            raise FetchError(message)


def _checked(
    path: Path, size: int | None = None, sha256: str | None = None, git: str | None = None
) -> dict[str, Any]:
    """Size and checksum of a file; a wrong one is deleted, so that a retry downloads it anew."""
    if not path.is_file():
        message = f"{path}: was not downloaded; try again"
        raise FetchError(message)
    found_size, found = path.stat().st_size, file_digest(path)
    wrong = None
    if sha256 not in (None, found):
        wrong = f"checksum mismatch, sha256 {found} rather than {sha256}"
    elif size not in (None, found_size):
        wrong = f"{found_size} bytes rather than {size}"
    elif git is not None and (other := git_id(path)) != git:
        wrong = f"checksum mismatch, {other} rather than {git}"
    if wrong:
        path.unlink()
        message = (
            f"{path}: {wrong}; it was deleted, try again, and if it persists compare revision and "
            f"sha256 with the hub"
        )
        raise FetchError(message)
    return {"size": found_size, "sha256": found}


def git_id(path: Path) -> str:
    """What git calls a file of this content: all that the hub says of files that are not large."""
    content = path.read_bytes()
    header = f"blob {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def _remove_unwanted(folder: Path, wanted: set[str]) -> None:
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
            target = folder / name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            (unpacked / name).replace(target)
    finally:
        packed.unlink(missing_ok=True)
        shutil.rmtree(unpacked, ignore_errors=True)
    files = [path for name in names for path in (folder / name, *(folder / name).rglob("*"))]
    contents = {
        path.relative_to(folder).as_posix(): _checked(path) for path in files if path.is_file()
    }
    return {"url": archive.url, "sha256": archive.sha256, "files": contents}


def _check_members(url: str, tar: tarfile.TarFile, folder: Path) -> None:
    """Refuse an archive with anything but files and folders, or with more than fits the disk.

    Links have been ways out of the folder in spite of filters, and datasets need none.
    """
    needed = 0
    for number, member in enumerate(tar, start=1):
        if not (member.isreg() or member.isdir()):
            message = f"{url}: '{member.name}' in it is neither file nor folder; not unpacked"
            raise FetchError(message)
        needed += member.size + BLOCK
        _check_space(folder, needed)
        if number > MOST_FILES:
            message = f"{url}: more than {MOST_FILES:,} files; not unpacked"
            raise FetchError(message)


def _download(archive: Archive, target: Path) -> None:
    hasher = hashlib.sha256()
    # Only https gets here: the configuration's type says so.
    with urllib.request.urlopen(archive.url, timeout=TIMEOUT) as answer:  # noqa: S310  (https only, by type)
        if not answer.url.startswith("https://"):
            message = f"{archive.url}: redirects to {answer.url}, which is not https"
            raise FetchError(message)
        total = int(answer.headers.get("Content-Length") or 0)
        _check_space(target.parent, 2 * total)  # packed and unpacked
        progress = Progress("fetch", total // CHUNK, "MiB")
        done = 0
        with target.open("wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                hasher.update(chunk)
                done += len(chunk)
                progress.update(done // CHUNK - progress.done)
    if done < total:
        message = f"{archive.url}: the connection ended after {done} of {total} bytes; try again"
        raise FetchError(message)
    if hasher.hexdigest() != archive.sha256:
        message = (
            f"{archive.url}: checksum mismatch, sha256 {hasher.hexdigest()} rather than "
            f"{archive.sha256}; try again, and if it persists compare with the publisher's"
        )
        raise FetchError(message)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        message = (
            f"disk full: {needed / 1e9:.2f} GB are needed in {folder}, {free / 1e9:.2f} GB are free"
        )
        raise FetchError(message)


@contextmanager
def _explained(settings: FetchSettings, what: str) -> Iterator[None]:
    """Turn the errors of network libraries into one line with a way out."""
    try:
        yield
    except FetchError as error:
        message = f"{settings.path_key.rpartition('.')[0]}: {error}"
        raise FetchError(message) from error
    except Exception as error:
        reason = _reason(error, settings, what)
        if reason is None:
            raise
        message = f"{reason}; or put a local copy's path in {settings.path_key}"
        raise FetchError(message) from error


def _reason(error: Exception, settings: FetchSettings, what: str) -> str | None:
    """What went wrong and what to do; None if it is no error of a download."""
    page = f"{settings.repo_type} {what}"
    revision = settings.hub.revision if settings.hub else ""
    # From the special to the general: a gated repository, say, is also one not found.
    reasons: list[tuple[tuple[type[Exception], ...], str]] = [
        ((GatedRepoError,), f"{page} is gated: accept its terms on the hub, then set HF_TOKEN"),
        ((RevisionNotFoundError,), f"{page} has no revision {revision}: correct hub.revision"),
        (
            (RepositoryNotFoundError,),
            f"{page} is not found: correct hub.repo, or set HF_TOKEN if it is private",
        ),
        ((OfflineModeIsEnabled,), f"{what} is not downloaded: unset HF_HUB_OFFLINE"),
    ]
    for kinds, reason in reasons:
        if isinstance(error, kinds):
            return reason
    line = str(error).strip().partition("\n")[0]
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"disk full while downloading {what}: free some space"
    if isinstance(error, urllib.error.HTTPError):
        return f"{what}: the server answers {error.code} {error.reason}: correct archive.url"
    if _is_network(error):
        return f"no network: {what} cannot be reached ({line}): connect this machine and try again"
    if isinstance(error, HfHubHTTPError):
        return f"{page}: the hub answers '{line}': try again later"
    return None


def _is_network(error: Exception) -> bool:
    known = (LocalEntryNotFoundError, urllib.error.URLError, ConnectionError, TimeoutError)
    # What the hub's library raises depends on its version and on the library below it.
    return isinstance(error, known) or type(error).__module__.split(".")[0] in NETWORK_LIBRARIES
