"""How alike neighbouring players are, and whether they interact more than distant ones.

Patches of an image are correlated. Interactions do not assume that they are not: v is known for
every coalition, and eq. 4 holds whatever the inputs. But if a network only repeated what the pixels
already share, pairs would interact the less the farther apart they are, as their contents are less
alike.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.data.samples import Sample
from whypretrain.interactions.sets import parted

Array = NDArray[np.float64]
FARTHEST = 5
"""Distances from here on are counted as this one."""


def content(sample: Sample, n_players: int) -> Array:
    """What each player adds to the baseline: mean intensity over its pixels, less the baseline's.

    So it is 0 on average wherever a player lies, if the baseline is the mean image.

    Returns
    -------
    array of shape (n_players,), float64, white − black = 1; NaN for words
    """
    if sample.words:
        return np.full(n_players, np.nan)
    shown = (sample.inputs / 255 - sample.baseline).mean(axis=0)
    return np.array([shown[sample.players == player].mean() for player in range(n_players)])


def places(sample: Sample, n_players: int) -> Array:
    """Where each player is: its centre in units of a player's size, or the number of its word.

    The unit of an image is the root of the mean number of pixels of a player, which for a grid is
    the side of a cell.

    Returns
    -------
    array of shape (n_players, 2) for images, (n_players, 1) for words, float64
    """
    if sample.words:
        return np.array([[float(sample.word_players.index(p))] for p in range(n_players)])
    unit = np.sqrt((sample.players >= 0).sum() / n_players)
    at = [np.argwhere(sample.players == player).mean(axis=0) for player in range(n_players)]
    return np.array(at) / unit


def neighbours_table(
    samples: Sequence[Sample], n_players: int, interactions: Mapping[str, Array]
) -> pd.DataFrame:
    """Pairs of players by distance: correlation of their contents, strength of their interaction.

    Parameters
    ----------
    samples : one a row of the arrays
    interactions : arrays of shape (n_samples, n_sets) by variant

    Returns
    -------
    table with columns `variant`, `distance` (rounded, 1 to :data:`FARTHEST`, which stands for all
    beyond), `n_pairs` (over samples), `correlation` (of the contents of the two players of a pair,
    over all these pairs; the same for all variants, NaN for words), `strength` (mean |I({i, j})|,
    nats; of AND-OR interactions the sum of both kinds)
    """
    first, second = np.array(list(combinations(range(n_players), 2))).T
    contents = np.stack([content(sample, n_players) for sample in samples])
    at = np.stack([places(sample, n_players) for sample in samples])
    apart = np.linalg.norm(at[:, first] - at[:, second], axis=-1).round().clip(1, FARTHEST)
    rows = []
    for distance in np.unique(apart).astype(int):
        chosen = apart == distance
        pairs = np.stack([contents[:, first][chosen], contents[:, second][chosen]])
        # Either player may come first, so that both have one mean and one variance.
        both = np.concatenate([pairs, pairs[::-1]], axis=1)
        varies = bool((both.std(axis=1) > 0).all())
        correlation = float(np.corrcoef(both)[0, 1]) if varies else np.nan
        for variant, own in interactions.items():
            strength = np.abs(parted(own))[..., (1 << first) | (1 << second)].sum(axis=0)
            strength = strength[chosen].mean()
            rows.append((variant, distance, int(chosen.sum()), correlation, strength))
    columns = ["variant", "distance", "n_pairs", "correlation", "strength"]
    return pd.DataFrame(rows, columns=columns)
