"""The HDF5 format: what goes in comes out, and what is damaged is named."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from whypretrain.files.artifacts import ArtifactError, sidecar
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.store import (
    Measurement,
    read_measurements,
    read_spot,
    write_measurements,
)

ATTRIBUTES = {"fraction": 0.5, "epoch": 10.0, "versions": {"numpy": "2"}}


def measurement(name: str, seed: int) -> Measurement:
    outputs = np.random.default_rng(seed).normal(size=8)
    return Measurement(
        sample=name,
        label=1,
        outputs=outputs,
        interactions=mobius(outputs),
        players=np.array([[0, 1], [2, -1]], dtype=np.int16),
        logits=np.array([0.1, 0.9, 0.3], dtype=np.float32),
        digest=f"digest of {name}",
    )


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "interactions.h5"
    write_measurements(path, [measurement("b/1.png", 0), measurement("a", 1)], ATTRIBUTES)
    return path


def test_round_trip_keeps_order_and_numbers(stored: Path) -> None:
    first, second = read_measurements(stored)
    assert (first.sample, second.sample) == ("b/1.png", "a")
    expected = measurement("b/1.png", 0)
    for name in ("outputs", "interactions", "players", "logits"):
        np.testing.assert_array_equal(getattr(first, name), getattr(expected, name))
    assert (first.label, first.prediction, first.digest) == (1, 1, "digest of b/1.png")
    assert read_spot(stored) == (0.5, 10.0)


def test_h5py_alone_reads_it_as_documented(stored: Path) -> None:
    with h5py.File(stored) as file:
        assert file.attrs["format"] == "whypretrain-interactions-1"
        groups = file["samples"].values()
        assert {group.attrs["sample"] for group in groups} == {"b/1.png", "a"}
        for group in groups:
            assert group["outputs"].dtype == group["interactions"].dtype == np.float64
            assert group["outputs"].shape == (2 ** group.attrs["n_players"],)
            assert abs(group.attrs["efficiency_residual"]) < 1e-12
            assert {"label", "prediction", "digest"} <= set(group.attrs)


def test_same_input_same_bytes(stored: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.h5"
    write_measurements(again, [measurement("b/1.png", 0), measurement("a", 1)], ATTRIBUTES)
    assert again.read_bytes() == stored.read_bytes()


def test_damage_is_named_with_its_path_and_remedy(stored: Path) -> None:
    whole = stored.read_bytes()
    stored.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        ArtifactError,
        match=r"interactions\.h5: damaged: .*; mend it with: rm -rf .*\.h5 && snakemake",
    ):
        read_measurements(stored)
    sidecar(stored).unlink()
    with pytest.raises(ArtifactError, match="not a file of interactions"):
        read_measurements(stored)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(stored: Path, value: float) -> None:
    with h5py.File(stored, "r+") as file:
        file["samples/a/outputs"][3] = value
    sidecar(stored).unlink()
    with pytest.raises(ArtifactError, match="sample a: numbers that are not finite"):
        read_measurements(stored)


def test_another_format_is_refused(stored: Path) -> None:
    with h5py.File(stored, "r+") as file:
        file.attrs["format"] = "whypretrain-interactions-0"
    sidecar(stored).unlink()
    with pytest.raises(ArtifactError, match="expected 'whypretrain-interactions-1'"):
        read_measurements(stored)
