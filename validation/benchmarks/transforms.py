"""The Möbius transform against shapiq's exact one, and against a plain copy of the array."""

import numpy as np
from shapiq import ExactComputer

from validation.benchmarks.timing import alternate, seconds
from whypretrain.interactions.mobius import mobius


def against_shapiq(
    *, repeats: int, n_players: int = 12, n_rows: int = 64
) -> dict[str, float | str]:
    """A batch of games against shapiq's Möbius transform of one of them, times the batch."""
    outputs = np.random.default_rng(0).normal(size=(n_rows, 1 << n_players))
    weights = 1 << np.arange(n_players)

    def oracle() -> object:
        row = outputs[0]
        game = ExactComputer(lambda masks: row[masks @ weights], n_players)
        return game("Moebius")

    theirs = seconds(oracle) * n_rows  # minutes for the batch: one game, once
    (ours,) = alternate(lambda: mobius(outputs), repeats=repeats)
    what = f"Möbius, batch of {n_rows}, n={n_players}, against shapiq"
    return {"what": what, "ratio": theirs / ours, "goal": 2000, "ms": ours * 1e3}


def against_copy(*, repeats: int, n_players: int, n_rows: int) -> dict[str, float | str]:
    """Time of one of the n passes over the array, in plain copies of it (lower is better)."""
    outputs = np.random.default_rng(0).normal(size=(n_rows, 1 << n_players))
    target = np.empty_like(outputs)
    ours, copy = alternate(
        lambda: mobius(outputs), lambda: np.copyto(target, outputs), repeats=repeats
    )
    what = f"Möbius, batch of {n_rows}, n={n_players}: a pass, in plain copies (at most)"
    return {"what": what, "ratio": ours / n_players / copy, "goal": 3, "ms": ours * 1e3}
