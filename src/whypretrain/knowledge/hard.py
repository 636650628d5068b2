"""Hard samples: which networks are right on which, and what fine-tuning preserves there.

The paper says that preserved knowledge helps to classify hard samples (section 3.2.2). If so, the
fine-tuned network preserves more, and scratch reaches less of it, where scratch alone is wrong.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.knowledge.chance import expected_common
from whypretrain.knowledge.strengths import VARIANTS, held_knowledge, reached_strength

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def groups(correct: Mapping[str, Flags]) -> dict[str, Flags]:
    """Samples by who is right, shape (n_samples,) each; `every` is all of them.

    `hard` are those that fine-tuning gets right and scratch does not, `only_finetune` those of them
    that the probe gets wrong too, `lost` those that scratch gets right and fine-tuning does not.
    """
    probe, finetune, scratch = (correct[variant] for variant in VARIANTS)
    return {
        "every": np.ones_like(probe),
        "all_right": probe & finetune & scratch,
        "hard": finetune & ~scratch,
        "only_finetune": finetune & ~scratch & ~probe,
        "lost": scratch & ~finetune,
        "none_right": ~probe & ~finetune & ~scratch,
    }


def hard_table(
    interactions: Mapping[str, Array],
    correct: Mapping[str, Flags],
    labels: NDArray[np.int64],
) -> pd.DataFrame:
    """What is preserved, and how sure the networks are, by who is right.

    Parameters
    ----------
    interactions : of `probe`, `finetune` and `scratch`, shape (n_samples, n_sets)
    correct : whether each of them is right, shape (n_samples,)
    labels : true classes, shape (n_samples,)

    Returns
    -------
    table with one row a group of :func:`groups` that has a sample, and columns `group`, `n`,
    `n_classes` (true classes among them), `preserved_share` (of the probe's strength, sums over
    sets and samples), `chance` (of that share), `reached_share` (of the
    preserved strength, what scratch reaches), and `v_probe`, `v_finetune`, `v_scratch` (mean v(N),
    nats)
    """
    probe, finetune, scratch = (interactions[variant] for variant in VARIANTS)
    kept = held_knowledge(probe, finetune)
    parts = np.abs(probe), np.abs(kept), reached_strength(kept, scratch)
    strength, held, also = (part[:, 1:].sum(axis=1) for part in parts)
    by_chance = expected_common(probe, finetune)[:, 1:].sum(axis=1)
    rows = []
    for group, chosen in groups(correct).items():
        if chosen.any():
            total, preserved = strength[chosen].sum(), held[chosen].sum()
            v = {f"v_{name}": interactions[name][chosen].sum(axis=1) for name in VARIANTS}
            rows.append(
                {
                    "group": group,
                    "n": int(chosen.sum()),
                    "n_classes": len(np.unique(labels[chosen])),
                    "preserved_share": preserved / total if total > 0 else np.nan,
                    "chance": by_chance[chosen].sum() / total if total > 0 else np.nan,
                    "reached_share": also[chosen].sum() / preserved if preserved > 0 else np.nan,
                    **{name: values.mean() for name, values in v.items()},
                }
            )
    return pd.DataFrame(rows)
