"""For notebooks: the interactions that the workflow stored, as a table or as explanations."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from whypretrain.data.samples import read_samples
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.record import Record, read_record
from whypretrain.interactions.sets import coalitions_of, is_or, orders_of
from whypretrain.interactions.splits import holds_splits, read_either
from whypretrain.report.explanation import Explanation, of_record

if TYPE_CHECKING:
    import pandas as pd


def read_interactions(path: str | Path, snapshot: int | None = None) -> "pd.DataFrame":
    """One trajectory's interactions as a tidy table: a row for each snapshot, sample and set.

    Columns: `fraction` (of training), `sample`, `label` and `prediction` (numbers of classes),
    `class` and `predicted_class` (their names), `coalition` (entry 5 = 0b101 is {0, 2}), `order`,
    `output` (v, nats) and `interaction` (I, nats); of AND-OR interactions `kind` too (`and`, `or`).
    Where xarray is installed, `.set_index(["fraction", "sample", "coalition"]).to_xarray()` turns
    it into labelled arrays; of AND-OR interactions the index has `"kind"` besides.

    Parameters
    ----------
    path : `results/experiments/<experiment>/<variant>.h5`, or `and_or/<variant>.h5` there
    snapshot : the only snapshot to return; -1 is the last one. All if not given.

    Raises
    ------
    whypretrain.files.artifacts.ArtifactError
        If the file is damaged or no file of interactions.
    FileNotFoundError
        If there is no such file.
    """
    import pandas as pd  # noqa: PLC0415  (not everyone tabulates)

    record = _stored(Path(path), snapshot)
    names = np.array(record.classes)
    n_sets = record.interactions.shape[-1]
    columns = {
        "fraction": record.fractions[:, None, None],
        "sample": np.array(record.samples)[:, None],
        "label": record.labels[:, None],
        "prediction": record.predictions[:, :, None],
        "class": names[record.labels][:, None],
        "predicted_class": names[record.predictions][:, :, None],
        "coalition": coalitions_of(n_sets),
        "order": orders_of(n_sets),
        "output": record.outputs[..., coalitions_of(n_sets)],
        "interaction": record.interactions,
    }
    if is_or(n_sets).any():
        columns["kind"] = np.where(is_or(n_sets), "or", "and")
    shape = record.interactions.shape
    return pd.DataFrame({name: np.broadcast_to(c, shape).ravel() for name, c in columns.items()})


def read_explanations(
    path: str | Path, samples: str | Path | None = None, *, snapshot: int = -1
) -> dict[str, Explanation]:
    """One snapshot of a trajectory as explanations, by the ids of their samples.

    Parameters
    ----------
    path : `results/experiments/<experiment>/<variant>.h5`, or `and_or/<variant>.h5` there
    samples : the experiment's `samples.h5`, which holds images and words; if not given, the one
        in the experiment's folder if there is one
    snapshot : -1 is the last one

    Raises
    ------
    whypretrain.files.artifacts.ArtifactError
        If a file is damaged.
    """
    folder = Path(path).absolute().parents[holds_splits(Path(path))]
    source = Path(samples) if samples else folder / "samples.h5"
    known = {item.id: item for item in read_samples(source).samples} if source.exists() else {}
    record = _stored(Path(path), snapshot)
    return {
        name: of_record(record, position, known.get(name))
        for position, name in enumerate(record.samples)
    }


def _read(path: Path) -> Record:
    if not holds_splits(path):
        return read_record(path)
    record = path.parents[1] / path.name
    if not record.exists():
        message = f"{path}: its interactions are those of {record}, which is missing"
        raise FileNotFoundError(message)
    return read_either(record, path)


def _stored(path: Path, snapshot: int | None) -> Record:
    path.stat()
    try:
        record = _read(path.absolute())
    except ArtifactError as error:
        if "results" in path.absolute().parts:
            raise
        # The command that makes it again is of files that the workflow made.
        message = str(error).partition("; mend it with: ")[0]
        raise ArtifactError(message) from error
    if snapshot is None:
        return record
    n_snapshots = len(record.fractions)
    if not -n_snapshots <= snapshot < n_snapshots:
        message = f"snapshot = {snapshot}: {path} holds {n_snapshots} snapshots"
        raise ValueError(message)
    return record.at(snapshot)
