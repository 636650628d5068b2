"""The HDF5 format of interactions: one file a model, one group a sample. See docs/formats.md."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from whypretrain.files.artifacts import reading, written_hdf5
from whypretrain.interactions.mobius import mobius

FORMAT = "whypretrain-interactions-1"
ROUNDING = 1e-9  # relative to the largest output: by how much interactions may differ


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
    with written_hdf5(path) as file:
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
        If the file is damaged, of another format, contradicts itself, or holds numbers that are not
        finite.
    """
    with reading(path, "a file of interactions"):
        with h5py.File(path) as file:
            if file.attrs["format"] != FORMAT:
                message = f"format '{file.attrs['format']}', expected '{FORMAT}'"
                raise ValueError(message)
            names = json.loads(file.attrs["samples"])
            found = [_read_group(file[_group_name(name)], name) for name in names]
        if len(set(names)) < len(names) or not names:
            message = "there is no sample, or one of them twice"
            raise ValueError(message)
        if len({(item.outputs.shape, item.logits.shape) for item in found}) > 1:
            message = "samples differ in the number of players or classes"
            raise ValueError(message)
    return found


def read_spot(path: Path) -> tuple[float, float]:
    """Where in training the model stood: fraction of the run, and epoch (NaN for the probe).

    Raises
    ------
    ArtifactError
        If the file does not say it.
    """
    with reading(path, "a file of interactions"), h5py.File(path) as file:
        fraction, epoch = float(file.attrs["fraction"]), float(file.attrs["epoch"])
        if not 0 <= fraction <= 1 or epoch < 0 or np.isinf(epoch):
            message = f"fraction {fraction}, epoch {epoch}"
            raise ValueError(message)
    return fraction, epoch


def _read_group(group: h5py.Group, name: str) -> Measurement:
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
    n_players = int(group.attrs["n_players"])
    _check_arrays(item, n_players)
    difference = np.abs(mobius(item.outputs) - item.interactions).max()
    is_right = (
        item.sample == name
        and 0 <= item.label < len(item.logits)
        and item.prediction == int(group.attrs["prediction"])
        and -1 <= item.players.min() <= item.players.max() < n_players
        and difference <= ROUNDING * np.abs(item.outputs).max()
    )
    if not is_right:
        message = f"sample {item.sample}: its numbers contradict each other"
        raise ValueError(message)
    return item


def _check_arrays(item: Measurement, n_players: int) -> None:
    of_orders = np.zeros(n_players + 1) if item.noise_floor is None else item.noise_floor
    expected = (
        (item.outputs, np.float64, (1 << n_players,)),
        (item.interactions, np.float64, (1 << n_players,)),
        (of_orders, np.float64, (n_players + 1,)),
        (item.logits, np.float32, item.logits.shape[:1]),
    )
    for array, kind, shape in expected:
        if array.dtype != kind or array.shape != shape:
            message = f"sample {item.sample}: an array of {array.dtype} {array.shape}, not {shape}"
            raise ValueError(message)
        if not np.isfinite(array).all():
            message = f"sample {item.sample}: numbers that are not finite"
            raise ValueError(message)


def _group_name(sample: str) -> str:
    # "/" would nest groups; it stays readable as the fraction slash. The attribute keeps the id.
    return f"samples/{sample.replace('/', chr(0x2044))}"
