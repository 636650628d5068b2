"""Which salient interactions are removed, preserved and emerge, and what another network holds.

After Zhang et al. (2026, arXiv 2605.17967), who follow supervised fine-tuning of language models.
Removed, preserved and emerged are sets; preserved *strength* is eq. 6 (:mod:`strengths`). Two
things are ours: a set that keeps its salience and changes its sign is removed and emerges, and the
sets before are those of one network, not those that every snapshot so far had. Chance permutes one
network's interactions among the sets of their order (:mod:`chance`).
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import salient
from whypretrain.interactions.sets import alike_sets, orders_of, players_of
from whypretrain.knowledge.agreement import GROUPS
from whypretrain.knowledge.cancellation import expected_uncancelled, uncancelled
from whypretrain.knowledge.chance import by_order, common, expected_common
from whypretrain.knowledge.compared import Compared, heard_at
from whypretrain.knowledge.strengths import TRAINED
from whypretrain.knowledge.tables import agreed_groups, begins, long_table
from whypretrain.settings.knowledge import Metrics

Array = NDArray[np.float64]
Signs = NDArray[np.int8]
Table = pd.DataFrame
HeldReading = Literal["strength", "salient"]
HELD_READINGS: tuple[HeldReading, ...] = get_args(HeldReading)


class Turnover(NamedTuple):
    """What becomes of salient sets from one network to another: which, of the networks' shape."""

    removed: NDArray[np.bool_]
    preserved: NDArray[np.bool_]
    emerged: NDArray[np.bool_]


class Counts(NamedTuple):
    """How many sets of each order, arrays of shape (..., n_players + 1)."""

    removed: Array
    preserved: Array
    emerged: Array


class Held(NamedTuple):
    """Sums over the sets of each order, arrays of shape (..., n_players + 1), in nats.

    `held`: what another network holds of the own strength, `chance`: its expectation, `whole`: the
    own strength.
    """

    held: Array
    chance: Array
    whole: Array


def turnover(before: Signs, after: Signs) -> Turnover:
    """Removed, preserved (with the same sign) and emerged sets.

    Parameters
    ----------
    before, after : arrays of shape (..., n_sets)
        Sign of each salient interaction, 0 of the others.

    >>> turnover(np.array([1, 1, -1, 0]), np.array([1, 0, 1, 0])).emerged
    array([False, False,  True, False])
    """
    preserved = (before != 0) & (before == after)
    return Turnover((before != 0) & ~preserved, preserved, (after != 0) & ~preserved)


def expected_turnover(before: Signs, after: Signs) -> Counts:
    """How many sets of each order are expected to be removed, preserved and to emerge.

    Where `after` is permuted, the sets of one sign that both have are a hypergeometric number: of m
    sets, s and s', the expectation is s·s'/m.

    >>> expected_turnover(np.array([1, 1, -1, 0]), np.array([0, 0, 1, 0])).preserved
    array([0. , 0.5, 0. ])
    """
    preserved = _expected(before == 1, after == 1) + _expected(before == -1, after == -1)
    return Counts(by_order(before != 0) - preserved, preserved, by_order(after != 0) - preserved)


def held_strength(own: Array, other: Array) -> Held:
    """What another network holds of the own strength: γ in the reading `strength`.

    γ = Σ 1[xy > 0] min(|x|, |y|) / Σ |x|. Of the probe with the fine-tuned network this is the
    preserved share (eq. 6).

    Parameters
    ----------
    own, other : interactions, arrays of shape (..., n_sets)
    """
    sums = common(own, other), expected_common(own, other), np.abs(own)
    return Held(*map(by_order, sums))


def held_salient(own: Array, own_signs: Signs, other_signs: Signs) -> Held:
    """What is salient in another network too, with the same sign: γ in the reading `salient`.

    γ = Σ |x| 1[salient in both, same sign] / Σ |x| over the own salient sets, as the paper has it.

    Parameters
    ----------
    own : interactions, array of shape (..., n_sets)
    own_signs, other_signs : arrays of that shape, as :func:`turnover` takes them
    """
    whole = np.where(own_signs != 0, np.abs(own), 0.0)
    held = by_order(np.where(own_signs == other_signs, whole, 0.0))
    positive, negative = (
        _expected(np.where(own_signs == sign, whole, 0.0), other_signs == sign) for sign in (1, -1)
    )
    return Held(held, positive + negative, by_order(whole))


