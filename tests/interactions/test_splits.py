"""AND-OR interactions of a trajectory: each snapshot's own split, and the file that holds them."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.knowledge.records import N_PLAYERS, record
from whypretrain.files.artifacts import ArtifactError, sidecar
from whypretrain.interactions.and_or import split
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.record import Record, write_record
from whypretrain.interactions.sets import joined, outputs_of
from whypretrain.interactions.splits import (
    FORMAT,
    Splits,
    read_either,
    read_splits,
    split_record,
    with_splits,
    write_splits,
)
from whypretrain.knowledge.compared import heard_at

N_SETS = 2**N_PLAYERS + 6 + 4 + 1


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, Splits, Record]:
    own = record(1)
    path = tmp_path / "and_or/finetune.h5"
    write_splits(path, split_record(own), "{}")
    return path, split_record(own), own


def test_every_snapshot_is_split_and_adds_up() -> None:
    own, ticks = record(1), []
    splits = split_record(own, tick=lambda: ticks.append(1))
    found = with_splits(own, splits)
    assert found.interactions.shape == (3, 5, N_SETS)
    np.testing.assert_allclose(outputs_of(found.interactions), own.outputs, atol=1e-12)
    np.testing.assert_allclose(found.residuals, 0, atol=1e-12)
    assert len(ticks) == 3
    for at in range(3):
        alone = split(own.outputs[at])
        expected = joined(alone.interactions_and, alone.interactions_or)
        np.testing.assert_array_equal(found.interactions[at], expected)
        np.testing.assert_array_equal(splits.gap[at], alone.gap)
        np.testing.assert_array_equal(splits.iterations[at], alone.iterations)
    np.testing.assert_array_equal(own.interactions, mobius(own.outputs))


def test_what_a_split_leaves_open_counts_as_none() -> None:
    own = record(1)
    planted = np.zeros(N_SETS)
    planted[[3, 9, 17, 20]] = 2.0, -1.0, 3.0, 0.5  # two AND and two OR interactions
    own = replace(own, outputs=np.broadcast_to(outputs_of(planted), own.outputs.shape).copy())
    splits = split_record(own)
    found = with_splits(own, splits)
    floor = found.noise_floor[-1]
    open_ones = (splits.objective[-1] - splits.bound[-1]) / 15
    np.testing.assert_array_equal(splits.resolution[-1], open_ones)
    assert (floor == open_ones.max()).all()
    assert 0 < floor[0] < 1e-3
    heard = heard_at(found, -1)
    np.testing.assert_allclose(heard, np.broadcast_to(planted, heard.shape), atol=3 * floor[0])
    assert (heard[:, planted != 0] != 0).all()
    assert ((heard != 0).sum(axis=1) < 10).all()
    assert (found.interactions[-1, :, 1:] != 0).all()
    loud = replace(own, noise_floor=np.full_like(own.noise_floor, 0.5))
    np.testing.assert_array_equal(with_splits(loud, splits).noise_floor, loud.noise_floor)


def test_the_solver_ends_where_it_is_told() -> None:
    splits = split_record(record(1), tolerance=1e-9, max_iterations=5)
    assert splits.gap.max() > 1e-9
    assert splits.iterations.max() == 5


def test_a_file_keeps_everything(stored: tuple[Path, Splits, Record]) -> None:
    path, expected, own = stored
    found = read_splits(path, own)
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), value)
    with h5py.File(path) as file:
        assert file.attrs["format"] == FORMAT
        assert set(file) == set(vars(expected))


def test_a_record_is_read_with_either_kind(
    stored: tuple[Path, Splits, Record], tmp_path: Path
) -> None:
    path, expected, own = stored
    write_record(tmp_path / "finetune.h5", own, {})
    harsanyi = read_either(tmp_path / "finetune.h5", None)
    np.testing.assert_array_equal(harsanyi.interactions, own.interactions)
    and_or = read_either(tmp_path / "finetune.h5", path)
    np.testing.assert_array_equal(and_or.interactions, expected.interactions)


@pytest.mark.parametrize("field", ["interactions", "objective", "bound", "iterations"])
def test_numbers_that_contradict_each_other_are_refused(
    stored: tuple[Path, Splits, Record], field: str
) -> None:
    path, _, own = stored
    with h5py.File(path, "r+") as file:
        file[field][0, 0] = -file[field][0, 0] - 1
    sidecar(path).unlink()
    with pytest.raises(ArtifactError, match="contradict each other"):
        read_splits(path, own)


def test_those_of_other_measurements_are_refused(stored: tuple[Path, Splits, Record]) -> None:
    path, _, own = stored
    anew = replace(own, digests=np.full_like(own.digests, "1"))
    with pytest.raises(ArtifactError, match=r"other measurements.*mend it with: rm -rf"):
        read_splits(path, anew)
    with pytest.raises(ArtifactError, match="other measurements"):
        read_splits(path, own.at(-1))
