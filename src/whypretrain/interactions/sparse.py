"""An estimate of interactions from some of the 2**n masks, where all of them are too many.

Which sets have one is recovered by SPEX (Kang et al. 2025, arXiv 2502.13870), as shapiq implements
it: a sparse Fourier transform from masks of its own choice, so it finds sets on which outputs vary.
Their interactions are those that fit all outputs asked, by least squares. What outputs hardly vary
with is not found, however strong its interaction: see docs/performance.md for how much that is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_PLAYERS = 24
"""Of an estimate."""
HELD_OUT = 10
"""One mask in so many is held out, to tell how well the estimate predicts it."""

ValueFunction = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Outputs v(T), float64 of shape (batch,), of distinct coalitions T, int64 of shape (batch,)."""


class Estimate(NamedTuple):
    """A sparse estimate; every set that is not in it is estimated as 0.

    `sets`: coalitions, int64 of shape (n_sets,), the empty set first, increasing. `interactions`:
    of these, in the units of the outputs, float64 of that shape; the empty set's is measured.
    `n_masks`: masks that were asked, each once. `explained`: share of the variance of held-out
    outputs that the estimate predicts; 1 is all, NaN where they do not vary. It says nothing of
    sets that outputs hardly vary with.
    """

    sets: NDArray[np.int64]
    interactions: NDArray[np.float64]
    n_masks: int
    explained: float


def estimate_interactions(
    value_function: ValueFunction, n_players: int, *, masks: int, seed: int = 0
) -> Estimate:
    """Estimate the interactions of a game with few that matter.

    Parameters
    ----------
    masks : how many masks may be asked, one in ten of which is held out; some stay unused, as SPEX
        takes a few numbers only
    seed : of the masks

    Raises
    ------
    ImportError
        If shapiq is not installed.
    ValueError
        If there are too many players, or `masks` is too few for SPEX or no fewer than all.

    Examples
    --------
    The first estimate of a process takes 20 s more: a decoder is compiled.

    >>> def value(coalitions):
    ...     return 1.0 + 2.0 * (coalitions & 0b101 == 0b101)
    >>> found = estimate_interactions(value, 20, masks=5000)  # doctest: +SKIP
    >>> strong = np.abs(found.interactions) > 1e-6  # doctest: +SKIP
    >>> found.sets[strong].tolist(), found.interactions[strong].round(6).tolist()  # doctest: +SKIP
    ([0, 5], [1.0, 2.0])
    """
    check(n_players, masks)
    asked: dict[int, float] = {}

    def ask(coalitions: NDArray[np.int64]) -> NDArray[np.float64]:
        new = np.setdiff1d(coalitions, np.fromiter(asked, np.int64, len(asked)))
        if len(new):
            asked.update(zip(new.tolist(), value_function(new).tolist(), strict=True))
        return np.array([asked[coalition] for coalition in coalitions.tolist()])

    n_held_out = max(masks // HELD_OUT, 1)
    empty = float(ask(np.array([0]))[0])
    bits = 1 << np.arange(n_players)
    found = _recovered(
        lambda kept: ask(kept.astype(np.int64) @ bits) - empty,
        n_players,
        budget=masks - n_held_out - 1,
        seed=seed,
    )
    sets = np.union1d(found, [0])
    fitted = np.fromiter(asked, np.int64, len(asked))
    interactions = np.zeros(len(sets))
    outputs = ask(fitted) - empty
    interactions[1:] = np.linalg.lstsq(_within(sets[1:], fitted), outputs, rcond=None)[0]
    interactions[0] = empty
    # As many as were asked may be among these, and so many are left.
    generator = np.random.default_rng(seed)
    drawn = generator.choice(1 << n_players, min(len(fitted) + n_held_out, 1 << n_players), False)
    held_out = drawn[~np.isin(drawn, fitted)][:n_held_out]
    truth = ask(held_out)
    errors = truth - _within(sets, held_out) @ interactions
    spread = np.sum((truth - truth.mean()) ** 2)
    explained = float(1 - np.sum(errors**2) / spread) if spread > 0 else np.nan
    return Estimate(sets, interactions, len(asked), explained)


def check(n_players: int, masks: int) -> None:
    """Raise ValueError if so many masks are no estimate of so many players' interactions."""
    if not 1 <= n_players <= MOST_PLAYERS:
        message = f"{n_players} players: 1 to {MOST_PLAYERS} can be estimated; take fewer"
        raise ValueError(message)
    if not 1 <= masks < 1 << n_players:
        message = (
            f"masks = {masks}: must be from 1 to {(1 << n_players) - 1}, fewer than all "
            f"2**{n_players}; leave masks out, and all are computed exactly"
        )
        raise ValueError(message)


def _within(sets: NDArray[np.int64], coalitions: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 where a set is part of a coalition: float64 of shape (n_coalitions, n_sets)."""
    return ((coalitions[:, None] & sets) == sets).astype(np.float64)


def _recovered(
    game: Callable[[NDArray[np.bool_]], NDArray[np.float64]],
    n_players: int,
    *,
    budget: int,
    seed: int,
) -> NDArray[np.int64]:
    """Sets that SPEX finds in a game, as shapiq takes it, 0 on the empty set."""
    # FBII of order n is what we call interactions; shapiq does not take "Moebius" here. The soft
    # decoder finds as much and takes minutes where many sets matter.
    approximator = _spex()(n=n_players, index="FBII", max_order=n_players, decoder_type="hard")
    try:
        with _seeded(seed), np.errstate(divide="ignore", invalid="ignore"):
            found = approximator.approximate(budget, game)
    except ValueError as error:
        if "Insufficient budget" not in str(error):
            raise
        message = (
            f"masks: too few, as {budget} of them are left to find the sets of {n_players} players "
            "with; raise masks (1,000 is enough), or leave it out, which computes all exactly"
        )
        raise ValueError(message) from error
    sets = [sum(1 << int(player) for player in one) for one in found.interaction_lookup]
    return np.array(sets, dtype=np.int64)


def _spex() -> Any:
    try:
        from shapiq.approximator import SPEX  # noqa: PLC0415  (not everyone has it)
    except ImportError as error:
        message = "an estimate needs shapiq: pip install 'whypretrain[estimate]'"
        raise ImportError(message) from error
    return SPEX


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """NumPy's global generator, which shapiq's masks are drawn from, seeded for a while."""
    state = np.random.get_state()  # noqa: NPY002  (shapiq draws from it)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (shapiq draws from it)
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002  (shapiq draws from it)
