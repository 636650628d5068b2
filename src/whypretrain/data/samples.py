"""The samples of an experiment: images, labels, players and the baseline, in one HDF5 file.

Datasets: `images` (n_samples, channels, height, width) uint8; `labels` (n_samples,) int64; `ids`
(n_samples,) UTF-8; `players` (n_samples, height, width) int16, -1 for no player; `baseline`
(channels, height, width) float32 in [0, 1]. Attributes: `classes` (JSON list), `n_players`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from whypretrain.artifacts import ArtifactError, atomic_path
from whypretrain.config.interactions import SamplesSettings, Sampling
from whypretrain.data.images import decode, pixel_mean
from whypretrain.data.table import Split
from whypretrain.interactions.players import check_players, grid_players


@dataclass(frozen=True)
class Samples:
    """What every model of an experiment is asked about; arrays as in the module's docstring."""

    ids: list[str]
    classes: list[str]
    labels: NDArray[np.int64]
    images: NDArray[np.uint8]
    players: NDArray[np.int16]
    baseline: NDArray[np.float32]
    n_players: int


def draw_samples(test: Split, sampling: Sampling) -> list[int]:
    """Indices of the samples in the test split, `per_class` of each class, in drawn order by class.

    Each class is permuted by its own generator and cut: more samples keep those drawn before.

    Raises
    ------
    ValueError
        If a class has fewer test images than samples.
    """
    labels = np.array(test.labels)
    drawn: list[int] = []
    for label, name in enumerate(test.classes):
        found = np.flatnonzero(labels == label)
        if len(found) < sampling.per_class:
            message = (
                f"sampling.per_class = {sampling.per_class}: class {name} has only "
                f"{len(found)} test images"
            )
            raise ValueError(message)
        order = np.random.default_rng([sampling.seed, label]).permutation(found)
        drawn += order[: sampling.per_class].tolist()
    return drawn


def make_samples(train: Split, test: Split, settings: SamplesSettings) -> Samples:
    """Draw samples and their players, and compute the baseline from the training images."""
    sampling, size, channels = settings.sampling, settings.image_size, settings.channels
    drawn = draw_samples(test, sampling)
    labels = np.array([test.labels[index] for index in drawn], dtype=np.int64)
    images = [decode(test.images[index], size=size, channels=channels) for index in drawn]
    grid = sampling.players
    players = [
        grid_players(
            size,
            size,
            cells=grid.cells,
            margin=grid.margin,
            n_players=grid.n,
            # One generator an image: another number of samples leaves its players as they are.
            generator=np.random.default_rng([sampling.seed, index]),
        )
        for index in drawn
    ]
    for labels_map in players:
        check_players(labels_map, grid.n)
    return Samples(
        ids=[test.ids[index] for index in drawn],
        classes=test.classes,
        labels=labels,
        images=np.stack(images),
        players=np.stack(players),
        baseline=pixel_mean(train.images, size=size, channels=channels),
        n_players=grid.n,
    )


def write_samples(path: Path, samples: Samples) -> None:
    """Write the samples of an experiment."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["classes"] = json.dumps(samples.classes)
        file.attrs["n_players"] = samples.n_players
        file["ids"] = np.array(samples.ids, dtype=h5py.string_dtype())
        file["labels"] = samples.labels
        for name in ("images", "players", "baseline"):
            file.create_dataset(name, data=getattr(samples, name), compression="gzip")


def read_samples(path: Path) -> Samples:
    """Read the samples of an experiment.

    Raises
    ------
    ArtifactError
        If the file is damaged or of another layout.
    """
    try:
        with h5py.File(path) as file:
            samples = Samples(
                ids=[name.decode() for name in file["ids"][:]],
                classes=json.loads(file.attrs["classes"]),
                labels=file["labels"][:],
                images=file["images"][:],
                players=file["players"][:],
                baseline=file["baseline"][:],
                n_players=int(file.attrs["n_players"]),
            )
        for labels_map in samples.players:
            check_players(labels_map, samples.n_players)
    except (OSError, KeyError, ValueError) as error:
        message = f"{path}: not a file of samples ({error}); delete it and run snakemake again"
        raise ArtifactError(message) from error
    return samples
