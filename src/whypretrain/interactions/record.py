"""The interactions of one trajectory: all snapshots of one variant, on all samples, in one file.

The HDF5 file `results/experiments/<experiment>/<variant>.h5` holds one dataset for each field of
:class:`Record`, under the same name, so that h5py alone reads it. With m snapshots (1 for `probe`
and `replicate`), s samples, n players and c classes:

============== =================== ========= ====================================================
dataset        shape               type      content
============== =================== ========= ====================================================
`samples`      (s,)                UTF-8     id of each sample
`classes`      (c,)                UTF-8     name of each class
`labels`       (s,)                int64     true class of each sample
`fractions`    (m,)                float64   fraction of training at which the snapshot was taken
`epochs`       (m,)                float64   its epoch; NaN for the probe
`outputs`      (m, s, 2**n)        float64   v(T) in nats; bit i of the index T: player i is kept
`interactions` (m, s, 2**n)        float64   I(S) in nats, indexed alike
`logits`       (m, s, c)           float32   on the whole input
`noise_floor`  (m, n + 1)          float64   what rounding makes of each order, in nats
`digests`      (m, s)              UTF-8     SHA-256 of all that determines the measurement
`players`      (s, height, width)  int16     player of each pixel; -1 for none
               or (s, longest)               or of each token; -2 pads shorter texts
`lengths`      (s,)                int64     tokens of each text; texts alone have this dataset
============== =================== ========= ====================================================

Attributes of the file: `format`, and as JSON or text `settings` (of the stage `extract`),
`weights_digests` (SHA-256 of each snapshot's file), `weights_metadata` (of the last snapshot),
`versions` (of libraries) and `device`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from whypretrain.data.samples import Samples
from whypretrain.files.artifacts import reading, written_hdf5
from whypretrain.interactions.mobius import mobius, n_players_of

FORMAT = "whypretrain-interactions-2"
PADDING = -2
"""What stands in `players` after the last token of a text."""
ROUNDING = 1e-9
"""How far interactions may differ from the outputs' transform, relative to the largest output."""

_STRINGS = ("samples", "classes", "digests")
_WITHOUT_SNAPSHOTS = ("samples", "classes", "labels", "players", "lengths")


