"""One experiment as the page shows it: its numbers and its samples."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from whypretrain.data.samples import Samples
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import reconstruction_error, salient
from whypretrain.knowledge.models import counted_sets
from whypretrain.report.explorer.numbers import TRAINED, evenly, experiment_numbers, short
from whypretrain.report.explorer.sample import Salience, sample_view
from whypretrain.report.style import VARIANTS
from whypretrain.settings.explorer import ExplorerSettings
from whypretrain.settings.metrics import Metrics


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
    check(samples, records, summary)
    finals = [record.at(-1) for record in records.values()]
    counted = counted_sets(finals)
    noise_floor = np.max([final.noise_floor[-1] for final in finals], axis=0)
    chosen = evenly(len(samples.samples), settings.explorer.samples)
    shown = {variant: records[variant] for variant in VARIANTS}
    salience = {key: salience_of(one, settings.metrics, chosen) for key, one in shown.items()}
    trained = {variant: records[variant] for variant in TRAINED}
    return {
        "name": name,
        "title": settings.titles[place],
        "setup": settings.setups[place].model_dump(),
        "classes": samples.classes,
        "n_players": samples.n_players,
        "n_samples": len(samples.samples),
        "snapshots": [
            {"fraction": float(fraction)}
            | {variant: short(record.epochs[at]) for variant, record in trained.items()}
            for at, fraction in enumerate(records["finetune"].fractions)
        ],
        **experiment_numbers(summary, samples.n_players),
        "uncounted": sorted({one.bit_count() for one in np.flatnonzero(~counted).tolist() if one}),
        "samples": [
            sample_view(
                samples.samples[at],
                shown,
                {variant: (n[:, row], error[:, row]) for variant, (n, error) in salience.items()},
                at=at,
                counted=counted,
                noise_floor=noise_floor,
                n_listed=settings.explorer.interactions,
            )
            for row, at in enumerate(chosen)
        ],
    }


def salience_of(record: Record, options: Metrics, chosen: list[int]) -> Salience:
    """How many interactions of some samples are salient, and how far these alone miss the outputs.

    What is salient may depend on all samples.

    Returns
    -------
    counts and errors, arrays of shape (n_snapshots, n_chosen)
    """
    counts, errors = [], []
    for interactions in record.interactions:
        is_salient = salient(
            interactions, threshold=options.salience_threshold, scale=options.salience_scale
        )[chosen]
        counts.append(is_salient.sum(axis=1))
        errors.append(reconstruction_error(interactions[chosen], is_salient))
    return np.stack(counts), np.stack(errors)


def check(samples: Samples, records: Mapping[str, Record], summary: pd.DataFrame) -> None:
    """Check that records are of these samples, and the summary of these snapshots.

    Raises
    ------
    ValueError
        If they are not.
    """
    ids = [sample.id for sample in samples.samples]
    for variant, record in records.items():
        if record.samples != ids:
            message = f"{variant}.h5: its samples are not those of samples.h5; run snakemake again"
            raise ValueError(message)
    jaccard = summary[summary["quantity"] == "jaccard"]
    for variant in TRAINED:
        fractions = jaccard.loc[jaccard["variant"] == variant, "fraction"].tolist()
        if fractions != records[variant].fractions.tolist():
            message = (
                f"summary.csv: its snapshots are not those of {variant}.h5; run snakemake again"
            )
            raise ValueError(message)
