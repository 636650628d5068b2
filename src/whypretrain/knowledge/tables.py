"""Per-sample tables of the final networks of an experiment: see docs/formats.md.

One row a sample and quantity. What compares networks says of which seeds: columns `finetune` and
`scratch`, and `second` for the other of two networks of one kind. Each is empty where a number does
not depend on it. A table of single networks has `variant` and `seed`.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement, permutations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.salience import (
    SalienceScale,
    random_reconstruction_error,
    reconstruction_error,
    salient,
)
from whypretrain.interactions.sets import orders_of
from whypretrain.knowledge.agreement import (
    Terms,
    agreement,
    order_groups,
    set_terms,
    sign_terms,
)
from whypretrain.knowledge.chance import by_order, expected_common, largest_common
from whypretrain.knowledge.compared import Compared, heard_at
from whypretrain.knowledge.hard import hard_table
from whypretrain.knowledge.removal import counterfactual_table, redundancy_table
from whypretrain.knowledge.strengths import (
    RATIO_READINGS,
    TRAINED,
    VARIANTS,
    expected_split,
    held_knowledge,
    ratio_terms,
    reached_strength,
    split_knowledge,
)
from whypretrain.settings.knowledge import Metrics

Array = NDArray[np.float64]
Table = pd.DataFrame


def final_tables(compared: Compared, metrics: Metrics) -> dict[str, Table]:
    """Tables by name.

    They are `knowledge`, `ratio`, `agreement`, `counterfactual` and `hard`, and of each network
    `models`, `salience` and `redundancy`.
    """
    found = comparison_tables(compared)
    samples, (probe,) = compared.samples, compared.finals("probe")
    trained = zip(*(compared.finals(variant) for variant in TRAINED), strict=True)
    removed = [
        counterfactual_table(samples, probe, *both).assign(seed=seed)
        for seed, both in zip(compared.seeds, trained, strict=True)
    ]
    found["counterfactual"] = pd.concat(removed, ignore_index=True)
    found["hard"] = pd.concat(_hard(compared), ignore_index=True)
    parts: dict[str, list[Table]] = {"models": [], "salience": [], "redundancy": []}
    scale = metrics.salience_scale
    for variant in VARIANTS:
        for seed, record in compared.each(variant):
            own, of = heard_at(record, -1), {"variant": variant, "seed": seed}
            salience = salience_table(samples, own, metrics.salience_threshold, scale)
            ends = {"correct": record.correct[-1], "efficiency_residual": record.residuals[-1]}
            thresholds = threshold_table(samples, own, metrics.salience_thresholds, scale)
            parts["models"].append(salience.assign(**of, **ends))
            parts["salience"].append(thresholds.assign(**of))
            parts["redundancy"].append(redundancy_table(samples, own).assign(**of))
    return found | {name: pd.concat(own, ignore_index=True) for name, own in parts.items()}


def comparison_tables(compared: Compared) -> dict[str, Table]:
    """Those of them that claims are about: `knowledge`, `ratio` and `agreement`."""
    return {
        "knowledge": pd.concat(_strengths(compared), ignore_index=True),
        "ratio": pd.concat(_ratios(compared), ignore_index=True),
        "agreement": pd.concat(_agreements(compared), ignore_index=True),
    }


def _strengths(compared: Compared) -> Iterator[Table]:
    """Mean strength per sample and order of every quantity, under all references.

    Columns `order` (0..n_players), `quantity`, `strength` (mean over the sets of that order, in
    units of v, i.e. nats of log-odds), `n_sets`, `noise_floor`.
    """
    (a,), finetune, scratch = map(compared.finals, VARIANTS)
    order_of = orders_of(a.shape[-1])
    n_sets = np.bincount(order_of)

    def table(reference: str, seeds: dict[str, str], strengths: Mapping[str, Array]) -> Table:
        means = [
            (own if own.shape[-1] == len(n_sets) else by_order(own)) / n_sets
            for own in strengths.values()
        ]
        axes = {
            "quantity": list(strengths),
            "sample": compared.samples,
            "order": range(len(n_sets)),
        }
        found = long_table(axes, strength=np.stack(means))
        found["n_sets"] = n_sets[found["order"]]
        found["noise_floor"] = compared.noise_floor[found["order"]]
        return found.assign(reference=reference, **NO_SEEDS | seeds)

    yield table("measured", {}, {"probe": np.abs(a)})
    for seed, b in zip(compared.seeds, finetune, strict=True):
        own = {"finetune": np.abs(b), "preserve_most": largest_common(a, b)}
        yield table("measured", {"finetune": seed}, split_knowledge(a, b)._asdict() | own)
        yield table("chance", {"finetune": seed}, expected_split(a, b)._asdict())
    for seed, c in zip(compared.seeds, scratch, strict=True):
        yield table("measured", {"scratch": seed}, {"scratch": np.abs(c)})
        yield table("swapped", {"scratch": seed}, split_knowledge(a, c)._asdict())
    for (i, b), (k, again) in _pairs(compared.seeds, finetune):
        pair = {"finetune": i, "second": k}
        yield table("second_run", pair, split_knowledge(again, b)._asdict())
    for seeds, b, c in _crossed(compared):
        held = held_knowledge(a, b)
        for reference, split, reached in (
            ("measured", split_knowledge(b, c), reached_strength(held, c)),
            ("chance", expected_split(b, c), expected_common(held, c)),
        ):
            only = {"finetune_only": split.discard, "scratch_only": split.new}
            yield table(reference, seeds, only | {"reached": reached})


def _ratios(compared: Compared) -> Iterator[Table]:
    """The ratio of eq. 8 under every reading, over all orders (order `all`) and per order.

    Columns `order` (text: ``all`` or 1..n_players), `reading`, `numerator`, `denominator`, `ratio`
    (NaN where the denominator is 0).
    """
    (a,), finetune, _ = map(compared.finals, VARIANTS)
    kept = [held_knowledge(a, b) for b in finetune]
    held_of = dict(zip(compared.seeds, kept, strict=True))

    def table(reference: str, seeds: dict[str, str], held: Array, reached: Array) -> Table:
        found = ratio_table(compared.samples, np.abs(held), reached, compared.counted)
        return found.assign(reference=reference, **NO_SEEDS | seeds)

    for seeds, b, c in _crossed(compared):
        held = held_of[seeds["finetune"]]
        yield table("measured", seeds, held, reached_strength(held, c))
        yield table("chance", seeds, held, expected_common(held, c))
        turned = held_knowledge(a, c)
        yield table("swapped", seeds, turned, reached_strength(turned, b))
    for (i, held), (k, _), again in (
        (one, other, finetune[compared.seeds.index(other[0])])
        for one, other in _pairs(compared.seeds, kept)
    ):
        pair = {"finetune": i, "second": k}
        yield table("second_run", pair, held, reached_strength(held, again))


def ratio_table(
    samples: list[str], held: Array, reached: Array, counted: NDArray[np.bool_]
) -> Table:
    """The ratio of eq. 8 of one pair of networks.

    Parameters
    ----------
    held, reached : arrays of shape (n_samples, n_sets)
        Preserved strength, and what scratch reaches of it.
    counted : sets that enter, of shape (n_sets,)
    """
    order_of = orders_of(held.shape[1])
    groups = {"all": counted} | {
        str(order): (order_of == order) & counted for order in np.unique(order_of[counted])
    }
    terms = np.array(
        [
            [
                ratio_terms(held[:, chosen], reached[:, chosen], reading=reading)
                for reading in RATIO_READINGS
            ]
            for chosen in groups.values()
        ]
    )
    axes = {"order": list(groups), "reading": RATIO_READINGS, "sample": samples}
    numerator, denominator = np.moveaxis(terms, 2, 0)
    found = long_table(axes, numerator=numerator, denominator=denominator)
    return found.assign(ratio=found["numerator"] / found["denominator"].where(lambda x: x > 0))


def _hard(compared: Compared) -> Iterator[Table]:
    labels = compared.probe.labels
    for at, seed in enumerate(compared.seeds):
        places = {"probe": 0, "finetune": at, "scratch": at}
        finals = {variant: compared.finals(variant)[place] for variant, place in places.items()}
        right = {v: compared.records(v)[place].correct[-1] for v, place in places.items()}
        yield hard_table(finals, right, labels).assign(seed=seed)


def _agreements(compared: Compared) -> Iterator[Table]:
    """Agreement of pairs of networks beyond chance, by order and group of orders.

    Columns `pair` (such as ``probe-finetune``; ``untrained`` is scratch before its first step,
    ``preserved`` what is preserved of the probe), `kind` (``sets`` or ``signs``), `order`,
    `agreement`.
    """
    (a,), finetune, scratch = map(compared.finals, VARIANTS)
    seeds, groups = compared.seeds, agreed_groups(compared)
    untrained = {
        seed: heard_at(record, 0) for seed, record in compared.each("scratch") if begins(record)
    }

    def table(pair: str, of: dict[str, str], first: Array, second: Array) -> Table:
        both = {"sets": set_terms(first, second), "signs": sign_terms(first, second)}
        found = agreement_table(compared.samples, both, groups)
        return found.assign(pair=pair, **NO_SEEDS | of)

    for i, b in zip(seeds, finetune, strict=True):
        yield table("probe-finetune", {"finetune": i}, a, b)
    for j, c in zip(seeds, scratch, strict=True):
        yield table("probe-scratch", {"scratch": j}, a, c)
    for of, b, c in _crossed(compared):
        yield table("finetune-scratch", of, b, c)
        yield table("preserved-scratch", of, held_knowledge(a, b), c)
    for variant, own in (("finetune", finetune), ("scratch", scratch)):
        for (i, one), (k, other) in _pairs(seeds, own):
            yield table(f"{variant}-{variant}", {variant: i, "second": k}, one, other)
    for (i, b), (k, again) in _pairs(seeds, finetune):
        held = held_knowledge(a, b)
        yield table("preserved-finetune", {"finetune": i, "second": k}, held, again)
    for j, start in untrained.items():
        yield table("probe-untrained", {"scratch": j}, a, start)
        for i, b in zip(seeds, finetune, strict=True):
            yield table("finetune-untrained", {"finetune": i, "scratch": j}, b, start)


def agreed_groups(compared: Compared) -> dict[str, NDArray[np.int64]]:
    """Orders and groups of orders that agreement is reported of."""
    # The set of all players is alone in its order, and has no chance level.
    return order_groups(compared.orders[compared.orders < compared.probe.n_players])


def agreement_table(
    samples: list[str], terms: Mapping[str, Terms], groups: Mapping[str, NDArray[np.int64]]
) -> Table:
    """Agreement of one pair of networks: a row for each kind of terms, group and sample."""
    values = [[agreement(one, own) for own in groups.values()] for one in terms.values()]
    axes = {"kind": list(terms), "order": list(groups), "sample": samples}
    return long_table(axes, agreement=np.array(values))


def begins(record: Any) -> bool:
    """Whether a record holds the network before its first step."""
    return bool(record.fractions[0] == 0)


NO_SEEDS = {"finetune": "", "scratch": "", "second": ""}


def all_pairs(
    samples: list[str],
    networks: Mapping[str, Mapping[str, Array]],
    groups: Mapping[str, NDArray[np.int64]],
) -> Iterator[Table]:
    """Agreement of every two ways of training, as :func:`_agreements` has it of some.

    Of two ways every seed is compared with every other, of one way those of different seeds.

    Parameters
    ----------
    networks : by way of training and seed interactions of shape (n_samples, 2**n_players); the seed
        of the probe, of which there is one, is empty
    """

    def table(pair: str, of: dict[str, str], first: Array, second: Array) -> Table:
        found = agreement_table(samples, {"sets": set_terms(first, second)}, groups)
        return found.assign(pair=pair, **NO_SEEDS | of)

    for way, other in combinations_with_replacement(networks, 2):
        for (i, one), (k, second) in product(networks[way].items(), networks[other].items()):
            if way != other:
                yield table(f"{way}-{other}", {"finetune": i, "scratch": k}, one, second)
            elif i != k:
                yield table(f"{way}-{way}", {"finetune": i, "second": k}, one, second)


def _crossed(compared: Compared) -> Iterator[tuple[dict[str, str], Array, Array]]:
    """Every fine-tuned with every scratch network, with their seeds."""
    networks = (
        zip(compared.seeds, compared.finals(variant), strict=True)
        for variant in ("finetune", "scratch")
    )
    for (i, b), (j, c) in product(*networks):
        yield {"finetune": i, "scratch": j}, b, c


def _pairs(
    seeds: Sequence[str], networks: Sequence[Array]
) -> Iterator[tuple[tuple[str, Array], ...]]:
    """Every ordered pair of different networks of one kind."""
    return permutations(zip(seeds, networks, strict=True), 2)


def long_table(axes: Mapping[str, Any], **values: NDArray[Any]) -> Table:
    """A row for each element of arrays of one shape, whose axes have names and labels.

    >>> long_table({"sample": ["a", "b"]}, strength=np.array([0.5, 1.0]))
      sample  strength
    0      a       0.5
    1      b       1.0
    """
    index = pd.MultiIndex.from_product(list(axes.values()), names=list(axes))
    columns = {name: own.ravel() for name, own in values.items()}
    return pd.DataFrame(columns, index=index).reset_index()


def salience_table(
    samples: list[str], interactions: Array, threshold: float, scale: SalienceScale
) -> Table:
    """How many interactions are salient, and how well they alone rebuild the outputs.

    Returns
    -------
    table with columns `sample`, `n_salient`, `salient_share` (of all sets),
    `reconstruction_error` (RMS over coalitions, relative to the RMS of v(T) - v(∅))
    """
    chosen = salient(interactions, threshold=threshold, scale=scale)
    columns = {
        "sample": samples,
        "n_salient": chosen.sum(axis=1),
        "salient_share": chosen.mean(axis=1),
        "reconstruction_error": reconstruction_error(interactions, chosen),
    }
    return pd.DataFrame(columns)


def threshold_table(
    samples: list[str], interactions: Array, thresholds: Sequence[float], scale: SalienceScale
) -> Table:
    """How the salient set and its error depend on the threshold of salience.

    Returns
    -------
    table with the columns of :func:`salience_table`, `threshold` and `random_error`: what the
    error would be of as many interactions drawn at random (root of the mean square over draws)
    """
    tables = []
    for threshold in thresholds:
        table = salience_table(samples, interactions, threshold, scale)
        drawn = random_reconstruction_error(interactions, table["n_salient"].to_numpy())
        tables.append(table.assign(threshold=threshold, random_error=drawn))
    return pd.concat(tables, ignore_index=True)
