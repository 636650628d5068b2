"""One experiment as the page shows it, read from its folder under results/experiments/."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from whypretrain.data.samples import Samples, read_samples
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.store import read_measurements, read_spot
from whypretrain.knowledge.models import counted_sets, read_model
from whypretrain.knowledge.reading import read_tables
from whypretrain.knowledge.tables import salience_table
from whypretrain.report.explorer.numbers import TRAINED, experiment_numbers
from whypretrain.report.explorer.rounding import short
from whypretrain.report.explorer.sample import Moment, sample_view
from whypretrain.settings.explorer import ExplorerSettings
from whypretrain.settings.training import snapshot_label

TABLES = ("knowledge", "ratio", "jaccard", "history")


def evenly(count: int, most: int) -> list[int]:
    """At most `most` of `count` places, evenly spread, the first and the last among them.

    >>> evenly(10, 4), evenly(3, 5), evenly(5, 1), evenly(5, 0)
    ([0, 3, 6, 9], [0, 1, 2], [0], [])
    """
    if count <= most:
        return list(range(count))
    return np.linspace(0, count - 1, most).round().astype(int).tolist()


def read_experiment(folder: Path, settings: ExplorerSettings) -> dict[str, Any]:
    """Everything of one experiment, its samples included.

    Returns
    -------
    `name`, `title`, `setup`, `classes`, `n_players`, `n_samples` (all, not only those shown),
    `snapshots` (`fraction`, and the epoch of each trained variant), what
    :func:`~whypretrain.report.explorer.numbers.experiment_numbers` gives, `uncounted` (orders in the noise
    floor) and `samples`

    Raises
    ------
    ArtifactError
        If files do not belong together.
    """
    place = settings.experiments.index(folder.name)
    setup = settings.setups[place]
    tables = read_tables([folder / "tables" / f"{name}.csv" for name in TABLES], [folder.name])
    samples = read_samples(folder / "samples.h5")
    labels = [snapshot_label(fraction) for fraction in settings.snapshots]
    _check(folder, samples, tables, labels)
    replicated = [] if setup.replicate_seed is None else ["replicate"]
    finals = [
        read_model(folder / variant / f"interactions-{labels[-1]}.h5")
        for variant in ["probe", *TRAINED, *replicated]
    ]
    counted = counted_sets(finals)
    noise_floor = np.max([model.noise_floor for model in finals], axis=0)
    chosen = [samples.samples[at] for at in evenly(len(samples.samples), settings.explorer.samples)]
    files = dict.fromkeys(TRAINED, labels) | {"probe": labels[-1:]}
    moments = {
        variant: [
            _moments(folder / variant / f"interactions-{label}.h5", variant, settings)
            for label in files[variant]
        ]
        for variant in ("probe", *TRAINED)
    }
    return {
        "name": folder.name,
        "title": settings.titles[place],
        "setup": setup.model_dump(),
        "classes": samples.classes,
        "n_players": samples.n_players,
        "n_samples": len(samples.samples),
        "snapshots": [
            {"fraction": fraction}
            | {
                variant: short(read_spot(folder / variant / f"interactions-{label}.h5")[1])
                for variant in TRAINED
            }
            for fraction, label in zip(settings.snapshots, labels, strict=True)
        ],
        **experiment_numbers(tables, settings.statistics),
        "uncounted": sorted(
            {size.bit_count() for size in np.flatnonzero(~counted).tolist() if size}
        ),
        "samples": [
            sample_view(
                sample,
                {variant: [one[sample.id] for one in found] for variant, found in moments.items()},
                counted=counted,
                noise_floor=noise_floor,
                n_listed=settings.explorer.interactions,
            )
            for sample in chosen
        ],
    }


def _moments(path: Path, variant: str, settings: ExplorerSettings) -> dict[str, Moment]:
    """Every sample under one snapshot; what is salient may depend on all of them."""
    items = read_measurements(path)
    names = [item.sample for item in items]
    interactions = np.stack([item.interactions for item in items])
    salience = salience_table(names, variant, interactions, settings.metrics)
    columns = zip(items, salience["n_salient"], salience["reconstruction_error"], strict=True)
    return {item.sample: Moment(item, count, error) for item, count, error in columns}


def _check(
    folder: Path, samples: Samples, tables: Mapping[str, pd.DataFrame], labels: list[str]
) -> None:
    """Check that tables are of these samples and snapshots."""
    measured = set(tables["knowledge"]["sample"])
    if measured != {sample.id for sample in samples.samples}:
        message = (
            f"{folder / 'samples.h5'}: its samples are not those of {folder / 'tables'}; "
            "run snakemake again"
        )
        raise ArtifactError(message)
    if {snapshot_label(fraction) for fraction in tables["jaccard"]["fraction"]} != set(labels):
        message = (
            f"{folder / 'tables' / 'jaccard.csv'}: its snapshots are not {', '.join(labels)}; "
            "run snakemake again"
        )
        raise ArtifactError(message)
