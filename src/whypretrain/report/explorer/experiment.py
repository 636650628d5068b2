"""One experiment as the page shows it: what the charts of figures 2 to 4 show, and its samples."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.data.samples import Samples
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import salient
from whypretrain.interactions.sets import orders_of
from whypretrain.knowledge.compared import counted_sets
from whypretrain.knowledge.reading import not_learned
from whypretrain.knowledge.strengths import RATIO_READINGS, RatioReading
from whypretrain.report.explorer.sample import exact, sample_view, short
from whypretrain.report.style import VARIANTS
from whypretrain.settings.report import ExplorerSettings

PARTS = ("preserve", "discard", "new")
TRAINED = ("finetune", "scratch")
NUMBERS = ("number", "low", "high", "chance", "second_run", "n", "n_seeds")


def evenly(count: int, most: int) -> list[int]:
    """At most `most` of `count` places, evenly spread, the first and the last among them.

    >>> evenly(10, 4), evenly(3, 5), evenly(5, 1), evenly(5, 0)
    ([0, 3, 6, 9], [0, 1, 2], [0], [])
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()


def experiment_view(
    name: str,
    samples: Samples,
    records: Mapping[str, Record],
    tables: Mapping[str, pd.DataFrame],
    settings: ExplorerSettings,
) -> dict[str, Any]:
    """Everything of one experiment, its samples included.

    Parameters
    ----------
    records : of `probe`, `finetune` and `scratch` of the first seed, of all samples in their order,
        with interactions of the experiment's kind
    tables : rows of this experiment: `summary`, and `adapting` where it has further variants

    Returns
    -------
    `name`, `title`, `setup`, `classes`, `n_players`, `n_sets` (S ≠ ∅), `n_samples` (all, not only
    those shown),
    `snapshots` (`fraction`, and the epoch of each trained variant), what
    :func:`experiment_numbers` gives, `ways` (see :func:`ways_of`), `uncounted` (orders in the noise
    floor of one of the records; the summary leaves out those of further seeds too) and `samples`

    Raises
    ------
    ValueError
        If samples, records and summary do not belong together.
    """
    for variant, record in records.items():
        if record.samples != [sample.id for sample in samples.samples]:
            message = f"{variant}.h5: its samples are not those of samples.h5; run snakemake again"
            raise ValueError(message)
    summary = tables["summary"]
    n_sets = records["probe"].interactions.shape[-1]
    numbers = experiment_numbers(summary, orders_of(n_sets), settings.figures.ratio_reading)
    if any(len(numbers["jaccard"][one]) != len(records[one].fractions) for one in TRAINED):
        message = "summary.csv: its snapshots are not those of the records; run snakemake again"
        raise ValueError(message)
    finals = [record.at(-1) for record in records.values()]
    counted = counted_sets(finals)
    noise_floor = np.max([final.noise_floor[-1] for final in finals], axis=0)
    shown = {variant: records[variant] for variant in VARIANTS}
    options = settings.metrics
    threshold, scale = options.salience_threshold, options.salience_scale
    is_salient = {
        variant: np.stack(
            [salient(one, threshold=threshold, scale=scale) for one in record.interactions]
        )
        for variant, record in shown.items()
    }
    place = settings.experiments.index(name)
    return {
        "name": name,
        "title": " † ".join([settings.titles[place], *not_learned(summary).values()]),
        "setup": settings.setups[place].model_dump(),
        "classes": samples.classes,
        "n_players": samples.n_players,
        "n_sets": n_sets - 1,
        "n_samples": len(samples.samples),
        "snapshots": [
            {"fraction": float(fraction)}
            | {variant: short(records[variant].epochs[at]) for variant in TRAINED}
            for at, fraction in enumerate(records["finetune"].fractions)
        ],
        **numbers,
        "ways": ways_of(tables["adapting"]) if "adapting" in tables else [],
        "uncounted": sorted(set(orders_of(n_sets)[~counted].tolist()) - {0}),
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
            for at in evenly(len(samples.samples), settings.explorer.samples)
        ],
    }


def experiment_numbers(
    summary: pd.DataFrame, order_of: NDArray[np.int64], first_reading: RatioReading
) -> dict[str, Any]:
    """What the charts of one experiment show, from its own rows of the summary.

    Parameters
    ----------
    order_of : of each interaction, (n_sets,)

    Returns
    -------
    `orders` (fig. 2; a dictionary an order, with one for each of preserve, discard and new),
    `agreement` (by pair, one an order or group), `transfer` (one a group of orders),
    `ratio` (fig. 3; one a reading of 0/0, `first_reading` first),
    `jaccard` (fig. 4; by variant, one a snapshot),
    `ceiling` (Jaccard similarity of two fine-tuned runs, or None), `accuracy` (one a variant)
    """

    def rows(*names: str, **keys: str) -> list[dict[str, Any]]:
        own = summary[(summary[list(keys)] == pd.Series(keys)).all(axis="columns")]
        records = own.to_dict("records")
        return [
            {name: exact(row[name]) for name in NUMBERS}
            | {name: row[name] if name == "order" else exact(row[name]) for name in names}
            for row in records
        ]

    orders = []
    for order, n_sets in enumerate(np.bincount(order_of)[1:].tolist(), start=1):
        parts = {part: rows("noise_floor", quantity=part, order=str(order))[0] for part in PARTS}
        about = {"order": order, "n_sets": n_sets}
        orders.append(about | {"noise_floor": parts["preserve"]["noise_floor"]} | parts)
    jaccard = {one: rows("epoch", quantity="jaccard", variant=one) for one in TRAINED}
    agreement = {
        pair: rows("order", quantity="agreement", variant=pair)
        for pair in summary.loc[summary["quantity"] == "agreement", "variant"].unique()
        if not pair.startswith("preserved")
    }
    return {
        "orders": orders,
        "agreement": agreement,
        "transfer": rows("order", quantity="transfer"),
        "ratio": [
            {"reading": reading} | row
            for reading in sorted(RATIO_READINGS, key=lambda one: one != first_reading)
            for row in rows(quantity="ratio", order="all", reading=reading)
        ],
        "jaccard": jaccard,
        "ceiling": jaccard["finetune"][-1]["second_run"],
        "accuracy": [
            {"variant": variant} | row
            for variant in VARIANTS
            for row in rows(quantity="accuracy", variant=variant)
        ],
    }


def ways_of(adapting: pd.DataFrame) -> list[dict[str, Any]]:
    """What each way of adapting keeps, and its accuracy, from the rows of an experiment.

    Returns
    -------
    a dictionary a way: `way`, `title` (empty for those of the paper); `accuracy`; `probe` and
    `seeds`, its agreement with the probe and of two of its seeds at low orders; `preserved`, the
    share preserved of the probe's strength. Each is a row of NUMBERS, or None where there is none.
    """
    low = adapting["order"].isin(["", "all", "1-2"]) & adapting["reading"].isin(["", "orders"])
    numbers = {
        (row["quantity"], row["variant"]): {name: exact(row[name]) for name in NUMBERS}
        for row in adapting[low].to_dict("records")
        if (row["quantity"], row["order"]) != ("agreement", "all")
    }
    tested = adapting[adapting["quantity"] == "accuracy"]
    return [
        {
            "way": way,
            "title": title,
            "accuracy": numbers["accuracy", way],
            "probe": numbers.get(("agreement", f"probe-{way}")),
            "seeds": numbers.get(("agreement", f"{way}-{way}")),
            "preserved": numbers.get(("preserved_share", way)),
        }
        for way, title in zip(tested["variant"], tested["level"], strict=True)
        if way != "probe"
    ]
