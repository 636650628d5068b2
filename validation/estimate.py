"""How good estimated interactions are: against exact ones of networks of the suite `embedded`.

All 2**n outputs of a few samples are measured, so that an estimate asks a table. Beside SPEX stands
least squares on all sets of at most three players, from as many masks at random.

    python -m validation.estimate results/experiments/vgg-digits results/runs/vgg_mini/…/finetune-…
"""

import argparse
from collections.abc import Iterator
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from whypretrain import explain_image, load_snapshot
from whypretrain.data.samples import read_samples
from whypretrain.interactions.mobius import mobius, orders
from whypretrain.interactions.players import grid_players
from whypretrain.interactions.salience import salient
from whypretrain.interactions.sparse import Estimate, estimate_interactions
from whypretrain.stages import command

CELLS = 4
LARGEST = 3  # players of a set of the reference

Array = NDArray[np.float64]


def score(outputs: Array, sets: NDArray[np.int64], estimated: Array) -> dict[str, float]:
    """Precision and recall of the salient set, and relative RMS errors of interactions.

    Parameters
    ----------
    outputs : v(T) for every coalition T, (2**n_players,)
    sets, estimated : coalitions and their estimated interactions, (n_sets,); others count as 0

    Returns
    -------
    `salient` (how many are, exactly), `precision` (NaN where no set is estimated as salient),
    `recall`, `error` and `error_to_2` (RMS of the difference over that of the exact ones, of all
    sets but the empty one, and of those of one or two players)

    >>> score(np.array([0.0, 1.0, 1.0, 4.0]), np.array([0, 1]), np.array([0.0, 0.5]))
    {'salient': 3, 'precision': 1.0, 'recall': 0.3333333333333333, 'error': 0.935..., ...}
    """
    exact = mobius(outputs)
    found = np.zeros_like(exact)
    found[sets] = estimated
    true, told = salient(np.stack([exact, found]))
    both, order_of = int((true & told).sum()), orders(len(exact).bit_length() - 1)

    def error(chosen: NDArray[np.bool_]) -> float:
        return float(np.sqrt(((found - exact)[chosen] ** 2).sum() / (exact[chosen] ** 2).sum()))

    return {
        "salient": int(true.sum()),
        "precision": float(both / told.sum()) if told.any() else np.nan,
        "recall": float(both / true.sum()),
        "error": error(order_of > 0),
        "error_to_2": error((order_of > 0) & (order_of <= 2)),
    }


def reference(outputs: Array, masks: int) -> Estimate:
    """All sets of at most :data:`LARGEST` players, fitted to masks at random by least squares."""
    n_players = len(outputs).bit_length() - 1
    asked = np.random.default_rng(0).choice(len(outputs), masks, replace=False)
    fitted, held_out = np.split(asked, [masks - masks // 10])
    chosen = [
        sum(1 << player for player in one)
        for order in range(LARGEST + 1)
        for one in combinations(range(n_players), order)
    ]
    sets = np.array(chosen, dtype=np.int64)

    def within(coalitions: NDArray[np.int64]) -> Array:
        return ((coalitions[:, None] & sets) == sets).astype(float)

    solved = np.linalg.lstsq(within(fitted), outputs[fitted], rcond=None)[0]
    interactions = solved.astype(np.float64)
    errors = outputs[held_out] - within(held_out) @ interactions
    explained = 1 - float(np.mean(errors**2) / outputs[held_out].var())
    return Estimate(sets, interactions, masks, explained)


def rows(
    experiment: Path, run: Path, n_players: int, every_masks: list[int], n_samples: int
) -> Iterator[dict[str, Any]]:
    """A row for each sample, number of masks and method."""
    network = load_snapshot(run)
    samples = read_samples(experiment / "samples.h5").samples
    for sample in samples[:: len(samples) // n_samples][:n_samples]:
        players = grid_players(
            *sample.inputs.shape[1:],
            cells=CELLS,
            margin=0,
            n_players=n_players,
            generator=np.random.default_rng([0, n_players]),
        )
        outputs = explain_image(
            network,
            torch.from_numpy(sample.inputs).float() / 255,
            label=sample.label,
            players=players,
            baseline=torch.from_numpy(sample.baseline).float(),
        ).outputs
        for masks in every_masks:
            found = {"spex": estimate_interactions(outputs.__getitem__, n_players, masks=masks)}
            if masks > 1.5 * sum(comb(n_players, order) for order in range(LARGEST + 1)):
                found[f"orders to {LARGEST}"] = reference(outputs, masks)
            for method, one in found.items():
                yield {
                    "network": experiment.name,
                    "n": n_players,
                    "sample": sample.id,
                    "masks": masks,
                    "method": method,
                    "asked": one.n_masks,
                    "sets": len(one.sets),
                    "explained": one.explained,
                    **score(outputs, one.sets, one.interactions),
                }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        "python -m validation.estimate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", type=Path, help="folder with samples.h5")
    parser.add_argument("run", type=Path, help="folder of a training, with its last snapshot")
    parser.add_argument("--players", type=int, default=12, help="cells, at most 16")
    parser.add_argument("--masks", type=int, nargs="+", default=[2000, 3500])
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--csv", type=Path, help="file to write all rows to")
    given = parser.parse_args()
    table = pd.DataFrame(
        rows(given.experiment, given.run, given.players, given.masks, given.samples)
    )
    if given.csv:
        table.to_csv(given.csv, index=False)
    keys = ["network", "n", "masks", "method"]
    print(table.drop(columns="sample").groupby(keys, sort=False).mean().round(3).to_string())


if __name__ == "__main__":
    command.run(main)
