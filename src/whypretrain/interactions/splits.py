"""The AND-OR interactions of one trajectory: those of all its snapshots and samples, in one file.

The HDF5 file `results/experiments/<experiment>/and_or/<variant>.h5` is made from the trajectory's
record and holds one dataset for each field of :class:`Splits`, under the same name. With m
snapshots, s samples and n players:

============== =================== ======= ========================================================
dataset        shape               type    content
============== =================== ======= ========================================================
`interactions` (m, s, n_sets)      float64 nats; :mod:`whypretrain.interactions.sets` says of what
`objective`    (m, s)              float64 strength of all sets but the empty one, in nats
`bound`        (m, s)              float64 no split has less strength, in nats
`iterations`   (m, s)              int64   of the solver
`digests`      (m, s)              UTF-8   of the measurements, as in the record
============== =================== ======= ========================================================

Attributes of the file: `format`, and `settings` of the stage `decompose`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from whypretrain.files.artifacts import damaged, reading, written_hdf5
from whypretrain.interactions.and_or import relative_gap, split
from whypretrain.interactions.record import ROUNDING, Record, read_record
from whypretrain.interactions.sets import joined, outputs_of, players_of

Array = NDArray[np.float64]
FORMAT = "whypretrain-and-or-1"
AND_OR = "and_or"
"""The folder of these files in that of an experiment."""


@dataclass(frozen=True)
class Splits:
    """AND-OR interactions of one trajectory; the module's table gives the fields' shapes, types."""

    interactions: Array
    objective: Array
    bound: Array
    iterations: NDArray[np.int64]
    digests: NDArray[np.str_]

    @property
    def gap(self) -> Array:
        """By what share of itself a strength may exceed the least: (n_snapshots, n_samples)."""
        return relative_gap(self.objective, self.bound)

    @property
    def resolution(self) -> Array:
        """Strength that counts as none, as a split ended before it was 0, in nats.

        The strength of all sets may exceed the least by objective - bound. It is shared out alike
        among as many interactions as a sparsest split may need, which is one for each output but
        v(∅). This is a convention; a single interaction has no bound, as the sparsest split is not
        unique. Of shape (n_snapshots, n_samples).
        """
        return (self.objective - self.bound) / ((1 << players_of(self.interactions.shape[-1])) - 1)


def split_record(
    record: Record,
    *,
    tolerance: float = 1e-4,
    max_iterations: int = 20000,
    tick: Callable[[], None] = lambda: None,
) -> Splits:
    """Split the outputs of every snapshot and sample, see :func:`whypretrain.interactions.and_or`.

    Parameters
    ----------
    tick : called after each snapshot

    Raises
    ------
    ValueError
        If there is no player.
    """
    found = []
    for outputs in record.outputs:
        one = split(outputs, tolerance=tolerance, max_iterations=max_iterations)
        interactions = joined(one.interactions_and, one.interactions_or)
        found.append((interactions, one.objective, one.bound, one.iterations))
        tick()
    interactions, objective, bound, iterations = map(np.stack, zip(*found, strict=True))
    return Splits(interactions, objective, bound, iterations, record.digests)


def with_splits(record: Record, splits: Splits) -> Record:
    """A record with AND-OR interactions in place of its Harsanyi ones.

    Its noise floor is never below what the splits leave open, see :attr:`Splits.resolution`.
    """
    floor = np.maximum(record.noise_floor, splits.resolution.max(axis=1)[:, None])
    return replace(record, interactions=splits.interactions, noise_floor=floor)


def write_splits(path: Path, splits: Splits, settings: str) -> None:
    """Write one trajectory's AND-OR interactions; `settings` is stored with them."""
    with written_hdf5(path) as file:
        file.attrs["format"], file.attrs["settings"] = FORMAT, settings
        for name, value in vars(splits).items():
            kind = h5py.string_dtype() if name == "digests" else None
            file.create_dataset(name, data=value.astype(object) if kind else value, dtype=kind)


def holds_splits(path: Path) -> bool:
    """Whether a file holds AND-OR interactions, by its format."""
    try:
        with h5py.File(path) as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


def read_splits(path: Path, record: Record) -> Splits:
    """Read AND-OR interactions of a record.

    Raises
    ------
    ArtifactError
        If the file is damaged, has another format, or is of other measurements than the record.
    """
    with reading(path, "a file of AND-OR interactions"):
        with h5py.File(path) as file:
            if (found := file.attrs.get("format")) != FORMAT:
                message = f"format '{found}', expected '{FORMAT}'"
                raise ValueError(message)
            values = {
                one.name: file[one.name].asstr()[:] if one.name == "digests" else file[one.name][:]
                for one in fields(Splits)
            }
        splits = Splits(**values)
        if not np.array_equal(splits.digests, record.digests):
            raise damaged(path, "it is of other measurements than the record of this network")
        _check(splits, record)
    return splits


def read_either(path: Path, splits: Path | None) -> Record:
    """Read a record; with AND-OR interactions, where their file is given.

    Raises
    ------
    ArtifactError
        As :func:`read_splits`, or if the record is damaged.
    """
    record = read_record(path)
    return record if splits is None else with_splits(record, read_splits(splits, record))


def _check(splits: Splits, record: Record) -> None:
    """Raise ValueError if the file contradicts itself or its record."""
    both, n_sets = record.digests.shape, splits.interactions.shape[-1]
    expected = {
        "interactions": (np.float64, (*both, n_sets)),
        "objective": (np.float64, both),
        "bound": (np.float64, both),
        "iterations": (np.int64, both),
    }
    for name, (dtype, shape) in expected.items():
        array = getattr(splits, name)
        if array.dtype != dtype or array.shape != shape:
            message = f"{name}: {array.dtype} of shape {array.shape}, not {shape}"
            raise ValueError(message)
    n_players = record.n_players
    strength = np.abs(splits.interactions[..., 1:]).sum(axis=-1)
    scale = np.abs(record.outputs).max(axis=-1) + strength
    is_split = n_sets == (1 << n_players + 1) - n_players - 1
    # One snapshot at a time: a transform of all would double the memory. NaN fits nothing.
    if not is_split or not (
        all(
            (np.abs(outputs_of(own) - outputs).max(axis=-1) <= ROUNDING * largest).all()
            for own, outputs, largest in zip(
                splits.interactions, record.outputs, scale, strict=True
            )
        )
        and (np.abs(strength - splits.objective) <= ROUNDING * scale).all()
        and ((splits.bound >= 0) & (splits.bound <= splits.objective)).all()
        and (splits.iterations >= 0).all()
    ):
        message = "its numbers contradict each other, or the record"
        raise ValueError(message)
