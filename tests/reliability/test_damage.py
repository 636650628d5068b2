"""Damaged artifacts: found when read, named with path and mending command, never used silently."""

import random
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import small
from tests.networks import test_train as test_training
from tests.project import TINY_RUNS, Project
from tests.reliability.contradictions import CONTRADICTIONS
from tests.reliability.formats import DOWNLOAD, EXPERIMENT, READERS, RUN, SUMMED, write_all
from whypretrain.data.table import Split
from whypretrain.files.artifacts import FETCHED, ArtifactError, sidecar, verified
from whypretrain.networks import train as training
from whypretrain.settings.interactions import Extraction, ExtractSettings
from whypretrain.stages import extract

Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, Damage] = {
    "cut in half": lambda whole: whole[: len(whole) // 2].rstrip(b"\n"),
    "empty": lambda _: b"",
    "its last byte missing": lambda whole: whole[:-1],
    "a bit of its middle flipped": lambda whole: _flipped(whole, len(whole) // 2, 3),
    "its first bytes zero": lambda whole: bytes(64) + whole[64:],
    "longer": lambda whole: whole + bytes(16),
    "another file": lambda _: b"experiment,sample\n1,2\n",
}
SEEN_UNSUMMED = ("cut in half", "empty", "its first bytes zero")
"""Damages that are found without a checksum too."""
CASES = [
    *((name, damage, True) for name in READERS for damage in DAMAGES),
    *(
        (name, damage, False)
        for name in SUMMED
        for damage in SEEN_UNSUMMED
        # Of the test split, `knowledge` reads but the footer, which says how many rows there are.
        if (name, damage) != ("results/datasets/images/test.parquet", "its first bytes zero")
    ),
]
"""A file, its damage, and whether its sidecar is there."""


def _flipped(whole: bytes, at: int, bit: int) -> bytes:
    flipped = bytearray(whole)
    flipped[at] ^= 1 << bit
    return bytes(flipped)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files, never damaged."""
    folder = tmp_path_factory.mktemp("written")
    write_all(folder)
    return folder


@pytest.fixture
def files(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, as the current folder."""
    shutil.copytree(written, tmp_path / "a project")
    monkeypatch.chdir(tmp_path / "a project")
    return tmp_path / "a project"


def refused(name: str, why: str = "") -> str:
    """Read a file that must be refused; returns the message after checking what it says."""
    with pytest.raises(ArtifactError) as caught:
        READERS[name](Path(name))
    message = str(caught.value)
    assert "\n" not in message
    assert re.search(why, message), message
    named, _, command = message.partition("; mend it with: ")
    # Of a text model's folder all files are made together.
    assert named.startswith((f"{name}: ", f"{Path(name).parent}: ")), message
    removed, _, made = command.partition(" && snakemake --cores all ")
    assert shlex.split(removed)[:2] == ["rm", "-rf"]
    assert shlex.split(made)[0] in shlex.split(removed)
    return message


@pytest.mark.parametrize("name", READERS)
@pytest.mark.usefixtures("files")
def test_whole_files_are_read_with_and_without_their_sums(name: str) -> None:
    READERS[name](Path(name))
    sidecar(Path(name)).unlink(missing_ok=True)
    READERS[name](Path(name))


@pytest.mark.parametrize(("name", "damage", "summed"), CASES)
@pytest.mark.usefixtures("files")
def test_damage_is_found_when_read(name: str, damage: str, summed: bool) -> None:
    path = Path(name)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    if not summed:
        sidecar(path).unlink()
    refused(name, "SHA-256" if summed else "")


@pytest.mark.parametrize("name", READERS)
@pytest.mark.usefixtures("files")
def test_a_missing_file_is_named(name: str) -> None:
    Path(name).unlink()
    refused(name)


@pytest.mark.parametrize(("name", "contradict", "why"), CONTRADICTIONS)
@pytest.mark.usefixtures("files")
def test_a_whole_file_with_wrong_contents_is_refused(
    name: str, contradict: Callable[[Path], None], why: str
) -> None:
    contradict(Path(name))
    sidecar(Path(name)).unlink(missing_ok=True)
    refused(name, why)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.campaign
def test_any_flipped_bit_is_found(name: str, written: Path) -> None:
    """All bits of small files, else those of the first and last bytes and many between."""
    whole = (written / name).read_bytes()
    bits = range(8 * len(whole))
    drawn = random.Random(0)
    chosen = [*bits[:64], *bits[-64:], *drawn.sample(bits, min(len(bits), 50))]
    path = written / name
    try:
        for bit in chosen:
            path.write_bytes(_flipped(whole, bit // 8, bit % 8))
            with pytest.raises(ArtifactError):
                verified(path) if name in SUMMED else READERS[name](path)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", SUMMED)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
@pytest.mark.campaign
def test_a_flipped_bit_without_its_sum_is_refused_or_read_but_nothing_else(
    name: str, files: Path, data: st.DataObject
) -> None:
    """Not every flip can be found then (a digit of a table, a weight), but none breaks the reader.

    Where a reader fails in another way than by its one error, this test fails.
    """
    path = files / name
    sidecar(path).unlink(missing_ok=True)
    whole = path.read_bytes()
    # Half of them in the first 4 KiB, where formats keep what they are about.
    most = data.draw(st.sampled_from([min(len(whole), 4096), len(whole)]))
    at, bit = data.draw(st.integers(0, most - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(_flipped(whole, at, bit))
    try:
        READERS[name](path)
    except ArtifactError as error:
        assert "mend it with: rm -rf" in str(error)  # noqa: PT017  (it may pass as well)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("content", [b"", b"abc  samples.h5\n", bytes(80)])
@pytest.mark.usefixtures("files")
def test_a_damaged_sum_is_damage_too(content: bytes) -> None:
    name = f"{EXPERIMENT}/samples.h5"
    sidecar(Path(name)).write_bytes(content)
    refused(name, "SHA-256")


def test_sums_are_what_sha256sum_reads(files: Path) -> None:
    sums = [path for path in files.rglob(".*.sha256") if "results" in path.parts]
    assert len(sums) >= len(SUMMED) - 1
    for path in sums:
        command = ["sha256sum", "--check", "--strict", "--quiet", path.name]
        subprocess.run(command, cwd=path.parent, check=True)


@pytest.mark.usefixtures("files")
def test_a_lost_download_is_named_and_one_of_an_earlier_version_is_taken() -> None:
    record = Path(DOWNLOAD, FETCHED)
    Path(DOWNLOAD, "deep/model.safetensors").unlink()
    refused(f"{DOWNLOAD}/deep/model.safetensors", "it is missing")
    record.write_text('{"url": "https://x", "contents": {"n_files": 1}}')
    sidecar(record).unlink()
    READERS[f"{DOWNLOAD}/{FETCHED}"](record)


# What is damaged, the file whose making reads it, and the rules that may run to make that.
MENDED = [
    ("results/datasets/tiny_downstream/test.parquet", "results/experiments/tiny/samples.csv"),
    ("results/experiments/tiny/samples.h5", "results/experiments/tiny/players"),
    (
        f"results/runs/{TINY_RUNS}/finetune-tiny-seed0/snapshot-0.5000.safetensors",
        "results/experiments/tiny/finetune.h5",
    ),
    (
        "results/experiments/tiny/scratch.h5",
        "results/experiments/tiny/tables/jaccard.csv",
    ),
    ("results/experiments/tiny/summary.csv", "results/figures/tiny/fig2.pdf"),
]


@pytest.fixture(scope="module")
def damaged_project(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged") / "project"
    shutil.copytree(project.folder, folder, symlinks=True)
    return folder


@pytest.mark.parametrize(("name", "target"), MENDED)
def test_the_printed_command_mends_it(
    name: str, target: str, damaged_project: Path, project: Project
) -> None:
    """In the workflow: the job fails with the message, its command is run as it stands."""
    path = damaged_project / name
    whole = path.read_bytes()
    path.write_bytes(_flipped(whole, len(whole) // 2, 0))
    # As a user has it who followed the README.
    shell = "set -e; PATH={}:$PATH; {}"
    python = shlex.quote(str(Path(sys.executable).parent))

    def run(command: str) -> tuple[int, str]:
        result = subprocess.run(
            ["bash", "-c", shell.format(python, command)],
            cwd=damaged_project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return result.returncode, result.stdout

    make = f"snakemake --configfile tiny.yaml --cores 2 {target}"
    code, printed = run(make)
    assert code != 0
    commands = set(re.findall(rf"^error: {name}: damaged: .*; mend it with: (.*)$", printed, re.M))
    assert len(commands) == 1, printed
    assert "Traceback" not in printed
    code, printed = run(commands.pop())
    assert code == 0, printed
    assert path.read_bytes() == whole
    code, printed = run(make)
    assert code == 0, printed
    for found in (path, damaged_project / target):
        undisturbed = project.folder / found.relative_to(damaged_project)
        for one in [found] if found.is_file() else sorted(found.iterdir()):
            if one.name != ".snakemake_timestamp":
                same = undisturbed if found.is_file() else undisturbed / one.name
                assert one.read_bytes() == same.read_bytes(), one


@pytest.mark.parametrize("name", ["0.0.safetensors", "1.0.safetensors", "checkpoint.pt"])
@pytest.mark.parametrize("damage", ["a bit of its middle flipped", "empty", None])
def test_what_a_killed_training_left_is_checked_before_it_is_used(
    name: str,
    damage: str | None,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Damaged or (None) deleted, it is made anew; at the latest when run once more."""
    test_training.run(tmp_path / "undisturbed", digits)
    with monkeypatch.context() as killing:
        killing.setattr(training, "CHECKPOINT_INTERVAL", -1.0, raising=False)
        killing.setenv("WHYPRETRAIN_CHECKPOINT_SECONDS", "0")
        killing.setattr("whypretrain.networks.train.shutil.copyfile", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            test_training.run(tmp_path / "killed", digits)
    left = tmp_path / "killed/.history.partial" / name
    if damage is None:
        left.unlink()
    else:
        left.write_bytes(DAMAGES[damage](left.read_bytes()))
    try:
        test_training.run(tmp_path / "killed", digits)
    except ArtifactError as error:
        assert "damaged or gone since it was written; run again" in str(error)  # noqa: PT017
        test_training.run(tmp_path / "killed", digits)
    for path in (tmp_path / "undisturbed").iterdir():
        assert (tmp_path / "killed" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.usefixtures("files")
def test_damaged_interactions_are_said_and_computed_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ExtractSettings(
        architecture=small("whypretrain_resnet"), background="keep", extraction=Extraction()
    ).to_json()
    path = Path("results/out/interactions.h5")
    command = ["extract", "--settings", arguments, "--samples", f"{EXPERIMENT}/samples.h5"]
    command += ["--weights", f"{RUN}/snapshot-1.0000.safetensors", "--interactions", str(path)]
    monkeypatch.setattr(sys, "argv", command)
    extract.main()
    whole = path.read_bytes()
    path.write_bytes(_flipped(whole, len(whole) // 2, 1))
    extract.main()
    assert path.read_bytes() == whole
    printed = capsys.readouterr().err
    assert f"{path}: damaged" in printed
    assert f"{path}: computing it anew" in printed
