"""Downloads: what is kept, what is refused, and what is said of it. No test uses the network."""

import errno
import hashlib
import io
import json
import re
import sys
import tarfile
import urllib.error
from email.message import Message
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from whypretrain.data import download
from whypretrain.data.download import FetchError, fetch
from whypretrain.settings.fetch import Archive, FetchSettings, Hub
from whypretrain.stages import fetch as stage
from workflow.lib.code import ROOT

REVISION = "0123456789" * 4
FILES = {
    "data/train.parquet": b"training",
    "data/test.parquet": b"testing",
    "README.md": b"read me",
}


def git_id(content: bytes) -> str:
    """As `git hash-object` gives it."""
    blob = b"blob %d\0" % len(content) + content
    return hashlib.sha1(blob, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class FakeHub:
    """A hub with one repository, the large files of which have checksums."""

    def __init__(self) -> None:
        self.served = dict(FILES)
        self.error: Exception | None = None

    def repo_info(self, repo: str, **_: Any) -> Any:
        if self.error is not None:
            raise self.error
        assert repo == "someone/pets"
        files = [
            SimpleNamespace(
                rfilename=name,
                size=len(content),
                lfs=SimpleNamespace(sha256=sha256(content)) if name.startswith("data") else None,
                blob_id=git_id(content),
            )
            for name, content in FILES.items()
        ]
        return SimpleNamespace(siblings=files)

    def snapshot_download(self, repo: str, **options: Any) -> None:
        assert (repo, options["revision"]) == ("someone/pets", REVISION)
        for name, content in self.served.items():
            if any(fnmatch(name, pattern) for pattern in options["allow_patterns"]):
                notes = options["local_dir"] / ".cache" / "huggingface" / "download"
                for path in (options["local_dir"] / name, notes / f"{name}.metadata"):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub()
    monkeypatch.setattr(download, "HfApi", lambda: fake)
    monkeypatch.setattr(download, "snapshot_download", fake.snapshot_download)
    return fake


def settings(*files: str, **checksums: str) -> FetchSettings:
    repository = Hub(
        repo="someone/pets", revision=REVISION, files=list(files or ["data/*"]), sha256=checksums
    )
    return FetchSettings(path_key="datasets.pets.path", hub=repository)


@pytest.mark.usefixtures("hub")
def test_files_come_with_a_record_of_what_they_are(tmp_path: Path) -> None:
    known = {"data/train.parquet": sha256(b"training")}
    fetch(settings("data/*", **known), tmp_path)
    assert (tmp_path / "data" / "train.parquet").read_bytes() == b"training"
    assert not (tmp_path / "README.md").exists()
    record = json.loads((tmp_path / "fetched.json").read_text())
    assert (record["repo"], record["revision"]) == ("someone/pets", REVISION)
    assert record["files"] == {
        name: {"size": len(FILES[name]), "sha256": sha256(FILES[name])}
        for name in ("data/test.parquet", "data/train.parquet")
    }


@pytest.mark.usefixtures("hub")
def test_files_of_earlier_settings_go_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("not downloaded")
    fetch(settings(), tmp_path)
    fetch(settings("README.md", "data/test*"), tmp_path)
    assert not (tmp_path / "data" / "train.parquet").exists()
    for name in ("mine.txt", "README.md", "data/test.parquet", "fetched.json"):
        assert (tmp_path / name).exists()


def test_what_an_earlier_attempt_left_is_not_believed(hub: FakeHub, tmp_path: Path) -> None:
    fetch(settings(), tmp_path)
    hub.served = {}  # the library returns the folder as it is if the hub goes away
    (tmp_path / "data" / "test.parquet").unlink()
    with pytest.raises(FetchError, match=r"test\.parquet: was not downloaded; .*pets\.path"):
        fetch(settings(), tmp_path)
    assert not (tmp_path / "fetched.json").exists()


@pytest.mark.parametrize("wrong", [b"tampere!", b"short"])
def test_a_wrong_file_is_deleted(hub: FakeHub, tmp_path: Path, wrong: bytes) -> None:
    hub.served["data/train.parquet"] = wrong
    with pytest.raises(FetchError, match=r"train\.parquet: checksum mismatch, \w{64} rather"):
        fetch(settings(), tmp_path)
    assert not (tmp_path / "data" / "train.parquet").exists()
    assert not (tmp_path / "fetched.json").exists()
    hub.served["README.md"] = wrong
    with pytest.raises(FetchError, match=r"README\.md: checksum mismatch, \w{40} rather"):
        fetch(settings("README.md"), tmp_path)
    hub.served["README.md"] = b"read us"  # small files have git's checksum
    with pytest.raises(FetchError, match=r"README\.md: checksum mismatch, \w{40} rather"):
        fetch(settings("README.md"), tmp_path)
    assert not (tmp_path / "README.md").exists()


@pytest.mark.usefixtures("hub")
def test_the_checksum_of_the_configuration_counts(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=f"rather than {'0' * 64}"):
        fetch(settings("*.md", **{"README.md": "0" * 64}), tmp_path)
    with pytest.raises(FetchError, match=r"sha256 names x\.bin, which files does not match"):
        fetch(settings("*.md", **{"x.bin": "0" * 64}), tmp_path)


@pytest.mark.usefixtures("hub")
def test_patterns_that_match_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        FetchError, match=r"no file matches \['\*\.csv'\]; there are README\.md, da"
    ):
        fetch(settings("*.csv"), tmp_path)


