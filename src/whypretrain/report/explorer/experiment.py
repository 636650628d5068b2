"""One experiment as the page shows it: its numbers and its samples."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from whypretrain.data.samples import Samples
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import salient
from whypretrain.knowledge.tables import counted_sets
from whypretrain.report.explorer.numbers import TRAINED, evenly, experiment_numbers, short
from whypretrain.report.explorer.sample import sample_view
from whypretrain.report.style import VARIANTS
from whypretrain.settings.report import ExplorerSettings


def experiment_view(
    name: str,
    samples: Samples,
    records: Mapping[str, Record],
    summary: pd.DataFrame,
    settings: ExplorerSettings,
) -> dict[str, Any]:
    """Everything of one experiment, its samples included.

    Parameters
    ----------
    records : by variant, of all samples in their order; `replicate` where there is one
    summary : rows of this experiment

    Returns
    -------
    `name`, `title`, `setup`, `classes`, `n_players`, `n_samples` (all, not only those shown),
    `snapshots` (`fraction`, and the epoch of each trained variant), what
    :func:`~whypretrain.report.explorer.numbers.experiment_numbers` gives, `uncounted` (orders in
    the noise floor) and `samples`

    Raises
    ------
    ValueError
        If samples, records and summary do not belong together.
    """
    place = settings.experiments.index(name)
    for variant, record in records.items():
        if record.samples != [sample.id for sample in samples.samples]:
            message = f"{variant}.h5: its samples are not those of samples.h5; run snakemake again"
            raise ValueError(message)
    numbers = experiment_numbers(summary, samples.n_players)
    if [len(numbers["jaccard"][one]) for one in TRAINED] != [
        len(records[one].fractions) for one in TRAINED
    ]:
        message = "summary.csv: its snapshots are not those of the records; run snakemake again"
        raise ValueError(message)
    finals = [record.at(-1) for record in records.values()]
    counted = counted_sets(finals)
    noise_floor = np.max([final.noise_floor[-1] for final in finals], axis=0)
    chosen = evenly(len(samples.samples), settings.explorer.samples)
    shown = {variant: records[variant] for variant in VARIANTS}
    options = settings.metrics
    is_salient = {
        variant: np.stack(
            [
                salient(one, threshold=options.salience_threshold, scale=options.salience_scale)
                for one in record.interactions
            ]
        )
        for variant, record in shown.items()
    }
    return {
        "name": name,
        "title": settings.titles[place],
        "setup": settings.setups[place].model_dump(),
        "classes": samples.classes,
        "n_players": samples.n_players,
        "n_samples": len(samples.samples),
        "snapshots": [
            {"fraction": float(fraction)}
            | {variant: short(records[variant].epochs[at]) for variant in TRAINED}
            for at, fraction in enumerate(records["finetune"].fractions)
        ],
        **numbers,
        "uncounted": sorted({one.bit_count() for one in np.flatnonzero(~counted).tolist() if one}),
        "samples": [
            sample_view(
                samples.samples[at],
                shown,
                is_salient,
                at=at,
                counted=counted,
                noise_floor=noise_floor,
                n_listed=settings.explorer.interactions,
            )
            for at in chosen
        ],
    }
