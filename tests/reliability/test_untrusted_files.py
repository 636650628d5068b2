"""Files that strangers wrote: nothing in them is run, and nothing is unpacked beyond its folder."""

import gzip
import io
import json
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import small, write_encoder
from tests.data.test_download import Answer, archive_settings, serve
from tests.reliability.stages import run, run_convert, run_prepare
from whypretrain.data import download as fetch
from whypretrain.data.download import FetchError
from whypretrain.networks.build import build
from whypretrain.settings.fetch import FetchSettings, Hub
from whypretrain.settings.training import Recipe, TrainSettings
from whypretrain.stages import train

RESNET = small("whypretrain_resnet")


class Payload:
    """Unpickled, it makes a folder."""

    def __init__(self, pwned: Path) -> None:
        self.pwned = pwned

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.pwned),)


@pytest.fixture
def pwned(tmp_path: Path) -> Path:
    """What a payload makes; the payload works."""
    path = tmp_path / "pwned"
    buffer = io.BytesIO()
    torch.save(Payload(path), buffer)
    buffer.seek(0)
    torch.load(buffer, weights_only=False)
    assert path.exists()
    path.rmdir()
    return path


@pytest.mark.parametrize("name", ["w.pt", "w.bin", "w.pth", "w.ckpt", "w.safetensors", "w"])
def test_pickled_weights_are_not_read(name: str, pwned: Path, tmp_path: Path) -> None:
    torch.save(Payload(pwned), tmp_path / name)
    assert "cannot be read as weights" in run_convert(tmp_path / "out", RESNET, tmp_path / name)
    assert not pwned.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors", "model.pt"])
def test_a_folder_of_pickled_weights_is_not_read(name: str, pwned: Path, tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    (tmp_path / "bert" / "model.safetensors").unlink()
    torch.save(Payload(pwned), tmp_path / "bert" / name)
    target = encoder.model_copy(update={"folder": str(tmp_path / "out")})
    assert "no transformers model" in run_convert(tmp_path / "out", target, tmp_path / "bert")
    assert "cannot be read" in run_convert(tmp_path / "out", RESNET, tmp_path / "bert")
    assert not pwned.exists()


@pytest.mark.parametrize("key", ["checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay"])
def test_a_description_of_weights_names_no_pickle(key: str, pwned: Path, tmp_path: Path) -> None:
    torch.save(Payload(pwned), tmp_path / "w.pt")
    folder = tmp_path / "net"
    folder.mkdir()
    save_file(build(RESNET, 3).state_dict(), folder / "model.safetensors")
    evil = str(tmp_path / "w.pt")
    value = evil if key == "checkpoint_path" else {"file": evil}
    described = {"architecture": RESNET.timm, "model_args": {key: value, "pretrained": True}}
    (folder / "config.json").write_text(json.dumps(described))
    assert run_convert(tmp_path / "out", RESNET, folder) == ""  # as if they were not there
    assert not pwned.exists()


def test_an_encoders_own_code_is_not_run(pwned: Path, tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    code = f"import os\nos.mkdir({str(pwned)!r})\nclass Evil: pass\n"
    (tmp_path / "bert" / "evil.py").write_text(code)
    kinds = {
        "AutoConfig": "evil.Evil",
        "AutoModel": "evil.Evil",
        "AutoTokenizer": ["evil.Evil"] * 2,
    }
    for file in ("config.json", "tokenizer_config.json"):
        path = tmp_path / "bert" / file
        path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": kinds}))
    target = encoder.model_copy(update={"folder": str(tmp_path / "out")})
    run_convert(tmp_path / "out", target, tmp_path / "bert")
    config = tmp_path / "bert" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "unheard_of"}))
    assert run_convert(tmp_path / "out", target, tmp_path / "bert")
    assert not pwned.exists()


def test_a_checkpoint_that_is_a_payload_is_not_run(
    pwned: Path, digits_folder: Path, tmp_path: Path
) -> None:
    partial = tmp_path / "run" / ".history.partial"
    partial.mkdir(parents=True)
    torch.save(Payload(pwned), partial / "checkpoint.pt")
    recipe = Recipe(epochs=1, batch_size=6)
    settings = TrainSettings(
        architecture=RESNET, variant="scratch", recipe=recipe, snapshots=[0, 1], seed=0
    )
    paths = [f"--{split}={digits_folder / split}.parquet" for split in ("train", "test")]
    assert run(train.main, settings, ["--folder", tmp_path / "run", *paths]) == ""
    assert not pwned.exists()


