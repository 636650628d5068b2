"""All per-sample tables of one experiment, from the records of its networks: see docs/formats.md.

One row a sample and quantity. Sample ids, one a row of the arrays, are given first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.mobius import n_players_of, orders
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import (
    SalienceScale,
    random_reconstruction_error,
    reconstruction_error,
    salient,
)
from whypretrain.knowledge.removal import counterfactual_table, redundancy_table
from whypretrain.knowledge.strengths import (
    RATIO_READINGS,
    TRAINED,
    VARIANTS,
    Models,
    comparisons,
    jaccard,
    permuted_jaccard,
    ratio_terms,
    sets_of_orders,
)
from whypretrain.settings.knowledge import Metrics, Statistics

Array = NDArray[np.float64]


def experiment_tables(
    records: Mapping[str, Record],
    metrics: Metrics,
    options: Statistics,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, pd.DataFrame]:
    """Tables by name.

    Parameters
    ----------
    records : of `probe`, `finetune`, `scratch` and, where there is one, `replicate`
    tick : called after each snapshot
    """
    counted = counted_sets(list(records.values()))
    samples = records["probe"].samples
    finals = {name: record.interactions[-1] for name, record in records.items()}
    models = Models(**finals)
    scale = metrics.salience_scale
    floor = np.max([record.noise_floor[-1] for record in records.values()], axis=0)
    parts: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for reference, compared in comparisons(models, options):
        strengths: dict[str, Any] = compared._asdict()
        held = heard(strengths.pop("held"), floor)
        if reference == "measured":
            strengths |= {name: np.abs(finals[name]) for name in VARIANTS}
        reached = np.where(held > 0, compared.reached, 0.0)
        knowledge = knowledge_table(samples, strengths, floor)
        ratio = ratio_table(samples, held, reached, counted)
        parts["knowledge"].append(knowledge.assign(reference=reference))
        parts["ratio"].append(ratio.assign(reference=reference))
    for name in VARIANTS:
        record, own = records[name], finals[name]
        salience = salience_table(samples, name, own, metrics.salience_threshold, scale)
        ends = {"correct": record.correct[-1], "efficiency_residual": record.residuals[-1]}
        parts["models"].append(salience.assign(**ends))
        thresholds = metrics.salience_thresholds
        parts["salience"].append(threshold_table(samples, name, own, thresholds, scale))
        parts["losses"].append(_losses(name, record))
        parts["redundancy"].append(redundancy_table(samples, name, own))
    parts["jaccard"] += _similarities(records, counted, options, tick)
    removed = counterfactual_table(samples, models.probe, models.finetune, models.scratch)
    parts["counterfactual"].append(removed)
    return {name: pd.concat(own, ignore_index=True) for name, own in parts.items()}


def _similarities(
    records: Mapping[str, Record],
    counted: NDArray[np.bool_],
    options: Statistics,
    tick: Callable[[], None],
) -> Iterator[pd.DataFrame]:
    """Jaccard similarity of every snapshot to the final interactions.

    The references ``chance`` and ``swapped`` compare with permuted ones and with those of the other
    trained network; ``second_run`` compares the final replicate with the final fine-tuned network.
    """
    for variant, other in (TRAINED, TRAINED[::-1]):
        record, own = records[variant], records[variant].interactions[-1]
        unrelated = records[other].interactions[-1]
        for at, snapshot in enumerate(record.interactions):
            similarity = {
                "measured": jaccard(snapshot[:, counted], own[:, counted]),
                "chance": permuted_jaccard(snapshot, own, counted, options),
                "swapped": jaccard(snapshot[:, counted], unrelated[:, counted]),
            }
            if (variant, at) == ("finetune", len(record.epochs) - 1) and "replicate" in records:
                again = records["replicate"].interactions[-1]
                similarity["second_run"] = jaccard(again[:, counted], own[:, counted])
            columns = {
                "variant": variant,
                "fraction": record.fractions[at],
                "epoch": record.epochs[at],
                "sample": record.samples,
            }
            for reference, values in similarity.items():
                yield pd.DataFrame({**columns, "reference": reference, "jaccard": values})
            tick()


def _losses(variant: str, record: Record) -> pd.DataFrame:
    """Cross-entropy of every sample at every snapshot, and whether the network is right."""
    n_snapshots, n_samples = record.losses.shape
    columns = {
        "variant": variant,
        "fraction": np.repeat(record.fractions, n_samples),
        "epoch": np.repeat(record.epochs, n_samples),
        "sample": record.samples * n_snapshots,
        "loss": record.losses.ravel(),
        "correct": record.correct.ravel(),
    }
    return pd.DataFrame(columns)


def counted_sets(records: Sequence[Record]) -> NDArray[np.bool_]:
    """Sets that metrics count: not the empty one, and of no order that lies in the noise floor.

    An order lies in it where the mean strength of one of the final networks is below its floor.

    Returns
    -------
    array of shape (2**n_players,)

    Raises
    ------
    ValueError
        If no order is left.
    """
    order_of = orders(records[0].n_players)
    counted = order_of > 0
    for record in records:
        strength = np.abs(record.interactions[-1]).mean(axis=0)
        sums = np.bincount(order_of, weights=strength) / np.bincount(order_of)
        counted &= (sums >= record.noise_floor[-1])[order_of]
    if not counted.any():
        message = (
            "every order of interactions lies in the noise floor of a final network: "
            "set extraction.precision to float32"
        )
        raise ValueError(message)
    return counted


def heard(strength: Array, noise_floor: Array) -> Array:
    """Strengths, (n_samples, 2**n_players), with 0 where not above the floor of their order.

    Residues of rounding would count as preserved knowledge under the ratio's reading ``positive``.

    >>> heard(np.array([[0.0, 1.0, 1e-9, 2.0]]), np.array([0.0, 1e-8, 1e-7]))
    array([[0., 1., 0., 2.]])
    """
    of_set = noise_floor[orders(len(noise_floor) - 1)]
    return np.where(strength > of_set, strength, 0.0)


def knowledge_table(
    samples: list[str], strengths: Mapping[str, Array], noise_floor: Array
) -> pd.DataFrame:
    """Mean strength per sample and order of every quantity.

    Parameters
    ----------
    strengths : arrays of shape (n_samples, 2**n_players) by name of the quantity
    noise_floor : of shape (n_players + 1,), what rounding makes of each order

    Returns
    -------
    table with columns `sample`, `order` (0..n_players), `quantity`, `strength` (mean over the
    sets of that order, in units of v, i.e. nats of log-odds), `n_sets`, `noise_floor`
    """
    tables = []
    for order, sets in enumerate(sets_of_orders(2 ** (len(noise_floor) - 1))):
        for quantity, strength in strengths.items():
            columns = {
                "sample": samples,
                "order": order,
                "quantity": quantity,
                "strength": strength[:, sets].mean(axis=1),
                "n_sets": len(sets),
                "noise_floor": noise_floor[order],
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def ratio_table(
    samples: list[str], held: Array, reached: Array, counted: NDArray[np.bool_]
) -> pd.DataFrame:
    """The ratio of eq. 8 under every reading, over all orders (order `all`) and per order.

    Parameters
    ----------
    held, reached : arrays of shape (n_samples, 2**n_players)
        Preserved knowledge, and what scratch reaches of it.
    counted : sets that enter, of shape (2**n_players,)

    Returns
    -------
    table with columns `sample`, `order` (text: ``all`` or 1..n_players), `reading`, `numerator`,
    `denominator`, `ratio` (NaN where the denominator is 0)
    """
    order_of = orders(n_players_of(held.shape[1]))
    groups = {"all": counted} | {
        str(order): (order_of == order) & counted for order in np.unique(order_of[counted])
    }
    tables = []
    for order, chosen in groups.items():
        for reading in RATIO_READINGS:
            terms = ratio_terms(held[:, chosen], reached[:, chosen], reading=reading)
            columns = {
                "sample": samples,
                "order": order,
                "reading": reading,
                **dict(zip(("numerator", "denominator"), terms, strict=True)),
            }
            tables.append(pd.DataFrame(columns))
    table = pd.concat(tables, ignore_index=True)
    table["ratio"] = table["numerator"] / table["denominator"].where(table["denominator"] > 0)
    return table


def salience_table(
    samples: list[str], variant: str, interactions: Array, threshold: float, scale: SalienceScale
) -> pd.DataFrame:
    """How many interactions are salient, and how well they alone rebuild the outputs.

    Returns
    -------
    table with columns `variant`, `sample`, `n_salient`, `salient_share` (of 2**n_players),
    `reconstruction_error` (RMS over coalitions, relative to the RMS of v(T) - v(∅))
    """
    chosen = salient(interactions, threshold=threshold, scale=scale)
    columns = {
        "variant": variant,
        "sample": samples,
        "n_salient": chosen.sum(axis=1),
        "salient_share": chosen.mean(axis=1),
        "reconstruction_error": reconstruction_error(interactions, chosen),
    }
    return pd.DataFrame(columns)


def threshold_table(
    samples: list[str],
    variant: str,
    interactions: Array,
    thresholds: Sequence[float],
    scale: SalienceScale,
) -> pd.DataFrame:
    """How the salient set and its error depend on the threshold of salience.

    Returns
    -------
    table with the columns of :func:`salience_table`, `threshold` and `random_error`: what the
    error would be of as many interactions drawn at random (root of the mean square over draws)
    """
    tables = []
    for threshold in thresholds:
        table = salience_table(samples, variant, interactions, threshold, scale)
        table.insert(2, "threshold", threshold)
        table["random_error"] = random_reconstruction_error(
            interactions, table["n_salient"].to_numpy()
        )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
