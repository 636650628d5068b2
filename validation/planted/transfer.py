"""A planted transfer: three networks that differ in known terms, and what knowledge must find.

The formulas are written down anew, for few interactions given as exact fractions, and share no
code with :mod:`whypretrain.knowledge`. The empty set is in `preserve`, `discard` and `new` of order
0 and nowhere else.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import comb

import numpy as np

Interactions = Mapping[int, Fraction]
"""The interaction of every coalition that has one."""
Trajectory = dict[Fraction, list[Fraction]]
"""Weights of every term, by the fraction of training."""

FRACTIONS = (Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(1))
UNIT = 64  # final weights are odd numbers of 1/UNIT, so none is a 20th of another
SALIENT_SHARE = Fraction(1, 20)

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


def draw_transfer(n_terms: int, generator: np.random.Generator) -> dict[str, Trajectory]:
    """Trajectories of `probe`, which has one snapshot, `finetune` and `scratch`.

    Every term has one of the :data:`FATES`, each as many, and strengths of its own. Weights move on
    straight lines, from probe to finetune and from others to scratch: reversed terms pass 0.
    """
    fates = np.resize(list(FATES.values()), (n_terms, 3))[generator.permutation(n_terms)]
    signs = generator.choice([-1, 1], size=n_terms)
    probe, finetune, scratch = (
        [*(signs * fate * abs(np.array(draw_weights(n_terms, generator))))] for fate in fates.T
    )
    lines = {"finetune": (probe, finetune), "scratch": (draw_weights(n_terms, generator), scratch)}
    return {"probe": {Fraction(1): probe}} | {
        variant: {
            share: [a + share * (b - a) for a, b in zip(*line, strict=True)] for share in FRACTIONS
        }
        for variant, line in lines.items()
    }


def expected_knowledge(
    n_players: int, probe: Interactions, finetune: Interactions
) -> Iterator[tuple[int, str, Fraction]]:
    """Order, quantity and mean strength over the sets of that order (eqs. 6, 7)."""
    for order in range(n_players + 1):
        sums = dict.fromkeys(("preserve", "discard", "new"), Fraction(0))
        for coalition in probe.keys() | finetune.keys():
            if coalition.bit_count() == order:
                a, b = probe.get(coalition, Fraction(0)), finetune.get(coalition, Fraction(0))
                kept = abs(_common(a, b))
                sums["preserve"] += kept
                sums["discard"] += abs(a) - kept
                sums["new"] += abs(b) - kept
        for quantity, total in sums.items():
            yield order, quantity, total / comb(n_players, order)


def expected_ratios(
    n_players: int, probe: Interactions, finetune: Interactions, scratch: Interactions
) -> Iterator[tuple[str, str, Fraction | None]]:
    """Order (`all` or a number), reading and ratio (eq. 8); None where no set enters it.

    The reading `salient` is of the largest among the sets that are averaged over.
    """
    every = range(1, n_players + 1)
    scopes = {"all": [*every]} | {str(order): [order] for order in every}
    for scope, orders in scopes.items():
        held = [
            (abs(kept), abs(_common(kept, scratch.get(coalition, Fraction(0)))))
            for coalition in probe.keys() & finetune.keys()
            if coalition.bit_count() in orders
            and (kept := _common(probe[coalition], finetune[coalition]))
        ]
        ratios = [reached / kept for kept, reached in held]
        largest = max((kept for kept, _ in held), default=0)
        salient = [reached / kept for kept, reached in held if kept > SALIENT_SHARE * largest]
        for reading, above, below in (
            ("positive", sum(ratios), len(ratios)),
            ("zero", sum(ratios), sum(comb(n_players, order) for order in orders)),
            ("salient", sum(salient), len(salient)),
            ("weighted", sum(reached for _, reached in held), sum(kept for kept, _ in held)),
        ):
            yield scope, reading, Fraction(above) / below if below else None


def expected_jaccard(snapshot: Interactions, final: Interactions) -> Fraction:
    """Eq. 9: where signs agree, the weaker over the stronger; else nothing over both strengths."""
    common = union = Fraction(0)
    for coalition in (snapshot.keys() | final.keys()) - {0}:
        a, b = snapshot.get(coalition, Fraction(0)), final.get(coalition, Fraction(0))
        common += abs(_common(a, b))
        union += abs(a) + abs(b) - abs(_common(a, b))
    return common / union if union else Fraction(1)


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The weaker of two interactions of one sign, else 0."""
    return min(a, b, key=abs) if a * b > 0 else Fraction(0)