def test_pickles_within_tables_are_not_run(pwned: Path, tmp_path: Path) -> None:
    import pickle

    payload = pickle.dumps(Payload(pwned))
    metadata = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": payload,
    }
    field = pyarrow.field("sentence", pyarrow.string(), metadata=metadata)
    schema = pyarrow.schema([field, ("label", pyarrow.int64())])
    table = pyarrow.table([["a", "b"], [0, 1]], schema=schema)
    for split in ("train", "test"):
        pyarrow.parquet.write_table(table, tmp_path / f"{split}.parquet")
    run_prepare(tmp_path / "out", source="parquet", path=str(tmp_path), task="text")
    np.save(tmp_path / "train.npy", np.array([Payload(pwned)], dtype=object), allow_pickle=True)
    (tmp_path / "x.jsonl").write_bytes(payload)
    for name in ("train.npy", "x.jsonl"):
        table = {"train": name, "test": "x.csv", "path": str(tmp_path)}
        assert run_prepare(tmp_path / "out", source="text_table", **table)
    assert not pwned.exists()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> bytes:
    """The header of a file in an archive; what it promises need not follow."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info.tobuf()


END = bytes(1024)
FULL = member("a", size=2048) + np.random.default_rng(0).bytes(2048) + END
# (what is wrong, the archive, what `fetch` ends with)
ARCHIVES: list[tuple[str, bytes, str]] = [
    ("a path up the tree", member("../pwned") + END, "outside the destination"),
    ("a path up the tree within", member("a/../../pwned") + END, "outside the destination"),
    ("a link out", member("a", tarfile.SYMTYPE, "../..") + END, "neither file nor folder"),
    ("a link within", member("a", tarfile.SYMTYPE, "b") + END, "neither file nor folder"),
    ("a hard link", member("a", tarfile.LNKTYPE, "/etc/passwd") + END, "neither file nor folder"),
    ("a device", member("a", tarfile.CHRTYPE) + END, "neither file nor folder"),
    ("a pipe", member("a", tarfile.FIFOTYPE) + END, "neither file nor folder"),
    ("a promise of terabytes", member("a", size=10**15) + END, "disk full: 1000000.00 GB"),
    ("a record of being complete", member("fetched.json") + END, "a file named 'fetched.json'"),
    ("notes of a download", member(".cache/x") + END, "a file named '.cache'"),
    ("a damaged header", b"x" * 512 + END, "no tar archive that can be unpacked"),
    ("a gzip without content", b"\x1f\x8b\x08" + bytes(20), "no tar archive that can be unpacked"),
    ("half a gzip", gzip.compress(FULL)[:-800], "no tar archive that can be unpacked"),
    ("half an xz", lzma.compress(FULL)[:-800], "no tar archive that can be unpacked"),
    ("nothing", b"", "no tar archive that can be unpacked"),
]


@pytest.mark.parametrize(
    ("content", "message"), [c[1:] for c in ARCHIVES], ids=[c[0] for c in ARCHIVES]
)
def test_an_archive_leaves_nothing_and_is_named(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, Answer(content))
    folder = tmp_path / "a" / "folder"
    with pytest.raises(FetchError) as caught:
        fetch.fetch(archive_settings(content), folder)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", folder]


def test_an_absolute_name_stays_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = member(f"{tmp_path}/pwned") + END
    serve(monkeypatch, Answer(content))
    fetch.fetch(archive_settings(content), tmp_path / "folder")
    assert not (tmp_path / "pwned").exists()
    assert len(list((tmp_path / "folder").rglob("pwned"))) == 1


def test_an_unpacking_that_is_cut_off_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = member("birds/a.txt") + member("birds/b.txt") + END
    serve(monkeypatch, Answer(content))
    fetch.fetch(archive_settings(content), tmp_path)
    extract = tarfile.TarFile._extract_one  # type: ignore[attr-defined]

    def cut_off(self: tarfile.TarFile, one: tarfile.TarInfo, *rest: Any, **more: Any) -> None:
        if one.name.endswith("b.txt"):
            raise KeyboardInterrupt
        extract(self, one, *rest, **more)

    monkeypatch.setattr(tarfile.TarFile, "_extract_one", cut_off)
    serve(monkeypatch, Answer(content))
    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(archive_settings(content), tmp_path)
    assert not (tmp_path / "fetched.json").exists()
    assert not (tmp_path / ".unpacked").exists()


# Names of files that a hub may claim to have.
CLAIMED = ["../pwned", "/etc/pwned", "a/../../pwned", "fetched.json", ".cache/x", "..", ""]


@pytest.mark.parametrize("name", CLAIMED)
def test_names_of_a_hub_stay_within(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pwned").write_text("mine")
    asked: list[Callable[..., Any]] = []
    files = [SimpleNamespace(rfilename=name, size=1, lfs=None, blob_id="0" * 40)]
    hub = SimpleNamespace(repo_info=lambda *_, **__: SimpleNamespace(siblings=files))
    monkeypatch.setattr(fetch, "HfApi", lambda: hub)
    monkeypatch.setattr(fetch, "snapshot_download", lambda *_, **__: asked.append(print))
    repository = Hub(repo="someone/pets", revision="0" * 40, files=["*"])
    settings = FetchSettings(path_key="datasets.pets.path", hub=repository)
    with pytest.raises(FetchError, match="which is not taken"):
        fetch.fetch(settings, tmp_path / "folder")
    assert not asked
    assert (tmp_path / "pwned").read_text() == "mine"
