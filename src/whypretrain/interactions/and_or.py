"""AND-OR interactions: the sparsest split of outputs into an AND part and an OR part.

An AND interaction takes effect where all players of its set are kept, an OR interaction where any
of them is. Li and Zhang (2023) and Chen et al. (ICLR 2024) write v = v_and + v_or and choose the
split with the least strength Σ |I_and(S)| + Σ |I_or(S)|. This is a linear program in 2**n_players
unknowns. Here it is solved to a stated gap: each result has a lower bound of what any split has.

Two things are the same in both kinds. A constant is one: the empty set stands with AND and costs
the same however it is split, so it is left out of the strength. A set of one player is the other:
"all of them" is "any of them", so it stands with AND as well, and OR sets begin at order 2.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whypretrain.interactions.mobius import mobius, n_players_of, orders, zeta

Array = NDArray[np.float64]
TOGETHER = 1 << 14  # float64 values worked on at a time: an iteration's arrays stay in the cache
CHECK = 25
"""Iterations between two looks at the gap, which costs about as much as half an iteration."""
RELAXATION = 1.8
"""How far beyond its target each step goes; 1 to 2 converges, and the upper end is faster."""
TO_OR = np.array([[1.0, 1.0], [0.0, -1.0]])
"""For one player: coefficients of a function in AND sets to those in OR sets, but for the sign.

