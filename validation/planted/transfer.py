"""A planted transfer: networks that differ in known terms, and what knowledge must find.

The formulas are written down anew, for few interactions given as exact fractions, and share no
code with :mod:`whypretrain.knowledge`. The empty set is in `preserve`, `discard` and `new` of order
0 and nowhere else. Chance and the largest agreement are over all ways to place a network's
interactions on the sets of their order: a sum over pairs, and the best matching.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Interactions = Mapping[int, Fraction]
"""The interaction of every coalition that has one."""
Trajectory = dict[Fraction, list[Fraction]]
"""Weights of every term, by the fraction of training."""

FRACTIONS = (Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(1))
UNIT = 64  # final weights are odd numbers of 1/UNIT, so none is a 20th of another
SALIENT_SHARE = Fraction(1, 20)
GROUPS = {"1-2": (1, 2), "3-4": (3, 4), "5+": range(5, 99), "all": range(1, 99)}

FATES = {
    "kept, and reached from scratch": (1, 1, 1),
    "kept, not reached": (1, 1, 0),
    "kept, scratch has the opposite": (1, 1, -1),
    "dropped": (1, 0, 1),
    "reversed": (1, -1, -1),
    "added": (0, 1, 1),
    "in scratch alone": (0, 0, 1),
}
"""Signs of a term's weight under probe, finetune and scratch."""


def draw_weights(n_terms: int, generator: np.random.Generator) -> list[Fraction]:
    """Weights from 1/64 to 4 of either sign, as many weak ones as strong ones."""
    sizes = 2 * np.floor(2 ** generator.uniform(0, 7, size=n_terms)).astype(int) - 1
    signs = generator.choice([-1, 1], size=n_terms)
    return [Fraction(int(number), UNIT) for number in signs * sizes]


def draw_transfer(
    n_terms: int, n_seeds: int, generator: np.random.Generator
) -> dict[str, list[Trajectory]]:
    """Trajectories of `probe`, which has one snapshot, and of `finetune` and `scratch` by seed.

    Every term has one of the :data:`FATES`, each as many, and strengths of its own; its fates under
    different seeds have nothing to do with each other. Weights move on straight lines, from probe
    to finetune and from others to scratch: reversed terms pass 0. Only the first seed has all
    snapshots, the others have their last.
    """
    signs = generator.choice([-1, 1], size=n_terms)
    fates = [
        np.resize(list(FATES.values()), (n_terms, 3))[generator.permutation(n_terms)]
        for _ in range(n_seeds)
    ]
    probe = _strong(signs * fates[0][:, 0], generator)
    found: dict[str, list[Trajectory]] = {"probe": [{FRACTIONS[-1]: probe}]}
    for place, variant in enumerate(("finetune", "scratch"), start=1):
        found[variant] = []
        for seed, fate in enumerate(fates):
            final = _strong(signs * fate[:, place], generator)
            start = probe if variant == "finetune" else draw_weights(n_terms, generator)
            along = FRACTIONS[-1:] if seed else FRACTIONS
            found[variant].append(
                {
                    share: [a + share * (b - a) for a, b in zip(start, final, strict=True)]
                    for share in along
                }
            )
    return found


def _strong(signs: NDArray[np.int64], generator: np.random.Generator) -> list[Fraction]:
    """Weights with given signs, some of them 0."""
    return [*(signs * abs(np.array(draw_weights(len(signs), generator))))]


def expected_knowledge(
    n_players: int, probe: Interactions, finetune: Interactions, *, at_chance: bool = False
) -> Iterator[tuple[int, str, Fraction]]:
    """Order, quantity and mean strength over the sets of that order (eqs. 6, 7)."""
    for order in range(n_players + 1):
        a, b = of_order(probe, order), of_order(finetune, order)
        kept = mean_shared(n_players, a, b) if at_chance else shared(a, b)
        sums = {"preserve": kept, "discard": _strength(a) - kept, "new": _strength(b) - kept}
        for quantity, total in sums.items():
            yield order, quantity, total / comb(n_players, order)


