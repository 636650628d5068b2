"""Files that are whole but wrong: what each says that it must not, and what the reader says to it.

Each entry is a file of :mod:`tests.reliability.formats`, what is done to it, and a part of the
message.
"""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.reliability.formats import EXPERIMENT, RUN
from whypretrain.interactions.record import Record
from whypretrain.interactions.splits import Splits
from whypretrain.knowledge.reading import HISTORY, ROBUSTNESS, TABLES

Contradict = Callable[[Path], None]
SAMPLES = f"{EXPERIMENT}/samples.h5"
INTERACTIONS = f"{EXPERIMENT}/finetune.h5"
SPLITS = f"{EXPERIMENT}/and_or/finetune.h5"
WEIGHTS = f"{RUN}/snapshot-1.0000.safetensors"
PRETRAINED = "results/pretrained/net/weights.safetensors"
IMAGES = "results/datasets/images/train.parquet"
TEXTS = "results/datasets/texts/train.parquet"


def attribute(where: str, name: str, value: object) -> Contradict:
    """Set an attribute of an HDF5 file or group; None deletes it."""

    def contradict(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            if value is None:
                del file[where].attrs[name]
            else:
                file[where].attrs[name] = value

    return contradict


def array(where: str, change: Callable[[np.ndarray], np.ndarray] | None) -> Contradict:
    """Replace an array of an HDF5 file; None deletes it."""

    def contradict(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            before = file[where][()] if change else np.empty(0)
            del file[where]
            if change is not None:
                file[where] = change(before)

    return contradict


def put(value: float, at: int = 1) -> Callable[[np.ndarray], np.ndarray]:
    """Put a value in one place of an array."""

    def change(before: np.ndarray) -> np.ndarray:
        after = before.copy()
        after.flat[at] = value
        return after

    return change


def texts(*values: str) -> Callable[[np.ndarray], np.ndarray]:
    """Put other strings."""
    return lambda _: np.array(values, dtype=h5py.string_dtype())


def weights(
    change: Callable[[dict[str, torch.Tensor]], object], metadata: str | None = ""
) -> Contradict:
    """Change named tensors of a safetensors file, and its metadata unless that is empty text."""

    def contradict(path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            kept = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        change(tensors)
        written = kept if metadata == "" else {"whypretrain": metadata} if metadata else None
        save_file(tensors, path, metadata=written)

    return contradict


def nothing(_: dict[str, torch.Tensor]) -> None:
    """Leave the tensors as they are."""


def first(value: float) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda tensors: tensors["conv1.weight"].view(-1)[:1].fill_(value)


def parquet(change: Callable[[pyarrow.Table], pyarrow.Table], **metadata: str | None) -> Contradict:
    """Change a split's table, and entries of its metadata; None deletes one."""

    def contradict(path: Path) -> None:
        table = pyarrow.parquet.ParquetFile(path).read()
        kept = {**table.schema.metadata}
        for name, value in metadata.items():
            kept.pop(name.encode(), None)
            if value is not None:
                kept[name.encode()] = value.encode()
        pyarrow.parquet.write_table(change(table).replace_schema_metadata(kept), path)

    return contradict


def same(table: pyarrow.Table) -> pyarrow.Table:
    """Leave the rows as they are."""
    return table


def column(
    name: str, values: Callable[[list[object]], list[object]], kind: pyarrow.DataType
) -> Callable[[pyarrow.Table], pyarrow.Table]:
    """Other values in a column of a split."""

    def change(table: pyarrow.Table) -> pyarrow.Table:
        new = pyarrow.array(values(table[name].to_pylist()), kind)
        return table.set_column(table.schema.get_field_index(name), name, new)

    return change


def csv(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Contradict:
    """Change a table, read as text."""

    def contradict(path: Path) -> None:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        change(table).to_csv(path, index=False)

    return contradict


def cell(name: str, value: str) -> Contradict:
    """Put text into the first row of a table."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[0, name] = value
        return table

    return csv(change)


def _tables() -> list[tuple[str, Contradict, str]]:
    """Of every table: a column lost, a gap or infinity where none can be, no row at all."""
    found: list[tuple[str, Contradict, str]] = []
    places = {f"{EXPERIMENT}/tables/{name}.csv": columns for name, columns in TABLES.items()}
    for name, columns in {
        **places,
        f"{RUN}/history.csv": HISTORY,
        f"{RUN}/robustness.csv": ROBUSTNESS,
    }.items():
        last, kinds = list(columns)[-1], {kind: key for key, kind in columns.items()}
        lost = csv(lambda table, last=last: table.drop(columns=last))  # type: ignore[misc]
        found += [
            (name, lost, f"columns {last} are missing"),
            (name, csv(lambda table: table[:0]), "no rows"),
        ]
        if "number" in kinds:
            wrong = f"where they cannot be: {kinds['number']}"
            found += [(name, cell(kinds["number"], text), wrong) for text in ("", "inf", "0.5x")]
        if "gaps" in kinds:
            inf = cell(kinds["gaps"], "-inf")
            found.append((name, inf, f"where they cannot be: {kinds['gaps']}"))
        if "sample" in columns:
            found.append((name, csv(lambda table: table[:-1]), "rows of some samples are missing"))
        if "experiment" in columns:
            found.append((name, cell("experiment", "f"), "rows of f, which is not asked for"))
    return found


ONE = "samples/00001"
AS_WRITTEN = "not those of a sample"
CONTRADICTORY = "contradict each other"
CONTRADICTIONS: list[tuple[str, Contradict, str]] = [
    (SAMPLES, attribute("/", "format", None), "format 'None', expected"),
    (SAMPLES, attribute("/", "format", "whypretrain-samples-0"), "expected 'whypretrain-samples-1"),
    (SAMPLES, attribute("/", "classes", None), "not a file of samples"),
    (SAMPLES, attribute("/", "n_players", 6), r"players without a pixel: \[5\]"),
    (SAMPLES, attribute("/", "n_players", 4), r"labels that are no player: \[4\]"),
    (SAMPLES, attribute(ONE, "label", 3), AS_WRITTEN),
    (SAMPLES, attribute(ONE, "label", -1), AS_WRITTEN),
    (SAMPLES, attribute(ONE, "words", '["a"]'), AS_WRITTEN),
    (SAMPLES, attribute(ONE, "words", "["), "not a file of samples"),
    (SAMPLES, array(f"{ONE}/inputs", lambda a: a[:, :-1]), AS_WRITTEN),
    (SAMPLES, array(f"{ONE}/inputs", lambda a: a.astype("float32")), AS_WRITTEN),
    (SAMPLES, array(f"{ONE}/inputs", lambda a: a[0]), AS_WRITTEN),
    (SAMPLES, array(f"{ONE}/players", lambda a: a.astype("int64")), AS_WRITTEN),
    (SAMPLES, array(f"{ONE}/players", lambda a: a.ravel()), AS_WRITTEN),
    (SAMPLES, array(f"{ONE}/players", np.zeros_like), "players without a pixel"),
    (SAMPLES, array(f"{ONE}/players", None), "not a file of samples"),
    (SAMPLES, array("baseline", put(np.nan)), AS_WRITTEN),
    (SAMPLES, array("baseline", lambda a: a[:, :5]), AS_WRITTEN),
    (SAMPLES, array("baseline", None), "not a file of samples"),
    (SAMPLES, array("samples", None), "not a file of samples"),
    (INTERACTIONS, attribute("/", "format", "whypretrain-interactions-0"), "format '.*-0'"),
    (INTERACTIONS, attribute("/", "format", None), "format 'None', expected"),
    *[
        (INTERACTIONS, array(name, None), "not a file of interactions")
        for name in sorted({field.name for field in fields(Record)} - {"lengths"})
    ],
    (INTERACTIONS, array("samples", texts()), "no snapshot, no sample, or one sample twice"),
    (INTERACTIONS, array("samples", texts("s/0", "s/0")), "one sample twice"),
    (INTERACTIONS, array("samples", texts("s/0")), r"\(2,\), not \(1,\)"),
    (INTERACTIONS, array("classes", texts("a", "b")), r"logits: .* not \(1, 2, 2\)"),
    (INTERACTIONS, array("labels", put(3)), CONTRADICTORY),
    (INTERACTIONS, array("labels", put(-1)), CONTRADICTORY),
    (INTERACTIONS, array("labels", lambda a: a.astype("int32")), "labels: int32"),
    (INTERACTIONS, array("fractions", put(1.5, 0)), CONTRADICTORY),
    (INTERACTIONS, array("fractions", put(np.nan, 0)), "fractions: numbers that are not finite"),
    (INTERACTIONS, array("fractions", lambda a: a[:0]), "no snapshot"),
    (INTERACTIONS, array("epochs", put(np.inf, 0)), CONTRADICTORY),
    (INTERACTIONS, array("epochs", put(-1, 0)), CONTRADICTORY),
    (INTERACTIONS, array("outputs", put(np.nan)), "outputs: numbers that are not finite"),
    (INTERACTIONS, array("outputs", put(0.25)), CONTRADICTORY),
    (INTERACTIONS, array("outputs", lambda a: a[..., :8]), r"interactions: .* not \(1, 2, 8\)"),
    (INTERACTIONS, array("outputs", lambda a: a[..., :7]), "not a file of interactions"),
    (INTERACTIONS, array("outputs", lambda a: a.astype("float32")), "outputs: float32"),
    (INTERACTIONS, array("interactions", put(np.inf)), "interactions: numbers that are not"),
    (INTERACTIONS, array("interactions", np.zeros_like), CONTRADICTORY),
    (INTERACTIONS, array("logits", put(np.nan)), "logits: numbers that are not finite"),
    (INTERACTIONS, array("logits", lambda a: a[:, :1]), r"logits: .* not \(1, 2, 3\)"),
    (INTERACTIONS, array("noise_floor", lambda a: a[:, :3]), r"\(1, 3\), not \(1, 5\)"),
    (INTERACTIONS, array("noise_floor", put(np.nan)), "noise_floor: numbers that are not finite"),
    (INTERACTIONS, array("digests", lambda a: a[:, :1]), r"\(1, 1\), not \(1, 2\)"),
    (INTERACTIONS, array("players", put(4)), CONTRADICTORY),
    (INTERACTIONS, array("players", put(-3)), CONTRADICTORY),
    (INTERACTIONS, array("players", lambda a: a[:1]), r"players: .* not \(2, 4\)"),
    (INTERACTIONS, array("lengths", lambda a: a[:1]), r"lengths: .* not \(2,\)"),
    (INTERACTIONS, array("lengths", put(9)), CONTRADICTORY),
    (INTERACTIONS, array("lengths", None), CONTRADICTORY),
    (SPLITS, attribute("/", "format", "whypretrain-and-or-0"), "format '.*-0'"),
    *[
        (SPLITS, array(one.name, None), "not a file of AND-OR interactions")
        for one in fields(Splits)
    ],
    (SPLITS, array("digests", texts("1", "0")), "other measurements"),
    (SPLITS, array("interactions", put(np.nan)), CONTRADICTORY),
    (SPLITS, array("interactions", lambda a: a[..., :16]), CONTRADICTORY),
    (SPLITS, array("interactions", lambda a: a[..., :17]), "not a file of AND-OR interactions"),
    (SPLITS, array("interactions", lambda a: a.astype("float32")), "interactions: float32"),
    (SPLITS, array("objective", put(np.nan)), CONTRADICTORY),
    (SPLITS, array("bound", put(np.nan)), CONTRADICTORY),
    (SPLITS, array("bound", lambda a: a[:, :1]), r"bound: .* not \(1, 2\)"),
    (SPLITS, array("iterations", put(-1)), CONTRADICTORY),
    (WEIGHTS, weights(first(np.nan)), "weights that are not finite: conv1.weight"),
    (WEIGHTS, weights(first(-np.inf)), "weights that are not finite: conv1.weight"),
    (WEIGHTS, weights(lambda t: t.pop("conv1.weight")), r"missing \['conv1.weight'\]"),
    (WEIGHTS, weights(lambda t: t.update(more=torch.ones(2))), r"extra \['more'\]"),
    (WEIGHTS, weights(lambda t: t.update({"fc.bias": torch.ones(2)})), r"shape \['fc.bias'\]"),
    (
        WEIGHTS,
        weights(lambda t: t.update({"fc.bias": t["fc.bias"].half()})),
        r"of another type than the network's: \['fc.bias'\]",
    ),
    (WEIGHTS, weights(nothing, None), "its metadata lacks fraction or epoch"),
    (WEIGHTS, weights(nothing, '{"fraction": 1.0}'), "its metadata lacks fraction or epoch"),
    (WEIGHTS, weights(nothing, '{"fraction": 1.0, "epoch": "x"}'), "lacks fraction or epoch"),
    (WEIGHTS, weights(nothing, "{"), "not a file of weights"),
    (WEIGHTS, weights(nothing, "[]"), "not a file of weights"),
    (PRETRAINED, weights(first(np.nan)), "weights that are not finite: conv1.weight"),
    (PRETRAINED, weights(lambda t: t.pop("conv1.weight")), r"missing \['conv1.weight'\]"),
    (IMAGES, parquet(lambda t: t.drop_columns("annotation")), "columns id .* rather than id"),
    (IMAGES, parquet(same, task="text"), "columns id .* rather than id"),
    (IMAGES, parquet(same, task="sound"), r"task or classes \(task b'sound'\)"),
    (IMAGES, parquet(same, classes=None), "lacks task or classes"),
    (IMAGES, parquet(same, classes="7"), "not a prepared split"),
    (IMAGES, parquet(same, classes='["a", "b"]'), "is none of the 2 classes"),
    (IMAGES, parquet(lambda t: t[:0]), "no rows"),
    (IMAGES, parquet(lambda t: pyarrow.concat_tables([t, t])), "stands 2 times"),
    (
        IMAGES,
        parquet(column("label", lambda v: v, pyarrow.int32())),
        r"label \(int32\).* rather than",
    ),
    (IMAGES, parquet(column("label", lambda v: [9, *v[1:]], pyarrow.int64())), "label 9 of"),
    (
        IMAGES,
        parquet(column("annotation", lambda v: [None, *v[1:]], pyarrow.string())),
        "a value is missing",
    ),
    (TEXTS, parquet(column("text", lambda v: [None, *v[1:]], pyarrow.string())), "is missing"),
    (TEXTS, parquet(column("label", lambda v: [-1, *v[1:]], pyarrow.int64())), "label -1 of"),
    ("results/datasets/images/test.parquet", parquet(lambda t: t[:0]), "no rows"),
    ("results/pretrained/encoder/transformers/config.json", lambda p: _json(p, 7), "no transf"),
    (
        "results/pretrained/encoder/transformers/tokenizer.json",
        lambda p: _json(p, {}),
        "no tokenizer",
    ),
    ("resources/weights/net/fetched.json", lambda p: _json(p, []), "not the record of a download"),
    (
        "resources/weights/net/fetched.json",
        lambda p: _json(p, {"files": {"a": {}}}),
        "not the record of a download",
    ),
    *_tables(),
]


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))
