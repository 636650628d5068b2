"""The record: what goes in comes out, h5py alone reads it, and damage is named."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from whypretrain.data.samples import Sample, Samples
from whypretrain.files.artifacts import ArtifactError, sidecar
from whypretrain.interactions.record import (
    FORMAT,
    Record,
    new_record,
    read_record,
    write_record,
)

ATTRIBUTES = {"versions": {"numpy": "2"}, "weights_digests": ["a", "b"]}


def record(*, texts: bool = False) -> Record:
    generator = np.random.default_rng(0)
    samples = []
    for position, name in enumerate(["b/1.png", "a"]):
        tokens = np.array([0, 1, 2, -1][: 4 - position], dtype=np.int16)
        players = tokens if texts else np.array([[0, 1], [2, -1]], dtype=np.int16)
        inputs = np.zeros(players.shape)
        samples.append(Sample(name, 1, inputs, inputs, players, [], []))
    return new_record(
        Samples(["x", "y", "z"], 3, samples),
        fractions=[0.5, 1.0],
        epochs=[5.0, np.nan],
        outputs=generator.normal(size=(2, 2, 8)),
        logits=generator.normal(size=(2, 2, 3)).astype(np.float32),
        noise_floor=np.ones((2, 4)),
        digests=[["d00", "d01"], ["d10", "d11"]],
    )


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "finetune.h5"
    write_record(path, record(), ATTRIBUTES)
    return path


@pytest.mark.parametrize("texts", [False, True])
def test_round_trip_keeps_everything(tmp_path: Path, texts: bool) -> None:
    expected = record(texts=texts)
    write_record(tmp_path / "r.h5", expected, {})
    found = read_record(tmp_path / "r.h5")
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), value)
    assert found.fits(expected)
    assert [len(found.players_of(i)) for i in (0, 1)] == ([4, 3] if texts else [2, 2])


def test_what_follows_from_the_arrays() -> None:
    whole, last = record(), record().at(-1)
    assert whole.n_players == 3
    assert last.outputs.shape == (1, 2, 8)
    assert np.shares_memory(last.at(0).outputs, last.outputs)
    np.testing.assert_array_equal(last.losses, whole.losses[1:])
    np.testing.assert_array_equal(whole.correct, whole.logits.argmax(axis=2) == 1)
    probabilities = np.exp(whole.logits.astype(float))
    probabilities /= probabilities.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(whole.losses, -np.log(probabilities[..., 1]))
    assert np.abs(whole.residuals).max() < 1e-12


def test_h5py_alone_reads_it_as_documented(stored: Path) -> None:
    with h5py.File(stored) as file:
        assert file.attrs["format"] == FORMAT
        assert file.attrs["weights_digests"] == '["a", "b"]'
        assert file["samples"].asstr()[:].tolist() == ["b/1.png", "a"]
        assert file["outputs"].shape == file["interactions"].shape == (2, 2, 8)
        assert set(file) == {name for name, value in vars(record()).items() if value is not None}


def test_same_input_same_bytes(stored: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.h5"
    write_record(again, record(), ATTRIBUTES)
    assert again.read_bytes() == stored.read_bytes()


def test_damage_is_named_with_its_path_and_remedy(stored: Path) -> None:
    whole = stored.read_bytes()
    stored.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        ArtifactError,
        match=r"finetune\.h5: damaged: .*; mend it with: rm -rf .*\.h5 && snakemake",
    ):
        read_record(stored)
    sidecar(stored).unlink()
    with pytest.raises(ArtifactError, match="not a file of interactions"):
        read_record(stored)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("outputs", np.nan, "outputs: numbers that are not finite"),
        ("logits", np.inf, "logits: numbers that are not finite"),
        ("interactions", 3.0, "its numbers contradict each other"),
        ("labels", 3, "its numbers contradict each other"),
        ("fractions", 1.5, "its numbers contradict each other"),
        ("epochs", -1.0, "its numbers contradict each other"),
        ("players", 3, "its numbers contradict each other"),
        ("samples", "a", "one sample twice"),
    ],
)
def test_contradictions_are_refused(stored: Path, name: str, value: Any, said: str) -> None:
    with h5py.File(stored, "r+") as file:
        file[name][(0,) * file[name].ndim] = value
    sidecar(stored).unlink()
    with pytest.raises(ArtifactError, match=said):
        read_record(stored)


def test_arrays_of_other_shapes_are_refused(stored: Path) -> None:
    with h5py.File(stored, "r+") as file:
        del file["noise_floor"]
        file["noise_floor"] = np.zeros((2, 5))
    sidecar(stored).unlink()
    with pytest.raises(ArtifactError, match=r"noise_floor: float64 of shape \(2, 5\), not"):
        read_record(stored)


def test_another_format_is_refused(stored: Path) -> None:
    with h5py.File(stored, "r+") as file:
        file.attrs["format"] = "whypretrain-interactions-1"
    sidecar(stored).unlink()
    with pytest.raises(ArtifactError, match=f"expected '{FORMAT}'"):
        read_record(stored)