def expected_ratios(
    n_players: int,
    probe: Interactions,
    finetune: Interactions,
    scratch: Interactions,
    *,
    at_chance: bool = False,
) -> Iterator[tuple[str, str, Fraction | None]]:
    """Order (`all` or a number), reading and ratio (eq. 8); None where no set enters it.

    The reading `salient` is of the largest among the sets that are averaged over.

    Parameters
    ----------
    at_chance : take the mean of what scratch reaches over all ways to place its interactions
    """
    held = preserved(probe, finetune)
    reached = {
        s: mean_shared(n_players, {s: kept}, scratch)
        if at_chance
        else abs(_common(kept, scratch.get(s, Fraction(0))))
        for s, kept in held.items()
    }
    every = range(1, n_players + 1)
    scopes = {"all": [*every]} | {str(order): [order] for order in every}
    for scope, orders in scopes.items():
        own = {s: abs(kept) for s, kept in held.items() if s.bit_count() in orders}
        ratios = {s: reached[s] / kept for s, kept in own.items()}
        largest = max(own.values(), default=0)
        salient = [ratios[s] for s, kept in own.items() if kept > SALIENT_SHARE * largest]
        for reading, above, below in (
            ("positive", sum(ratios.values()), len(ratios)),
            ("zero", sum(ratios.values()), sum(comb(n_players, order) for order in orders)),
            ("salient", sum(salient), len(salient)),
            ("weighted", sum(reached[s] for s in own), sum(own.values())),
        ):
            yield scope, reading, Fraction(above) / below if below else None


def expected_jaccard(
    n_players: int, snapshot: Interactions, final: Interactions, *, at_chance: bool = False
) -> Fraction:
    """Eq. 9: where signs agree, the weaker over the stronger; else nothing over both strengths."""
    one, other = ({s: value for s, value in own.items() if s} for own in (snapshot, final))
    common = mean_shared(n_players, one, other) if at_chance else shared(one, other)
    union = _strength(one) + _strength(other) - common
    return common / union if union else Fraction(1)


def expected_agreement(
    n_players: int, first: Interactions, second: Interactions
) -> Iterator[tuple[str, str, Fraction | None]]:
    """Kind (`sets` or `signs`), order or group, and agreement (M - E) / (L - E).

    None where nothing could agree more than by chance does.
    """
    terms: dict[str, dict[int, tuple[Fraction, ...]]] = {"sets": {}, "signs": {}}
    for order in range(1, n_players):
        one, other = of_order(first, order), of_order(second, order)
        held, weaker = shared(one, other), shared(_absolute(one), _absolute(other))
        terms["sets"][order] = held, mean_shared(n_players, one, other), largest_shared(one, other)
        terms["signs"][order] = held, weaker / 2, weaker
    for kind, of in terms.items():
        for name, orders in ({str(order): (order,) for order in of} | GROUPS).items():
            if own := [of[order] for order in orders if order in of]:
                held, chance, largest = (sum(part, Fraction(0)) for part in zip(*own, strict=True))
                room = largest - chance
                yield kind, name, (held - chance) / room if room else None


def mean_shared(n_players: int, first: Interactions, second: Interactions) -> Fraction:
    """The mean of :func:`shared` over all ways to place the second's interactions.

    Each comes to each set of its order in one of C(n, order) ways.
    """
    return sum(
        (
            abs(_common(a, b)) / comb(n_players, s.bit_count())
            for s, a in first.items()
            for t, b in second.items()
            if s.bit_count() == t.bit_count()
        ),
        Fraction(0),
    )


def largest_shared(first: Interactions, second: Interactions) -> Fraction:
    """The largest :func:`shared` over those ways, both of one order: the best matching."""
    # Floats are exact: weights are whole numbers over a power of two.
    worth = [[float(abs(_common(a, b))) for b in second.values()] for a in first.values()]
    if not (worth and worth[0]):
        return Fraction(0)
    matched = np.array(worth)[linear_sum_assignment(worth, maximize=True)]
    return Fraction(float(matched.sum()))


def shared(first: Interactions, second: Interactions) -> Fraction:
    """What two networks have in common, in sum over sets."""
    both = first.keys() & second.keys()
    return sum((abs(_common(first[s], second[s])) for s in both), Fraction(0))


def preserved(probe: Interactions, finetune: Interactions) -> dict[int, Fraction]:
    """The interactions that fine-tuning preserves, with their signs."""
    both = probe.keys() & finetune.keys()
    return {s: held for s in both if (held := _common(probe[s], finetune[s]))}


def of_order(interactions: Interactions, order: int) -> dict[int, Fraction]:
    """The interactions of one order."""
    return {s: value for s, value in interactions.items() if s.bit_count() == order}


def _absolute(interactions: Interactions) -> dict[int, Fraction]:
    return {s: abs(value) for s, value in interactions.items()}


def _strength(interactions: Interactions) -> Fraction:
    return sum(map(abs, interactions.values()), Fraction(0))


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The weaker of two interactions of one sign, else 0."""
    return min(a, b, key=abs) if a * b > 0 else Fraction(0)
