"""Tidy tables of one experiment, from arrays of interactions. One row a sample and quantity."""

from collections.abc import Mapping, Sequence

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
from whypretrain.knowledge.strengths import RATIO_READINGS, ratio_terms

Array = NDArray[np.float64]


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


def knowledge_table(
    samples: list[str], strengths: Mapping[str, Array], noise_floor: Array
) -> pd.DataFrame:
    """Mean strength per sample and order of every quantity.

    Parameters
    ----------
    samples : ids, one a row of the arrays
    strengths : arrays of shape (n_samples, 2**n_players) by name of the quantity
    noise_floor : of shape (n_players + 1,), what rounding makes of each order

    Returns
    -------
    table with columns `sample`, `order` (0..n_players), `quantity`, `strength` (mean over the
    sets of that order, in units of v, i.e. nats of log-odds), `n_sets`, `noise_floor`
    """
    order_of = orders(len(noise_floor) - 1)
    tables = []
    for order, floor in enumerate(noise_floor):
        chosen = order_of == order
        for quantity, strength in strengths.items():
            columns = {
                "sample": samples,
                "order": order,
                "quantity": quantity,
                "strength": strength[:, chosen].mean(axis=1),
                "n_sets": int(chosen.sum()),
                "noise_floor": floor,
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def heard(strength: Array, noise_floor: Array) -> Array:
    """Strengths per set, with 0 where they are not above the noise floor of their order.

    Residues of rounding would count as preserved knowledge under the ratio's reading ``positive``.

    Parameters
    ----------
    strength : of shape (n_samples, 2**n_players)
    noise_floor : of shape (n_players + 1,)

    >>> heard(np.array([[0.0, 1.0, 1e-9, 2.0]]), np.array([0.0, 1e-8, 1e-7]))
    array([[0., 1., 0., 2.]])
    """
    of_set = noise_floor[orders(len(noise_floor) - 1)]
    return np.where(strength > of_set, strength, 0.0)


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
            numerator, denominator = ratio_terms(
                held[:, chosen], reached[:, chosen], reading=reading
            )
            columns = {
                "sample": samples,
                "order": order,
                "reading": reading,
                "numerator": numerator,
                "denominator": denominator,
            }
            tables.append(pd.DataFrame(columns))
    table = pd.concat(tables, ignore_index=True)
    table["ratio"] = table["numerator"] / table["denominator"].where(table["denominator"] > 0)
    return table


def salience_table(
    samples: list[str], variant: str, interactions: Array, *, threshold: float, scale: SalienceScale
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
        table = salience_table(samples, variant, interactions, threshold=threshold, scale=scale)
        table.insert(2, "threshold", threshold)
        table["random_error"] = random_reconstruction_error(
            interactions, table["n_salient"].to_numpy()
        )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
