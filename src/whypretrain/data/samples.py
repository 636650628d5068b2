"""The samples of an experiment, in one HDF5 file: what every model of it is asked about.

One group a sample, `samples/<position>`: `inputs`, `players`, and `baseline` unless all samples
share the file's; attributes `id`, `label`, `words` and `word_players` (JSON).
Attributes of the file: `classes` (JSON list), `n_players`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from whypretrain.artifacts import ArtifactError, atomic_path
from whypretrain.interactions.players import check_players


@dataclass(frozen=True)
class Sample:
    """One sample; a site is a pixel of an image or a token of a sentence.

    `inputs`: an image, (channels, height, width) uint8, or token ids, (length,) int64. `baseline`:
    what a masked site shows, of that shape, float32 in [0, 1] or int64. `players`: the player of
    every site, int16, -1 for none. `words`, `word_players`: the sentence's words and the player of
    each, -1 for none; empty for images.
    """

    id: str
    label: int
    inputs: NDArray[Any]
    baseline: NDArray[Any]
    players: NDArray[np.int16]
    words: list[str]
    word_players: list[int]


@dataclass(frozen=True)
class Samples:
    """All samples of an experiment."""

    classes: list[str]
    n_players: int
    samples: list[Sample]


def write_samples(path: Path, samples: Samples) -> None:
    """Write the samples of an experiment."""
    shared = samples.samples[0].baseline
    is_shared = all(np.array_equal(shared, sample.baseline) for sample in samples.samples)
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["classes"] = json.dumps(samples.classes)
        file.attrs["n_players"] = samples.n_players
        if is_shared:
            file.create_dataset("baseline", data=shared, compression="gzip")
        for position, sample in enumerate(samples.samples):
            group = file.create_group(f"samples/{position:05d}")
            group.attrs["id"] = sample.id
            group.attrs["label"] = sample.label
            group.attrs["words"] = json.dumps(sample.words)
            group.attrs["word_players"] = json.dumps(sample.word_players)
            group.create_dataset("inputs", data=sample.inputs, compression="gzip")
            group.create_dataset("players", data=sample.players, compression="gzip")
            if not is_shared:
                group.create_dataset("baseline", data=sample.baseline, compression="gzip")


def read_samples(path: Path) -> Samples:
    """Read the samples of an experiment.

    Raises
    ------
    ArtifactError
        If the file is damaged or of another layout.
    """
    try:
        with h5py.File(path) as file:
            n_players = int(file.attrs["n_players"])
            shared = file["baseline"][:] if "baseline" in file else None
            found = [_read_group(group, shared) for group in file["samples"].values()]
            classes = json.loads(file.attrs["classes"])
        for sample in found:
            check_players(sample.players, n_players)
    except (OSError, KeyError, ValueError) as error:
        message = f"{path}: not a file of samples ({error}); delete it and run snakemake again"
        raise ArtifactError(message) from error
    return Samples(classes, n_players, found)


def _read_group(group: h5py.Group, shared: NDArray[Any] | None) -> Sample:
    return Sample(
        id=str(group.attrs["id"]),
        label=int(group.attrs["label"]),
        inputs=group["inputs"][:],
        baseline=group["baseline"][:] if shared is None else shared,
        players=group["players"][:],
        words=json.loads(group.attrs["words"]),
        word_players=json.loads(group.attrs["word_players"]),
    )