def _expected(first: Array, second: Array) -> Array:
    """Σ first · second by order, where `second` is permuted among the sets that are alike."""
    shape = np.broadcast_shapes(first.shape, second.shape)[:-1]
    found = np.zeros((*shape, players_of(first.shape[-1]) + 1))
    for order, sets in alike_sets(first.shape[-1]):
        sums = first[..., sets].sum(axis=-1) * second[..., sets].sum(axis=-1)
        found[..., order] += sums / len(sets)
    return found


def shares(terms: Held, counted: NDArray[np.int64]) -> tuple[Array, Array]:
    """γ over some orders, measured and at chance: arrays of shape (...), NaN without strength.

    >>> own, other = np.array([[0.0, 1.0, 3.0, 5.0]]), np.array([[0.0, 2.0, -4.0, 1.0]])
    >>> shares(held_strength(own, other), np.array([1]))
    (array([0.25]), array([0.375]))
    """
    held, chance, whole = (own[..., counted].sum(axis=-1) for own in terms)
    some = whole > 0
    nothing = np.full_like(whole, np.nan)
    return (
        np.divide(held, whole, out=nothing.copy(), where=some),
        np.divide(chance, whole, out=nothing, where=some),
    )


def turnover_tables(
    compared: Compared, metrics: Metrics, tick: Callable[[], None] = lambda: None
) -> dict[str, Table]:
    """Tables by name: `held` and `turnover`, of all snapshots of fine-tuned and scratch networks.

    Of groups of orders along training, of single orders too at its end. What another seed's end
    holds of each part is of all orders along training, of groups at its end.

    Parameters
    ----------
    tick : called after each snapshot of networks with all their snapshots
    """
    held, turned = [], []
    every = agreed_groups(compared)
    whole = {name: own for name, own in every.items() if name in (*GROUPS, "all")}
    (probe,) = (_heard(record, -1, metrics) for record in compared.records("probe"))
    for variant in TRAINED:
        finals = {seed: _heard(record, -1, metrics) for seed, record in compared.each(variant)}
        for seed, record in compared.each(variant):
            last = len(record.fractions) - 1
            for at in range(last + 1):
                groups = every if at == last else whole
                spot = {"fraction": record.fractions[at], "epoch": record.epochs[at]}
                of = {"variant": variant, "seed": seed, **spot}
                snapshot = _heard(record, at, metrics)
                ends = {"" if one == seed else one: end for one, end in finals.items()}
                parts = _parts(snapshot, probe, None if at == last else finals[seed])
                made = _held(compared.samples, snapshot, probe, ends, groups)
                few = whole if at == last else {"all": whole["all"]}
                again = _held_again(compared.samples, parts, ends, few)
                held += [table.assign(**of) for table in (*made, *again)]
                whole_and_parts = _turned(compared.samples, snapshot, parts, groups)
                turned += [table.assign(**of) for table in whole_and_parts]
                if begins(record):
                    tick()
    return {
        "held": pd.concat(held, ignore_index=True),
        "turnover": pd.concat(turned, ignore_index=True),
    }


class _Heard(NamedTuple):
    """A network's interactions above the noise floor, and the signs of the salient ones."""

    interactions: Array
    signs: Signs


def _heard(record: Record, snapshot: int, metrics: Metrics) -> _Heard:
    own = heard_at(record, snapshot)
    is_salient = salient(own, threshold=metrics.salience_threshold, scale=metrics.salience_scale)
    return _Heard(own, np.where(is_salient, np.sign(own), 0).astype(np.int8))


Groups = dict[str, NDArray[np.int64]]


