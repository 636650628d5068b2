"""One small file of every format, from the workflow's own writers, and what reads it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tests.conftest import small, write_encoder
from whypretrain.data.samples import Sample, Samples, read_samples, write_samples
from whypretrain.data.sources import load_source
from whypretrain.data.table import Row, read_split, write_split
from whypretrain.data.texts import Tokenizer
from whypretrain.files.artifacts import FETCHED, atomic_path, check_download, file_digest
from whypretrain.interactions.record import new_record, read_record, write_record
from whypretrain.interactions.sampling import make_samples
from whypretrain.interactions.splits import read_splits, split_record, write_splits
from whypretrain.knowledge.reading import (
    HISTORY,
    QUANTITIES,
    ROBUSTNESS,
    TABLES,
    Columns,
    count_rows,
    read_table,
    read_tables,
)
from whypretrain.networks.build import build, load_all, load_backbone, save_weights
from whypretrain.settings.data import Digits
from whypretrain.settings.interactions import SamplesSettings, Sampling
from whypretrain.settings.models import TextArchitecture
from whypretrain.stages.extract import _spot

N_CLASSES = 3
RUN = "results/runs/net/data/finetune"
EXPERIMENT = "results/experiments/e"
ENCODER = "results/pretrained/encoder/transformers"
DOWNLOAD = "resources/weights/net"


def write_all(folder: Path) -> None:
    """Write the files of :data:`READERS` into a folder laid out as a project's."""
    splits = load_source(Digits(source="digits", classes=[5, 6, 7], train_per_class=4))
    for part, rows in (("train", splits.train), ("test", splits.test[::10])):
        path = folder / f"results/datasets/images/{part}.parquet"
        write_split(path, rows, task="image", classes=splits.classes)
    texts = [Row(f"t/{index}", f"film {index}", index % 2) for index in range(6)]
    write_split(
        folder / "results/datasets/texts/train.parquet", texts, task="text", classes=["no", "yes"]
    )
    players = {"kind": "grid", "n": 5, "cells": 4, "margin": 0}
    sampling = Sampling.model_validate({"per_class": 2, "players": players})
    settings = SamplesSettings(sampling=sampling, architecture=small("whypretrain_resnet"))
    train, test = (
        read_split(folder / f"results/datasets/images/{part}.parquet") for part in ("train", "test")
    )
    write_samples(folder / EXPERIMENT / "samples.h5", make_samples(train, test, settings))
    write_interactions(folder / EXPERIMENT / "finetune.h5")
    own = read_record(folder / EXPERIMENT / "finetune.h5")
    write_splits(folder / EXPERIMENT / "and_or/finetune.h5", split_record(own), "{}")
    model = build(small("whypretrain_resnet"), N_CLASSES)
    metadata = {"fraction": 1.0, "epoch": 3.0}
    save_weights(folder / RUN / "snapshot-1.0000.safetensors", model.state_dict(), metadata)
    pretrained = folder / "results/pretrained/net/weights.safetensors"
    save_weights(pretrained, model.state_dict(), {"version": "0"})
    write_table(folder / RUN / "history.csv", HISTORY)
    write_table(folder / RUN / "robustness.csv", ROBUSTNESS)
    for name, columns in TABLES.items():
        write_table(folder / EXPERIMENT / "tables" / f"{name}.csv", columns)
    write_encoder(folder / "encoder", "bert")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        with atomic_path(folder / ENCODER / name) as temporary:
            shutil.copyfile(folder / "encoder" / name, temporary)
    data = folder / DOWNLOAD / "deep/model.safetensors"
    data.parent.mkdir(parents=True)
    data.write_bytes(bytes(range(256)) * 4)
    known = {"size": 1024, "sha256": file_digest(data)}
    with atomic_path(folder / DOWNLOAD / FETCHED) as temporary:
        temporary.write_text(json.dumps({"files": {"deep/model.safetensors": known}}))


def write_interactions(path: Path, n_players: int = 4) -> None:
    """Two samples under one snapshot."""
    generator = np.random.default_rng(0)
    players = np.arange(n_players, dtype=np.int16)
    samples = [Sample(f"s/{i}", i, players, players, players, [], []) for i in range(2)]
    record = new_record(
        Samples(["a", "b", "c"], n_players, samples),
        fractions=[1.0],
        epochs=[7.0],
        outputs=generator.normal(size=(1, 2, 1 << n_players)),
        logits=np.array([[[0.1, 0.9, 0.3]] * 2], dtype=np.float32),
        noise_floor=np.zeros((1, n_players + 1)),
        digests=[["0", "1"]],
    )
    write_record(path, record, {"settings": {"a": 1}})


def write_table(path: Path, columns: Columns) -> None:
    """Four rows: two of each of two samples."""
    values = {"text": ["é", "null"] * 2, "number": [0.5, 1.0] * 2, "truth": [True, False] * 2}
    values |= {"gaps": [0.5, np.nan, 1.0, 2.0], "empty": ["", "é"] * 2}
    table = pd.DataFrame({name: values[kind] for name, kind in columns.items()})
    if "experiment" in columns:
        table["experiment"] = "e"
    if path.stem == "summary":
        table = pd.concat([table, *(table.assign(quantity=name) for name in sorted(QUANTITIES))])
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def _encoder(path: Path) -> TextArchitecture:
    return TextArchitecture.model_validate(
        {"family": "transformers", "folder": str(path.parent), "max_tokens": 32}
    )


def _network(path: Path) -> object:
    model = build(small("whypretrain_resnet"), N_CLASSES)
    return _spot(load_all(model, path).metadata, path)


READERS: dict[str, Callable[[Path], object]] = {
    "results/datasets/images/train.parquet": read_split,
    "results/datasets/texts/train.parquet": read_split,
    "results/datasets/images/test.parquet": count_rows,
    f"{EXPERIMENT}/samples.h5": read_samples,
    f"{EXPERIMENT}/finetune.h5": read_record,
    f"{EXPERIMENT}/and_or/finetune.h5": lambda path: read_splits(
        path, read_record(path.parents[1] / path.name)
    ),
    f"{RUN}/snapshot-1.0000.safetensors": _network,
    "results/pretrained/net/weights.safetensors": lambda path: load_backbone(
        build(small("whypretrain_resnet"), 7), path
    ),
    f"{RUN}/history.csv": lambda path: read_table(path, HISTORY),
    f"{RUN}/robustness.csv": lambda path: read_table(path, ROBUSTNESS),
    **{
        f"{EXPERIMENT}/tables/{name}.csv": lambda path: read_tables([path], ["e"])
        for name in TABLES
    },
    f"{ENCODER}/config.json": lambda path: build(_encoder(path), 2),
    f"{ENCODER}/tokenizer.json": lambda path: Tokenizer(_encoder(path)),
    f"{DOWNLOAD}/deep/model.safetensors": lambda path: check_download(path.parents[1]),
    f"{DOWNLOAD}/{FETCHED}": lambda path: check_download(path.parent),
}
"""Every file, and what reads it."""
SUMMED = [name for name in READERS if "deep" not in name]
"""Those that have a sidecar; a downloaded file stands in the record of its download."""