@pytest.mark.usefixtures("hub")
def test_space_is_looked_for_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=3))
    with pytest.raises(FetchError, match=r"disk full: 0\.00 GB are needed"):
        fetch(settings(), tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def made(kind: type[Exception], text: str) -> Exception:
    """An error of the hub's library, whose constructors differ between versions."""
    error = kind.__new__(kind)
    error.args = (text,)
    return error


class ConnectError(Exception):
    """As in the library below the hub's, which is no OSError."""


ConnectError.__module__ = "httpx2"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (made(GatedRepoError, "403"), "dataset someone/pets is gated: accept its terms on the hub"),
        (made(RepositoryNotFoundError, "401"), "is not found: correct hub.repo, or set HF_TOKEN"),
        (made(RevisionNotFoundError, "404"), f"has no revision {REVISION}: correct hub.revision"),
        (made(HfHubHTTPError, "503 Busy\nlong"), "the hub answers '503 Busy': try again later"),
        (made(LocalEntryNotFoundError, "gone"), "no network: someone/pets cannot be reached (gone"),
        (OfflineModeIsEnabled("offline"), "unset HF_HUB_OFFLINE"),
        (ConnectError("Name or service not known"), "no network: someone/pets cannot be reached"),
        (TimeoutError("timed out"), "cannot be reached (timed out): connect this machine"),
        (OSError(errno.ENOSPC, "No space left"), "disk full while downloading someone/pets"),
    ],
)
def test_an_error_is_one_line_with_a_way_out(
    hub: FakeHub, tmp_path: Path, error: Exception, message: str
) -> None:
    hub.error = error
    with pytest.raises(FetchError) as caught:
        fetch(settings(), tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("or put a local copy's path in datasets.pets.path")
    assert not (tmp_path / "fetched.json").exists()


def test_a_mistake_of_ours_is_not_dressed_up(hub: FakeHub, tmp_path: Path) -> None:
    hub.error = ZeroDivisionError("ours")
    with pytest.raises(ZeroDivisionError):
        fetch(settings(), tmp_path)


class Answer(io.BytesIO):
    """What a web server answers."""

    def __init__(self, content: bytes, length: int | None = None, url: str = "https://x") -> None:
        super().__init__(content)
        self.url = url
        self.headers = {"Content-Length": str(len(content) if length is None else length)}


def packed(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def archive_settings(content: bytes) -> FetchSettings:
    archive = Archive(url="https://example.org/birds.tgz", sha256=sha256(content))
    return FetchSettings(path_key="datasets.birds.path", archive=archive)


def serve(monkeypatch: pytest.MonkeyPatch, answer: Answer | Exception) -> None:
    def urlopen(url: str, timeout: float) -> Answer:
        assert url == "https://example.org/birds.tgz"
        assert timeout > 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("urllib.request.urlopen", urlopen)


def test_an_archive_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(**{"birds/a.txt": b"first", "birds/images/1.jpg": b"1", "notes.txt": b"n"})
    for _ in range(2):  # the second replaces the first
        serve(monkeypatch, Answer(content))
        fetch(archive_settings(content), tmp_path)
    assert (tmp_path / "birds" / "images" / "1.jpg").read_bytes() == b"1"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".fetched.json.sha256", "birds", "fetched.json", "notes.txt"]
    record = json.loads((tmp_path / "fetched.json").read_text())
    assert record["sha256"] == sha256(content)
    assert record["files"].keys() == {"birds/a.txt", "birds/images/1.jpg", "notes.txt"}
    assert record["files"]["birds/a.txt"] == {"size": 5, "sha256": sha256(b"first")}


NOT_FOUND = urllib.error.HTTPError("https://x", 404, "Not Found", Message(), None)


@pytest.mark.parametrize(
    ("expected", "answer", "message"),
    [
        (b"right", Answer(b"wrong"), "checksum mismatch"),
        (b"no tar", Answer(b"no tar"), "no tar archive that can be unpacked"),
        (packed(**{"../out.txt": b"x"}), None, "outside the destination"),
        (b"cut off", Answer(b"cut", 7), "checksum mismatch in 3 of 7 bytes"),
        (b"x", Answer(b"x", url="http://x"), "redirects to http://x, which is not https"),
        (b"x", NOT_FOUND, "the server answers 'HTTP Error 404: Not Found': correct archive.url"),
        (b"x", urllib.error.URLError("no name"), "no network: https://example.org/birds.tgz"),
    ],
    # A packed archive holds the time, by which the workers would tell their tests apart.
    ids=["sum", "no tar", "out of the folder", "cut off", "no https", "not found", "no network"],
)
def test_a_wrong_archive_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: bytes,
    answer: Answer | Exception | None,
    message: str,
) -> None:
    serve(monkeypatch, answer or Answer(expected))
    folder = tmp_path / "folder"
    with pytest.raises(FetchError) as caught:
        fetch(archive_settings(expected), folder)
    assert message in str(caught.value)
    assert "datasets.birds" in str(caught.value)
    assert not list(folder.iterdir())
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.usefixtures("hub")
def test_the_stage_fills_the_folder_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["fetch", "--settings", settings().to_json(), "--folder", str(tmp_path)]
    )
    stage.main()
    assert (tmp_path / "fetched.json").exists()


def test_nothing_else_in_the_package_uses_the_network() -> None:
    network = re.compile(
        r"^\s*(?:import|from) (huggingface_hub|datasets|urllib|requests|httpx|http|socket)\b", re.M
    )
    users = {path.name for path in (ROOT / "src").rglob("*.py") if network.search(path.read_text())}
    assert users == {"download.py", "tables.py"}  # the latter opens folders that `datasets` saved