def _held(
    samples: list[str], own: _Heard, probe: _Heard, ends: dict[str, _Heard], groups: Groups
) -> Iterator[Table]:
    """γ of a snapshot: what the `probe` holds of it, and its `own` end; columns `held`, `second`.

    The reference ``second_run`` has in its own end's place that of another seed, `second`.
    """
    targets = [("probe", "", probe), *(("own", second, end) for second, end in ends.items())]
    for target, second, other in targets:
        terms = {
            "strength": held_strength(own.interactions, other.interactions),
            "salient": held_salient(own.interactions, own.signs, other.signs),
        }
        found = np.array(
            [[shares(terms[name], own) for own in groups.values()] for name in HELD_READINGS]
        )
        axes = {"reading": HELD_READINGS, "order": list(groups), "sample": samples}
        measured, chance = np.moveaxis(found, 2, 0)
        known = {"target": target, "second": second}
        reference = "second_run" if second else "measured"
        yield long_table(axes, held=measured).assign(reference=reference, **known)
        if not second:
            yield long_table(axes, held=chance).assign(reference="chance", **known)


class _Part(NamedTuple):
    """Some salient sets of a network: which, with their signs, and how many chance gives."""

    network: _Heard
    signs: Signs
    expected: Array


def _parts(own: _Heard, probe: _Heard, end: _Heard | None) -> dict[str, _Part]:
    """`salient` sets of a snapshot, those `removed`, `preserved` and `emerged` since the probe.

    And what emerges `later`, from the snapshot to the end, if that is another. Removed sets have
    the strengths of the probe, later ones those of the end.
    """
    now, at_chance = turnover(probe.signs, own.signs), expected_turnover(probe.signs, own.signs)
    # A permutation does not change how many are salient.
    parts = {
        "salient": _Part(own, own.signs, by_order(own.signs != 0)),
        "removed": _Part(probe, probe.signs * now.removed, at_chance.removed),
        "preserved": _Part(own, own.signs * now.preserved, at_chance.preserved),
        "emerged": _Part(own, own.signs * now.emerged, at_chance.emerged),
    }
    if end is not None:
        later, at_chance = turnover(own.signs, end.signs), expected_turnover(own.signs, end.signs)
        parts["later"] = _Part(end, end.signs * later.emerged, at_chance.emerged)
    return parts


def _held_again(
    samples: list[str], parts: dict[str, _Part], ends: dict[str, _Heard], groups: Groups
) -> Iterator[Table]:
    """γ of each part: what another seed's end, `second`, holds of its strength."""
    axes = {"order": list(groups), "sample": samples}
    for (target, part), (second, end) in product(parts.items(), ends.items()):
        if not second:
            continue
        terms = held_salient(part.network.interactions, part.signs, end.signs)
        found = np.array([shares(terms, own) for own in groups.values()])
        known = {"target": target, "second": second, "reading": "salient"}
        for reference, values in zip(("measured", "chance"), np.moveaxis(found, 1, 0), strict=True):
            yield long_table(axes, held=values).assign(reference=reference, **known)


def _turned(
    samples: list[str], own: _Heard, parts: dict[str, _Part], groups: Groups
) -> Iterator[Table]:
    """How many sets each part has and what of them does not cancel; `every` set is a part too."""
    order_of = orders_of(own.signs.shape[-1])
    all_sets = np.ones_like(own.signs)
    every = _Part(own, all_sets, by_order(all_sets != 0))
    axes = {"order": list(groups), "sample": samples}
    for name, (network, signs, expected) in {"every": every, **parts}.items():
        for reference, count, share_of in (
            ("measured", by_order(signs != 0), uncancelled),
            ("chance", expected, expected_uncancelled),
        ):
            n_sets = np.array([count[:, counted].sum(axis=1) for counted in groups.values()])
            left = np.array(
                [
                    share_of(network.interactions, (signs != 0) & np.isin(order_of, counted))
                    for counted in groups.values()
                ]
            )
            found = long_table(axes, n_sets=n_sets.astype(float), uncancelled=left)
            yield found.assign(part=name, reference=reference)
