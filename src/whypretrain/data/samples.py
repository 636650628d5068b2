"""The samples of an experiment, in one HDF5 file: what every model of it is asked about.

One group a sample, `samples/<position>`: `inputs`, `players`, and `baseline` unless all samples
share the file's; attributes `id`, `label`, `words` and `word_players` (JSON).
Attributes of the file: `format`, `classes` (JSON list), `n_players`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from whypretrain.files.artifacts import reading, written_hdf5

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "whypretrain-samples-1"
BACKGROUND = -1
"""Label of pixels or tokens that belong to no player."""


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
    with written_hdf5(path) as file:
        file.attrs.update(format=FORMAT, classes=json.dumps(samples.classes))
        file.attrs["n_players"] = samples.n_players
        if is_shared:
            file.create_dataset("baseline", data=shared, compression="gzip")
        for position, sample in enumerate(samples.samples):
            group = file.create_group(f"samples/{position:05d}")
            group.attrs.update(id=sample.id, label=sample.label, words=json.dumps(sample.words))
            group.attrs["word_players"] = json.dumps(sample.word_players)
            for name in ("inputs", "players") if is_shared else ("inputs", "players", "baseline"):
                group.create_dataset(name, data=getattr(sample, name), compression="gzip")


def read_samples(path: Path) -> Samples:
    """Read the samples of an experiment.

    Raises
    ------
    ArtifactError
        If the file is damaged, of another layout, or contradicts itself.
    """
    with reading(path, "a file of samples"):
        with h5py.File(path) as file:
            if (found_format := file.attrs.get("format")) != FORMAT:
                message = f"format '{found_format}', expected '{FORMAT}'"
                raise ValueError(message)
            n_players = int(file.attrs["n_players"])
            shared = file["baseline"][:] if "baseline" in file else None
            found = [
                Sample(
                    id=str(group.attrs["id"]),
                    label=int(group.attrs["label"]),
                    inputs=group["inputs"][:],
                    baseline=group["baseline"][:] if shared is None else shared,
                    players=group["players"][:],
                    words=json.loads(group.attrs["words"]),
                    word_players=json.loads(group.attrs["word_players"]),
                )
                for group in file["samples"].values()
            ]
            classes = json.loads(file.attrs["classes"])
        if not found or len({sample.id for sample in found}) < len(found):
            message = "there is no sample, or one of them twice"
            raise ValueError(message)
        for sample in found:
            _check(sample, len(classes), n_players)
    return Samples(classes, n_players, found)


def sample_table(samples: Samples) -> "pd.DataFrame":
    """One row a sample: its id, label and class, and its players: words, or sizes in pixels."""
    import pandas as pd  # noqa: PLC0415  (a table alone needs it)

    rows = []
    for sample in samples.samples:
        players = range(samples.n_players)
        if sample.words:
            shown = [sample.words[sample.word_players.index(player)] for player in players]
        else:
            shown = [str((sample.players == player).sum()) for player in players]
        name = samples.classes[sample.label]
        rows.append((sample.id, sample.label, name, samples.n_players, " ".join(shown)))
    return pd.DataFrame(rows, columns=["sample", "label", "class", "n_players", "players"])


def check_players(players: NDArray[np.integer], n_players: int) -> None:
    """Check that a label map holds exactly the players 0..n_players-1, none of them empty.

    Raises
    ------
    ValueError
        If a player has no pixel or a label is out of range.
    """
    found = set(np.unique(players).tolist()) - {BACKGROUND}
    if found != set(range(n_players)):
        missing = sorted(set(range(n_players)) - found)
        stray = sorted(found - set(range(n_players)))
        message = f"players without a pixel: {missing}; labels that are no player: {stray}"
        raise ValueError(message)


def _check(sample: Sample, n_classes: int, n_players: int) -> None:
    """Raise ValueError if a sample contradicts itself or the file."""
    is_image = sample.inputs.ndim == 3
    # A blurred image or one mean for all: of the shape of the image, in [0, 1] but for rounding.
    kinds = ("uint8", "float32") if is_image else ("int64", "int64")
    sites = sample.inputs.shape[-2:] if is_image else sample.inputs.shape
    is_right = (
        0 <= sample.label < n_classes
        and (is_image or sample.inputs.ndim == 1)
        and (sample.inputs.dtype.name, sample.baseline.dtype.name) == kinds
        and sample.baseline.shape == sample.inputs.shape
        and bool(np.isfinite(sample.baseline).all())
        and (sample.players.dtype.name, sample.players.shape) == ("int16", sites)
        and len(sample.words) == len(sample.word_players)
    )
    if not is_right:
        message = f"sample {sample.id}: label, shapes, types or numbers are not those of a sample"
        raise ValueError(message)
    check_players(sample.players, n_players)