Of n players it is the n-fold Kronecker product K, and K·K is the identity."""


class Split(NamedTuple):
    """Outputs in two parts, their interactions, and how near the split is to the sparsest.

    Attributes
    ----------
    outputs_and, outputs_or : arrays of shape (n_samples, 2**n_players), nats
        They add up to the outputs. The OR part of the empty set is 0.
    interactions_and, interactions_or : arrays of that shape, nats
        OR sets with fewer than two players are 0.
    objective : array of shape (n_samples,), nats: the strength of all sets but the empty one
    bound : array of that shape, nats: no split has less
    iterations : array of that shape, int64
    """

    outputs_and: Array
    outputs_or: Array
    interactions_and: Array
    interactions_or: Array
    objective: Array
    bound: Array
    iterations: NDArray[np.int64]

    @property
    def gap(self) -> Array:
        """By what share of itself the objective may exceed the least: (n_samples,), 0 to 1."""
        return relative_gap(self.objective, self.bound)


def relative_gap(objective: Array, bound: Array) -> Array:
    """By what share of itself each objective may exceed the least: the same shape, 0 to 1."""
    excess = objective - bound
    return np.divide(excess, objective, out=np.zeros_like(excess), where=objective > 0)


def or_transform(outputs: ArrayLike) -> Array:
    """OR interactions I(S) = -Σ over T ⊆ S of (-1)**(|S|-|T|) v(N∖T) for S ≠ ∅; I(∅) = v(∅).

    Parameters
    ----------
    outputs : array of shape (..., 2**n_players)
        v(T) at index T.

    Returns
    -------
    array of shape (..., 2**n_players), float64, same unit

    Raises
    ------
    ValueError
        If the last axis is not a power of two.

    >>> or_transform([0.0, 1.0, 1.0, 1.0])
    array([0., 0., 0., 1.])
    """
    values = np.asarray(outputs, dtype=np.float64)
    result = 0.0 - mobius(values[..., ::-1])
    result[..., 0] = values[..., 0]
    return result


def or_zeta(interactions: ArrayLike) -> Array:
    """Outputs v(T) = I(∅) + Σ over S ∩ T ≠ ∅ of I(S): the inverse of :func:`or_transform`.

    Same shapes, dtype and errors.

    >>> or_zeta([0.0, 0.0, 0.0, 1.0])
    array([0., 1., 1., 1.])
    """
    values = np.asarray(interactions, dtype=np.float64)
    # All of them, less those that lie wholly outside T.
    outside = -values
    outside[..., 0] = values.sum(axis=-1)
    return zeta(outside)[..., ::-1].copy()


def split(outputs: ArrayLike, *, tolerance: float = 1e-4, max_iterations: int = 20000) -> Split:
    """The split of outputs into an AND and an OR part with the least strength of interactions.

    With h the Harsanyi interactions and t those of the OR part, the strength is |h - t| + |K·t|,
    each summed over S ≠ ∅. It is minimised by Douglas-Rachford splitting: in turn the nearest
    exact split (the singular vectors of K are Kronecker products, so this is four fast transforms)
    and a shrinkage of every interaction by the mean strength of one kind alone. Every exact split
    gives an upper bound; the step that led to it, scaled to fit into [-1, 1], a lower one by
    duality. A sample is done once they are near enough, and does not depend on the other samples.

    The least strength is unique, the split that has it is not. The start decides: half of the
    outputs in each part, as the authors do, which prefers no player and neither kind.

    Parameters
    ----------
    outputs : array of shape (n_samples, 2**n_players), nats, with at least one player
    tolerance : relative gap at which a sample is done
    max_iterations : where a sample ends at the latest; its gap then says how far it is

    Raises
    ------
    ValueError
        If the last axis is not a power of two, or there is no player.

    >>> found = split([[0.0, 1.0, 1.0, 1.0]])
    >>> found.interactions_or.round(3), found.objective.round(3)
    (array([[0., 0., 0., 1.]]), array([1.]))
    """
    values = np.asarray(outputs, dtype=np.float64)
    n_players = n_players_of(values.shape[-1])
    if n_players < 1:
        message = "outputs: no player, so there is nothing to split; give 2**n_players >= 2 outputs"
        raise ValueError(message)
    transforms, harsanyi = _Transforms(n_players), mobius(values)
    or_part, bound = np.zeros_like(harsanyi), np.zeros(len(harsanyi))
    iterations = np.zeros(len(harsanyi), dtype=np.int64)
    # A constant costs nothing. This one has v(∅) = -v(N), so that the dual game -v(N∖T) has it too.
    harsanyi[:, 0] = -harsanyi[:, 1:].sum(axis=1) / 2
    scale = (np.abs(harsanyi) + np.abs(transforms.to_or(harsanyi)))[:, 1:].mean(axis=1) / 2
    varying = np.flatnonzero(scale > 0)
    n_together = max(TOGETHER >> n_players, 1)
    for start in range(0, len(varying), n_together):
        rows = varying[start : start + n_together]
        unit = scale[rows, None]
        found = _solve(harsanyi[rows] / unit, transforms, tolerance, max_iterations)
        or_part[rows], bound[rows], iterations[rows] = found[0] * unit, found[1], found[2]
    bound *= scale
    return _split(values, harsanyi - or_part, -transforms.to_or(or_part), bound, iterations)


def _split(
    outputs: Array, own_and: Array, own_or: Array, bound: Array, iterations: NDArray[np.int64]
) -> Split:
    singles = orders(n_players_of(outputs.shape[1])) == 1
    own_and[:, singles] += own_or[:, singles]
    own_or[:, singles] = 0.0
    own_and[:, 0], own_or[:, 0] = outputs[:, 0], 0.0
    own_or += 0.0  # -0 is 0
    objective = np.abs(own_and[:, 1:]).sum(axis=1) + np.abs(own_or).sum(axis=1)
    # Rounding may put the bound above what it bounds.
    bound = np.minimum(bound, objective)
    return Split(zeta(own_and), or_zeta(own_or), own_and, own_or, objective, bound, iterations)


class _Transforms:
    """K of all players, its transpose, and its singular vectors, as products over halves of bits.

    Each takes and gives arrays of shape (n_samples, 2**n_players).
    """

    def __init__(self, n_players: int) -> None:
        left, singular, right = np.linalg.svd(TO_OR)
        self.n_low, self.n_high = n_players // 2, n_players - n_players // 2
        # Those of K alone: as a matrix they would take 2**(2 * n_players + 3) bytes.
        self.singular = np.ones(1)
        for _ in range(n_players):
            self.singular = np.kron(self.singular, singular)
        self.matrices = {
            name: (_power(matrix, self.n_high), _power(matrix, self.n_low))
            for name, matrix in {"K": TO_OR, "left": left, "right": right.T}.items()
        }

    def to_or(self, values: Array) -> Array:
        return self._apply("K", values)

    def from_or(self, values: Array) -> Array:
        return self._apply("K", values, transposed=True)

    def nearest_split(self, harsanyi: Array, first: Array, second: Array) -> tuple[Array, Array]:
        """The pair h - t and K·t that is nearest to any two arrays."""
        along = self._apply("right", harsanyi - first, transposed=True)
        along += self.singular * self._apply("left", second, transposed=True)
        along /= 1 + self.singular**2
        own_and = harsanyi - self._apply("right", along)
        return own_and, self._apply("left", self.singular * along)

    def _apply(self, name: str, values: Array, *, transposed: bool = False) -> Array:
        high, low = self.matrices[name]
        if transposed:
            high, low = high.T, low.T
        # A stack of matrices is multiplied one by one, so no sample changes another one's bits.
        shaped = values.reshape(len(values), 1 << self.n_high, 1 << self.n_low)
        return np.asarray((high @ shaped @ low.T).reshape(values.shape))


def _power(matrix: Array, times: int) -> Array:
    result: Array = np.ones((1, 1))
    for _ in range(times):
        result = np.asarray(np.kron(result, matrix), dtype=np.float64)
    return result


def _solve(
    harsanyi: Array, transforms: _Transforms, tolerance: float, max_iterations: int
) -> tuple[Array, Array, NDArray[np.int64]]:
    """OR parts t, lower bounds and iterations, where the mean strength of one kind alone is 1."""
    result, bound = np.empty_like(harsanyi), np.zeros(len(harsanyi))
    iterations = np.zeros(len(harsanyi), dtype=np.int64)
    rows, h = np.arange(len(harsanyi)), harsanyi
    first, second = h / 2, transforms.to_or(h / 2)
    for iteration in range(max_iterations + 1):
        own_and, own_or = transforms.nearest_split(h, first, second)
        if iteration % CHECK == 0 or iteration == max_iterations:
            lower = _lower_bound(h, own_or - second, transforms)
            bound[rows] = np.maximum(bound[rows], lower)
            objective = np.abs(own_and[:, 1:]).sum(axis=1) + np.abs(own_or[:, 1:]).sum(axis=1)
            done = objective - bound[rows] <= tolerance * objective
            done |= iteration == max_iterations
            result[rows[done]] = (h - own_and)[done]
            iterations[rows[done]] = iteration
            left = ~done
            if not left.any():
                break
            rows, h, first, second, own_and, own_or = (
                array[left] for array in (rows, h, first, second, own_and, own_or)
            )
        first += RELAXATION * (_shrunk(2 * own_and - first) - own_and)
        second += RELAXATION * (_shrunk(2 * own_or - second) - own_or)
    return result, bound, iterations


def _shrunk(values: Array) -> Array:
    """Nearer to 0 by 1, the mean strength, but for the empty set, which costs nothing."""
    result = values - np.clip(values, -1, 1)
    result[:, 0] = values[:, 0]
    return result


def _lower_bound(harsanyi: Array, dual: Array, transforms: _Transforms) -> Array:
    """Of the strength of any split: <Kᵀμ, h> for |μ| <= 1 and |Kᵀμ| <= 1, with μ(∅) = 0."""
    dual = dual.copy()
    dual[:, 0] = 0.0
    first = transforms.from_or(dual)
    largest = np.maximum(np.abs(first).max(axis=1), np.abs(dual).max(axis=1))
    return np.asarray((first * harsanyi).sum(axis=1) / np.maximum(largest, 1.0))
