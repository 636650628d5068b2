"""How alike two networks' features are: linear CKA (Kornblith et al., 2019, arXiv:1905.00414)."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.data.table import Split

Array = NDArray[np.float64]
MOST_ITEMS = 2000
"""Items of a split whose features are compared, at most."""


def linear_cka(first: Array, second: Array) -> tuple[float, float]:
    """Linear CKA of two networks' features on the same items, and its chance level.

    With centred features X and Y it is ||YᵀX||² / (||XᵀX||·||YᵀY||), Frobenius norms: 1 where the
    features are the same but for an orthogonal map and a scale, and never above. It is not near 0
    for unrelated networks that have many features and few items, so beside it stands its
    expectation if one network's items were permuted: ||X||²·||Y||² / (n − 1), over the same norms.

    Parameters
    ----------
    first, second : arrays of shape (n_items, n_features), each with features of its own, float64

    Returns
    -------
    cka, chance : both 0 where a network's features do not vary

    >>> linear_cka(np.array([[1.0], [0.0], [3.0]]), np.array([[0.0], [2.0], [-4.0]]))
    (1.0, 0.5)
    """
    return _compared(_centred(first), _centred(second))


def similarity_table(features: Mapping[str, Array]) -> pd.DataFrame:
    """Every pair of networks, by name.

    Parameters
    ----------
    features : arrays of shape (n_items, n_features), on the same items

    Returns
    -------
    table with columns `first`, `second`, `cka`, `chance` (:func:`linear_cka`) and `n_items`
    """
    rows, centred = [], {name: _centred(own) for name, own in features.items()}
    for first, second in combinations(features, 2):
        cka, chance = _compared(centred[first], centred[second])
        rows.append((first, second, cka, chance, len(features[first])))
    return pd.DataFrame(rows, columns=["first", "second", "cka", "chance", "n_items"])


class _Centred(NamedTuple):
    """Centred features X, at most as many as items, and the Frobenius norm of XᵀX."""

    features: Array
    norm: float


def _centred(features: Array) -> _Centred:
    centred = features - features.mean(axis=0)
    n_items, n_features = features.shape
    if n_features > n_items:  # turned so that only as many features as items are not 0, and cut
        triangle: Array = np.asarray(np.linalg.qr(centred.T, mode="r"))
        centred = triangle.T
    return _Centred(centred, float(np.linalg.norm(centred.T @ centred)))


def _compared(first: _Centred, second: _Centred) -> tuple[float, float]:
    norm = first.norm * second.norm
    if norm == 0:
        return 0.0, 0.0
    x, y = first.features, second.features
    by_chance = np.square(x).sum() * np.square(y).sum() / (len(x) - 1)
    return float(np.square(y.T @ x).sum()) / norm, float(by_chance) / norm


def evenly(split: Split, most: int = MOST_ITEMS) -> Split:
    """At most so many items of a split, evenly spaced in the order of their ids."""
    order = sorted(range(len(split.ids)), key=split.ids.__getitem__)
    n = min(most, len(order))
    kept = [order[i * len(order) // n] for i in range(n)]
    columns: dict[str, Any] = {
        name: [getattr(split, name)[i] for i in kept]
        for name in ("ids", "images", "texts", "labels", "annotations")
        if getattr(split, name)
    }
    return split._replace(**columns)