@dataclass(frozen=True)
class Record:
    """One trajectory's interactions; the module's table gives the fields' shapes and types."""

    samples: list[str]
    classes: list[str]
    labels: NDArray[np.int64]
    fractions: NDArray[np.float64]
    epochs: NDArray[np.float64]
    outputs: NDArray[np.float64]
    interactions: NDArray[np.float64]
    logits: NDArray[np.float32]
    noise_floor: NDArray[np.float64]
    digests: NDArray[np.str_]
    players: NDArray[np.int16]
    lengths: NDArray[np.int64] | None = None

    @property
    def n_players(self) -> int:
        """Number of players of every sample."""
        return n_players_of(self.outputs.shape[-1])

    @property
    def predictions(self) -> NDArray[np.int64]:
        """Predicted class on the whole input: (n_snapshots, n_samples)."""
        return self.logits.argmax(axis=-1)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the prediction is the label: (n_snapshots, n_samples)."""
        return self.predictions == self.labels

    @property
    def losses(self) -> NDArray[np.float64]:
        """Cross-entropy on the whole input, in nats: (n_snapshots, n_samples)."""
        logits = self.logits.astype(np.float64)
        of_label = np.take_along_axis(logits, self.labels[None, :, None], axis=-1)[..., 0]
        return np.asarray(logsumexp(logits, axis=-1) - of_label)

    @property
    def residuals(self) -> NDArray[np.float64]:
        """Sum over S of I(S), minus v(N), zero but for rounding: (n_snapshots, n_samples)."""
        return np.asarray(self.interactions.sum(axis=-1) - self.outputs[..., -1])

    def at(self, snapshot: int) -> "Record":
        """The record of one snapshot, as views; -1 is the last one."""
        one = slice(snapshot, snapshot + 1 or None)
        arrays = {k: v[one] for k, v in vars(self).items() if k not in _WITHOUT_SNAPSHOTS}
        return replace(self, **arrays)

    def fits(self, other: "Record") -> bool:
        """Whether both are of the same samples with equally many players."""
        return (self.samples, self.n_players) == (other.samples, other.n_players)

    def players_of(self, sample: int) -> NDArray[np.int16]:
        """Players of one sample, without padding: (height, width) or (length,)."""
        of_sample = self.players[sample]
        return of_sample if self.lengths is None else of_sample[: self.lengths[sample]]


def new_record(
    samples: Samples,
    *,
    fractions: Sequence[float],
    epochs: Sequence[float],
    outputs: NDArray[np.float64],
    logits: NDArray[np.float32],
    noise_floor: NDArray[np.float64],
    digests: Sequence[Sequence[str]],
) -> Record:
    """The record of measured outputs, with their interactions and what is known of the samples."""
    players, lengths = [sample.players for sample in samples.samples], None
    if players[0].ndim == 1:
        lengths = np.array([len(one) for one in players], dtype=np.int64)
        longest = lengths.max()
        players = [np.pad(p, (0, longest - len(p)), constant_values=PADDING) for p in players]
    return Record(
        samples=[sample.id for sample in samples.samples],
        classes=samples.classes,
        labels=np.array([sample.label for sample in samples.samples], dtype=np.int64),
        fractions=np.array(fractions, dtype=np.float64),
        epochs=np.array(epochs, dtype=np.float64),
        outputs=outputs,
        interactions=mobius(outputs),
        logits=logits,
        noise_floor=noise_floor,
        digests=np.array(digests),
        players=np.stack(players),
        lengths=lengths,
    )


def write_record(path: Path, record: Record, attributes: dict[str, Any]) -> None:
    """Write one trajectory's file as a whole, replacing an earlier one.

    Parameters
    ----------
    attributes : how the record was made; lists and dictionaries are stored as JSON
    """
    with written_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        for name, value in sorted(attributes.items()):
            file.attrs[name] = json.dumps(value) if isinstance(value, dict | list) else value
        for name, value in vars(record).items():
            if name in _STRINGS:
                array = np.array(value, dtype=object)
                file.create_dataset(name, data=array, dtype=h5py.string_dtype())
            elif value is not None:
                compression = "gzip" if name == "players" else None
                file.create_dataset(name, data=value, compression=compression)


def read_record(path: Path) -> Record:
    """Read one trajectory's file.

    Raises
    ------
    ArtifactError
        If the file is damaged, has another format, contradicts itself or holds numbers that are
        not finite.
    """
    with reading(path, "a file of interactions"):
        with h5py.File(path) as file:
            if (found := file.attrs.get("format")) != FORMAT:
                message = f"format '{found}', expected '{FORMAT}'"
                raise ValueError(message)
            values: dict[str, Any] = {
                field.name: file[field.name].asstr()[:]
                if field.name in _STRINGS
                else file[field.name][:]
                for field in fields(Record)
                if field.name in file or field.name != "lengths"
            }
        values |= {name: values[name].tolist() for name in ("samples", "classes")}
        record = Record(**values)
        _check(record)
    return record


def _check(record: Record) -> None:
    """Raise ValueError if a record contradicts itself."""
    n_samples, n_classes = len(record.samples), len(record.classes)
    both = (len(record.fractions), n_samples)
    if min(both) < 1 or len(set(record.samples)) < n_samples:
        message = "there is no snapshot, no sample, or one sample twice"
        raise ValueError(message)
    n_players = record.n_players
    expected: dict[str, tuple[Any, tuple[int, ...]]] = {
        "labels": (np.int64, both[1:]),
        "fractions": (np.float64, both[:1]),
        "epochs": (np.float64, both[:1]),
        "outputs": (np.float64, (*both, 1 << n_players)),
        "interactions": (np.float64, (*both, 1 << n_players)),
        "logits": (np.float32, (*both, n_classes)),
        "noise_floor": (np.float64, (both[0], n_players + 1)),
        "digests": (object, both),
        "players": (np.int16, (n_samples, *record.players.shape[1:])),
        "lengths": (np.int64, both[1:]),
    }
    if record.lengths is None:
        del expected["lengths"]
    for name, (dtype, shape) in expected.items():
        array = getattr(record, name)
        if array.dtype != dtype or array.shape != shape:
            message = f"{name}: {array.dtype} of shape {array.shape}, not {shape}"
            raise ValueError(message)
        if array.dtype.kind == "f" and name != "epochs" and not np.isfinite(array).all():
            message = f"{name}: numbers that are not finite"
            raise ValueError(message)
    if not _is_consistent(record):
        message = "its numbers contradict each other"
        raise ValueError(message)


def _is_consistent(record: Record) -> bool:
    fractions, epochs, labels = record.fractions, record.epochs, record.labels
    lowest = PADDING if record.lengths is not None else -1
    largest = np.abs(record.outputs).max(axis=-1)
    differences = [  # one snapshot at a time: a transform of all would double the memory
        np.abs(mobius(outputs) - interactions).max(axis=-1)
        for outputs, interactions in zip(record.outputs, record.interactions, strict=True)
    ]
    return bool(
        ((fractions >= 0) & (fractions <= 1)).all()
        and (np.diff(fractions) > 0).all()
        and not ((epochs < 0) | np.isinf(epochs)).any()
        and not (np.diff(epochs) < 0).any()
        and ((labels >= 0) & (labels < len(record.classes))).all()
        and lowest <= record.players.min() <= record.players.max() < record.n_players
        and record.players.ndim == (3 if record.lengths is None else 2)
        and (record.lengths is None or _is_padded(record.players, record.lengths))
        and (np.array(differences) <= ROUNDING * largest).all()
    )


def _is_padded(players: NDArray[np.int16], lengths: NDArray[np.int64]) -> bool:
    beyond = np.arange(players.shape[1]) >= lengths[:, None]
    return bool((lengths <= players.shape[1]).all() and ((players == PADDING) == beyond).all())
