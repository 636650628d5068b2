"""How many classes and items a dataset has, without preparing it."""

import json
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet

from whypretrain.data.sources import load_source
from whypretrain.settings.data import Dataset, Digits


class DatasetSize(NamedTuple):
    """Classes, and items of each split; `source` says how we know."""

    classes: int
    train: int
    test: int
    source: str


def dataset_size(dataset: Dataset, name: str) -> DatasetSize | None:
    """The size of a dataset: as prepared, as it must come out, or as configured; else None."""
    train, test = (Path(f"results/datasets/{name}/{part}.parquet") for part in ("train", "test"))
    if train.exists() and test.exists():
        files = [pyarrow.parquet.read_metadata(path) for path in (train, test)]
        classes = json.loads(files[0].metadata[b"classes"])
        return DatasetSize(len(classes), files[0].num_rows, files[1].num_rows, "prepared")
    if isinstance(dataset, Digits):
        splits = load_source(dataset)
        return DatasetSize(len(splits.classes), len(splits.train), len(splits.test), "derived")
    n_classes = len(getattr(dataset, "classes", None) or ()) or dataset.n_classes
    if dataset.sizes is None or n_classes is None:
        return None
    return DatasetSize(n_classes, dataset.sizes.train, dataset.sizes.test, "stated")
