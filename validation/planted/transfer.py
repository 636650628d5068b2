"""A planted transfer: three networks that differ in known terms, and what knowledge must find.

The formulas are written down anew, for few interactions given as exact fractions, and share no
code with :mod:`whypretrain.knowledge`. The empty set is in `preserve`, `discard` and `new` of order
0 and nowhere else.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Interactions = Mapping[int, Fraction]
"""The interaction of every coalition that has one."""

PROBE, FINETUNE, SCRATCH = "probe", "finetune", "scratch"
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


class Transfer(NamedTuple):
    """Weights of every term: the final ones of three networks, and where scratch starts."""

    probe: list[Fraction]
    finetune: list[Fraction]
    scratch: list[Fraction]
    untrained: list[Fraction]

    def snapshots(self, variant: str) -> dict[Fraction, list[Fraction]]:
        """Weights of `finetune` or `scratch` along training, in :data:`FRACTIONS` of the way.

        They move on straight lines, so that reversed terms pass through 0.
        """
        first, last = {
            FINETUNE: (self.probe, self.finetune),
            SCRATCH: (self.untrained, self.scratch),
        }[variant]
        return {
            fraction: [a + fraction * (b - a) for a, b in zip(first, last, strict=True)]
            for fraction in FRACTIONS
        }


def draw_weights(n_terms: int, generator: np.random.Generator) -> list[Fraction]:
    """Weights from 1/64 to 4 of either sign, as many weak ones as strong ones."""
    sizes = 2 * np.floor(2 ** generator.uniform(0, 7, size=n_terms)).astype(int) - 1
    signs = generator.choice([-1, 1], size=n_terms)
    return [Fraction(int(number), UNIT) for number in signs * sizes]


def draw_transfer(n_terms: int, generator: np.random.Generator) -> Transfer:
    """Give every term one of the :data:`FATES`, each to as many, and strengths of its own."""
    fates = np.resize(list(FATES.values()), (n_terms, 3))[generator.permutation(n_terms)]
    signs = generator.choice([-1, 1], size=n_terms).tolist()

    def network(fate: NDArray[np.int64]) -> list[Fraction]:
        strengths = [abs(weight) for weight in draw_weights(n_terms, generator)]
        return [s * f * x for s, f, x in zip(signs, fate.tolist(), strengths, strict=True)]

    probe, finetune, scratch = (network(column) for column in fates.T)
    return Transfer(probe, finetune, scratch, untrained=draw_weights(n_terms, generator))


def expected_knowledge(
    n_players: int, probe: Interactions, finetune: Interactions
) -> Iterator[tuple[int, str, Fraction]]:
    """Order, quantity and mean strength over the sets of that order (eqs. 6, 7)."""
    for order in range(n_players + 1):
        sums = dict.fromkeys(("preserve", "discard", "new"), Fraction(0))
        for coalition in probe.keys() | finetune.keys():
            if coalition.bit_count() == order:
                a, b = probe.get(coalition, Fraction(0)), finetune.get(coalition, Fraction(0))
                kept = _kept(a, b)
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
    kept = {
        coalition: _kept(a, finetune[coalition])
        for coalition, a in probe.items()
        if coalition in finetune and a * finetune[coalition] > 0
    }
    reached = {}
    for coalition, strength in kept.items():
        c = scratch.get(coalition, Fraction(0))
        reached[coalition] = min(abs(c), strength) if c * probe[coalition] > 0 else Fraction(0)
    scopes = {"all": range(1, n_players + 1)} | {
        str(order): range(order, order + 1) for order in range(1, n_players + 1)
    }
    for name, orders in scopes.items():
        held = [coalition for coalition in kept if coalition.bit_count() in orders]
        n_sets = sum(comb(n_players, order) for order in orders)
        ratios = [reached[coalition] / kept[coalition] for coalition in held]
        largest = max((kept[coalition] for coalition in held), default=Fraction(0))
        salient = [
            reached[coalition] / kept[coalition]
            for coalition in held
            if kept[coalition] > SALIENT_SHARE * largest
        ]
        yield name, "positive", _quotient(sum(ratios), len(ratios))
        yield name, "zero", _quotient(sum(ratios), n_sets)
        yield name, "salient", _quotient(sum(salient), len(salient))
        yield (
            name,
            "weighted",
            _quotient(
                sum(reached[coalition] for coalition in held),
                sum(kept[coalition] for coalition in held),
            ),
        )


def expected_jaccard(snapshot: Interactions, final: Interactions) -> Fraction:
    """Eq. 9: where signs agree, the weaker over the stronger; else nothing over both strengths."""
    common = union = Fraction(0)
    for coalition in (snapshot.keys() | final.keys()) - {0}:
        a, b = snapshot.get(coalition, Fraction(0)), final.get(coalition, Fraction(0))
        common += _kept(a, b)
        union += max(abs(a), abs(b)) if a * b > 0 else abs(a) + abs(b)
    return common / union if union else Fraction(1)


def _kept(a: Fraction, b: Fraction) -> Fraction:
    return min(abs(a), abs(b)) if a * b > 0 else Fraction(0)


def _quotient(above: Fraction | int, below: Fraction | int) -> Fraction | None:
    return Fraction(above) / below if below else None
