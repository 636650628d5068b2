"""The HDF5 format of interactions: one file a model, one group a sample. See docs/formats.md."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from whypretrain.artifacts import ArtifactError, atomic_path

FORMAT = "whypretrain-interactions-1"


@dataclass(frozen=True)
class Measurement:
    """One sample under one model.

    `outputs` and `interactions` have shape (2**n_players,), float64; `players` (height, width),
    int16, -1 for no player; `logits` (n_classes,), float32, on the unmasked image. `noise_floor`,
    (n_players + 1,), float64, is measured on one sample of a file: what rounding makes of each
    order.
    """

    sample: str
    label: int
    outputs: NDArray[np.float64]
    interactions: NDArray[np.float64]
    players: NDArray[np.int16]
    logits: NDArray[np.float32]
    digest: str
    noise_floor: NDArray[np.float64] | None = None

    @property
    def prediction(self) -> int:
        """The predicted class on the unmasked image."""
        return int(self.logits.argmax())

    @property
    def efficiency_residual(self) -> float:
        """Sum over S of I(S), minus v(N): zero but for rounding."""
        return float(self.interactions.sum() - self.outputs[-1])


def write_measurements(
    path: Path, measurements: Iterable[Measurement], attributes: dict[str, Any]
) -> None:
    """Write the file of one model whole, replacing what stood there."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        for name, value in sorted(attributes.items()):
            file.attrs[name] = json.dumps(value) if isinstance(value, dict) else value
        order = []
        for item in measurements:
            order.append(item.sample)
            group = file.create_group(_group_name(item.sample))
            group["outputs"] = item.outputs
            group["interactions"] = item.interactions
            group["logits"] = item.logits
            group.create_dataset("players", data=item.players, compression="gzip")
            if item.noise_floor is not None:
                group["noise_floor"] = item.noise_floor
            group.attrs["sample"] = item.sample
            group.attrs["label"] = item.label
            group.attrs["prediction"] = item.prediction
            group.attrs["n_players"] = len(item.outputs).bit_length() - 1
            group.attrs["efficiency_residual"] = item.efficiency_residual
            group.attrs["digest"] = item.digest
        file.attrs["samples"] = json.dumps(order)


def read_measurements(path: Path) -> list[Measurement]:
    """Read all samples of one model, in the order of the experiment's samples.

    Raises
    ------
    ArtifactError
        If the file is damaged, of another format, or holds numbers that are not finite.
    """
    try:
        with h5py.File(path) as file:
            if file.attrs["format"] != FORMAT:
                message = f"format '{file.attrs['format']}', expected '{FORMAT}'"
                raise ValueError(message)
            names = json.loads(file.attrs["samples"])
            return [_read_group(file[_group_name(name)]) for name in names]
    except (OSError, KeyError, ValueError, TypeError) as error:
        message = f"{path}: not a file of interactions ({error}); delete it and run snakemake again"
        raise ArtifactError(message) from error


def read_spot(path: Path) -> tuple[float, float]:
    """Where in training the model stood: fraction of the run, and epoch (NaN for the probe)."""
    with h5py.File(path) as file:
        return float(file.attrs["fraction"]), float(file.attrs["epoch"])


def _read_group(group: h5py.Group) -> Measurement:
    item = Measurement(
        sample=str(group.attrs["sample"]),
        label=int(group.attrs["label"]),
        outputs=group["outputs"][:],
        interactions=group["interactions"][:],
        players=group["players"][:],
        logits=group["logits"][:],
        digest=str(group.attrs["digest"]),
        noise_floor=group["noise_floor"][:] if "noise_floor" in group else None,
    )
    n_coalitions = 1 << int(group.attrs["n_players"])
    if item.outputs.shape != (n_coalitions,) or item.interactions.shape != (n_coalitions,):
        message = f"sample {item.sample}: arrays are not of length {n_coalitions}"
        raise ValueError(message)
    if not (np.isfinite(item.outputs).all() and np.isfinite(item.interactions).all()):
        message = f"sample {item.sample}: numbers that are not finite"
        raise ValueError(message)
    return item


def _group_name(sample: str) -> str:
    # "/" would nest groups; it stays readable as the fraction slash. The attribute keeps the id.
    return f"samples/{sample.replace('/', chr(0x2044))}"
