"""Tidy tables of one experiment, from arrays of interactions. One row a sample and quantity."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.config.metrics import Metrics
from whypretrain.interactions.coalitions import n_players_of, orders
from whypretrain.interactions.salience import (
    random_reconstruction_error,
    reconstruction_error,
    salient,
)
from whypretrain.metrics.knowledge import (
    RATIO_READINGS,
    exclusive_strength,
    ratio_terms,
    reached_strength,
    split_knowledge,
)

Array = NDArray[np.float64]


def knowledge_table(
    samples: list[str], pretrain: Array, finetune: Array, scratch: Array
) -> pd.DataFrame:
    """Mean strength per sample and order of every quantity of eqs. 6 and 7, and of the models.

    Parameters
    ----------
    samples : ids, one a row of the arrays
    pretrain, finetune, scratch : arrays of shape (n_samples, 2**n_players)

    Returns
    -------
    table with columns `sample`, `order` (0..n_players), `quantity`, `strength` (mean over the
    sets of that order, in units of v, i.e. nats of log-odds), `n_sets`
    """
    knowledge = split_knowledge(pretrain, finetune)
    quantities = {
        "preserve": knowledge.preserve,
        "discard": knowledge.discard,
        "new": knowledge.new,
        "pretrain": np.abs(pretrain),
        "finetune": np.abs(finetune),
        "scratch": np.abs(scratch),
        "finetune_only": exclusive_strength(finetune, scratch),
        "scratch_only": exclusive_strength(scratch, finetune),
        "reached": reached_strength(pretrain, knowledge.preserve, scratch),
    }
    order_of = orders(n_players_of(pretrain.shape[1]))
    tables = []
    for order in np.unique(order_of):
        chosen = order_of == order
        for quantity, strength in quantities.items():
            columns = {
                "sample": samples,
                "order": order,
                "quantity": quantity,
                "strength": strength[:, chosen].mean(axis=1),
                "n_sets": int(chosen.sum()),
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def ratio_table(
    samples: list[str], pretrain: Array, finetune: Array, scratch: Array
) -> pd.DataFrame:
    """The ratio of eq. 8 under every reading, over all orders (order `all`) and per order.

    Returns
    -------
    table with columns `sample`, `order` (text: ``all`` or 1..n_players), `reading`, `numerator`,
    `denominator`, `ratio` (NaN where the denominator is 0). The empty set is left out.
    """
    preserve = split_knowledge(pretrain, finetune).preserve
    reached = reached_strength(pretrain, preserve, scratch)
    order_of = orders(n_players_of(pretrain.shape[1]))
    groups = {"all": order_of > 0} | {
        str(order): order_of == order for order in range(1, int(order_of.max()) + 1)
    }
    tables = []
    for order, chosen in groups.items():
        for reading in RATIO_READINGS:
            numerator, denominator = ratio_terms(
                preserve[:, chosen], reached[:, chosen], reading=reading
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
    samples: list[str], variant: str, interactions: Array, options: Metrics
) -> pd.DataFrame:
    """How many interactions are salient, and how well they alone rebuild the outputs.

    Returns
    -------
    table with columns `variant`, `sample`, `n_salient`, `salient_share` (of 2**n_players),
    `reconstruction_error` (RMS over coalitions, relative to the RMS of v(T) - v(∅))
    """
    chosen = salient(
        interactions, threshold=options.salience_threshold, scale=options.salience_scale
    )
    columns = {
        "variant": variant,
        "sample": samples,
        "n_salient": chosen.sum(axis=1),
        "salient_share": chosen.mean(axis=1),
        "reconstruction_error": reconstruction_error(interactions, chosen),
    }
    return pd.DataFrame(columns)


def threshold_table(
    samples: list[str], variant: str, interactions: Array, options: Metrics
) -> pd.DataFrame:
    """How the salient set and its error depend on the threshold of salience.

    Returns
    -------
    table with the columns of :func:`salience_table`, `threshold` and `random_error`: what the
    error would be of as many interactions drawn at random (root of the mean square over draws)
    """
    tables = []
    for threshold in options.salience_thresholds:
        chosen = options.model_copy(update={"salience_threshold": threshold})
        table = salience_table(samples, variant, interactions, chosen)
        table.insert(2, "threshold", threshold)
        table["random_error"] = random_reconstruction_error(
            interactions, table["n_salient"].to_numpy()
        )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
