"""What v(N) would be without a part of a model's interactions.

v(N) is the sum of all interactions (eq. 4), so a part is removed by subtracting it: this changes
the sum, not the network. A part gives every set S ≠ ∅ a strength between 0 and |I(S)|, as eqs. 6
and 7 do, and is removed with the sign that the interaction has in the model itself.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.mobius import n_players_of, orders
from whypretrain.knowledge.intervals import Options
from whypretrain.knowledge.strengths import split_knowledge

Array = NDArray[np.float64]


def removed_effect(interactions: Array, part: Array) -> Array:
    """What removing a part takes from v(N): for every order, Σ over its sets of sign(I)·part.

    Parameters
    ----------
    interactions : array of shape (n_samples, 2**n_players)
    part : array of the same shape, 0 <= part <= abs(interactions)

    Returns
    -------
    array of shape (n_players, n_samples), float64, nats; orders from 1, the empty set stays

    >>> removed_effect(np.array([[9.0, 1.0, -2.0, 4.0]]), np.array([[9.0, 1.0, 0.5, 3.0]]))
    array([[0.5],
           [3. ]])
    """
    signed = np.sign(interactions) * part
    return np.stack([signed[:, sets].sum(axis=1) for sets in _sets_of_orders(signed.shape[1])])


def random_effects(interactions: Array, parts: list[Array], options: Options) -> Array:
    """What removing equally much strength of every order takes from v(N), picked at random.

    In every draw the sets of an order are permuted, sample by sample, and removed whole in that
    sequence, the last of them in part, until as much strength is gone as the part has. So never
    more is removed of a set than it has. (Were the part's strengths permuted among the sets, weak
    sets would lose more than they have; were their signs to go with them, nothing would change.)

    Parameters
    ----------
    interactions : array of shape (n_samples, 2**n_players)
    parts : arrays of the same shape, as in :func:`removed_effect`

    Returns
    -------
    array of shape (n_parts, n_players, n_permutations, n_samples), float64, nats
        All parts are removed under the same draws.
    """
    generator = np.random.default_rng(options.seed)
    groups = _sets_of_orders(interactions.shape[1])
    shape = (len(parts), len(groups), options.n_permutations, len(interactions))
    effects = np.empty(shape)
    for index, sets in enumerate(groups):
        own = interactions[:, sets]
        budgets = [part[:, sets].sum(axis=1, keepdims=True) for part in parts]
        for draw in range(options.n_permutations):
            permuted = generator.permuted(own, axis=1)
            strength = np.abs(permuted)
            before = strength.cumsum(axis=1) - strength
            sign = np.sign(permuted)
            for number, budget in enumerate(budgets):
                taken = np.clip(budget - before, 0.0, strength)
                effects[number, index, draw] = (sign * taken).sum(axis=1)
    return effects


def counterfactual_table(
    samples: list[str], probe: Array, finetune: Array, options: Options
) -> pd.DataFrame:
    """v(N) without preserved or discarded (pre-trained model), preserved or new (fine-tuned).

    Parameters
    ----------
    samples : ids, one a row of the arrays
    probe, finetune : arrays of shape (n_samples, 2**n_players)

    Returns
    -------
    table with columns `variant`, `removed`, `order` (text: ``all`` or 1..n_players), `reference`
    (``measured``, or ``chance``: as much strength of every order picked at random, mean over
    draws), `sample`, `strength` (removed, nats), `v_before` and `v_after` (v(N), nats),
    `positive_before` and `positive_after` (1 where v > 0: the true class more probable than all
    others together; the share of draws under ``chance``)
    """
    knowledge = split_knowledge(probe, finetune)
    models = {
        "probe": (probe, {"preserve": knowledge.preserve, "discard": knowledge.discard}),
        "finetune": (finetune, {"preserve": knowledge.preserve, "new": knowledge.new}),
    }
    tables = []
    for variant, (interactions, parts) in models.items():
        random = random_effects(interactions, list(parts.values()), options)
        v_before = interactions.sum(axis=1)
        for (removed, part), drawn in zip(parts.items(), random, strict=True):
            strength = removed_effect(np.ones_like(part), part)
            # A draw more, in front of the axis of samples: measured is one draw.
            measured = removed_effect(interactions, part)[:, None]
            for reference, effects in {"measured": measured, "chance": drawn}.items():
                for order, (effect, size) in _all_and_each(effects, strength).items():
                    v_after = v_before - effect
                    columns = {
                        "variant": variant,
                        "removed": removed,
                        "order": order,
                        "reference": reference,
                        "sample": samples,
                        "strength": size,
                        "v_before": v_before,
                        "v_after": v_after.mean(axis=0),
                        "positive_before": (v_before > 0).astype(float),
                        "positive_after": (v_after > 0).mean(axis=0),
                    }
                    tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _all_and_each(effects: Array, strength: Array) -> dict[str, tuple[Array, Array]]:
    """Effects, (n_players, n_draws, n_samples), and strengths summed over orders and one by one."""
    each = {str(k): pair for k, pair in enumerate(zip(effects, strength, strict=True), start=1)}
    return {"all": (effects.sum(axis=0), strength.sum(axis=0))} | each


def _sets_of_orders(n_coalitions: int) -> list[NDArray[np.int64]]:
    order_of = orders(n_players_of(n_coalitions))
    return [np.flatnonzero(order_of == order) for order in range(1, int(order_of.max()) + 1)]
