"""Made-up records of small networks of three seeds, and the tables of an experiment with them."""

from functools import cache
from typing import Literal

import numpy as np
import pandas as pd

from whypretrain.data.samples import Sample, Samples
from whypretrain.interactions.record import Record, new_record
from whypretrain.knowledge.compared import Compared, compare
from whypretrain.knowledge.courses import course_tables
from whypretrain.knowledge.strengths import TRAINED
from whypretrain.knowledge.summary import summarise
from whypretrain.knowledge.tables import final_tables
from whypretrain.knowledge.turnover import turnover_tables
from whypretrain.settings.knowledge import Metrics, Statistics

OPTIONS = Statistics()
METRICS = Metrics(salience_thresholds=[0.1, 0.3])
NAMES = ("e", "b", "d", "a", "c")  # not in the order of the ids
SEEDS = (0, 1, 2)
N_PLAYERS = 4
LAST_EPOCH = {"finetune": 2.0, "scratch": 4.0}
STEPS_AN_EPOCH = {"finetune": 10, "scratch": 5}
ACCURACIES = {
    "probe": {"": [0.5]},
    "finetune": {"0": [0.5, 0.94, 0.9], "1": [0.4, 0.88, 0.86], "2": [0.6, 0.94, 0.94]},
    "scratch": {"0": [0.1, 0.8, 0.6], "1": [0.2, 0.4, 0.7], "2": [0.3, 0.3, 0.5]},
}
"""On the test split of 50 items, in the first, the middle and the last epoch. Fine-tuned networks
are at their best in the middle."""
N_TEST = 50
Trajectories = Literal["all", "first"]


def samples(names: tuple[str, ...] = NAMES) -> Samples:
    """Images of four pixels, a player each."""
    players = np.array([[0, 1], [2, 3]], dtype=np.int16)
    inputs, baseline = np.zeros((1, 2, 2), dtype=np.uint8), np.zeros((1, 2, 2), dtype=np.float32)
    every = [Sample(name, 1, inputs, baseline, players, [], []) for name in names]
    return Samples(["x", "y"], N_PLAYERS, every)


def record(
    seed: int, *, n_snapshots: int = 3, names: tuple[str, ...] = NAMES, last_epoch: float = 2.0
) -> Record:
    """Random outputs of one network on all samples, along training."""
    generator = np.random.default_rng(seed)
    shape = (n_snapshots, len(names))
    return new_record(
        samples(names),
        fractions=np.linspace(0, 1, n_snapshots).tolist() if n_snapshots > 1 else [1.0],
        epochs=np.linspace(0, last_epoch, n_snapshots).tolist(),
        outputs=generator.normal(size=(*shape, 1 << N_PLAYERS)),
        logits=generator.normal(size=(*shape, 2)).astype(np.float32),
        noise_floor=np.zeros((n_snapshots, N_PLAYERS + 1)),
        digests=[["0"] * len(names)] * n_snapshots,
    )


def trained(variant: str, seed: int) -> Record:
    """The record of one trained network, with all its snapshots."""
    base = 10 if variant == "finetune" else 20
    return record(base + seed, last_epoch=LAST_EPOCH[variant])


def compared(seeds: tuple[int, ...] = SEEDS, trajectories: Trajectories = "all") -> Compared:
    """The networks of the experiment; what tests change in them is theirs."""

    def own(variant: str) -> list[Record]:
        whole = [trained(variant, seed) for seed in seeds]
        return whole if trajectories == "all" else [whole[0], *(one.at(-1) for one in whole[1:])]

    return compare(seeds, record(0, n_snapshots=1), *map(own, TRAINED))


def history(seeds: tuple[int, ...] = SEEDS) -> pd.DataFrame:
    """Of every network; that of the probe has no epochs."""
    found = []
    for variant, of_seeds in ACCURACIES.items():
        for seed, accuracies in of_seeds.items():
            if seed and int(seed) not in seeds:
                continue
            is_probe = variant == "probe"
            epochs = [np.nan] if is_probe else np.linspace(0, LAST_EPOCH[variant], 3)
            rows = pd.DataFrame({"epoch": epochs, "test_accuracy": accuracies})
            trains = rows["epoch"] > 0  # nothing was trained on before the first epoch
            rows["test_loss"] = 2 - rows["test_accuracy"]
            rows["train_loss"] = (1 - rows["test_accuracy"]).where(trains)
            rows["train_accuracy"] = rows["test_accuracy"].where(trains)
            rows["step"] = rows["epoch"] * STEPS_AN_EPOCH.get(variant, 0)
            found.append(rows.assign(variant=variant, seed=seed, learning_rate=0.1))
    return pd.concat(found, ignore_index=True).assign(n_test=N_TEST, n_classes=5)


def robustness() -> pd.DataFrame:
    """Of the fine-tuned network of the first seed."""
    counts = {"n_items": N_TEST, "n_correct": [45, 40], "n_lost": [0, 7], "n_gained": [0, 2]}
    shifts = {"variant": "finetune", "shift": ["none", "noise"], "level": [0.0, 0.1]}
    return pd.DataFrame(shifts | counts)


def tables(
    seeds: tuple[int, ...] = SEEDS, trajectories: Trajectories = "all"
) -> dict[str, pd.DataFrame]:
    """All tables of the experiment, those of the test split made up."""
    return {name: table.copy() for name, table in _tables(seeds, trajectories).items()}


@cache
def _tables(seeds: tuple[int, ...], trajectories: Trajectories) -> dict[str, pd.DataFrame]:
    networks = compared(seeds, trajectories)
    made = final_tables(networks, METRICS) | course_tables(networks)
    made |= turnover_tables(networks, METRICS)
    return made | {"history": history(seeds), "robustness": robustness()}


@cache
def _summary(seeds: tuple[int, ...], trajectories: Trajectories) -> pd.DataFrame:
    return summarise("one", tables(seeds, trajectories), OPTIONS)


def summary(
    experiment: str = "one", seeds: tuple[int, ...] = SEEDS, trajectories: Trajectories = "all"
) -> pd.DataFrame:
    """The summary of the experiment, which has every claim's number."""
    return _summary(seeds, trajectories).assign(experiment=experiment)


def row(summary: pd.DataFrame, quantity: str, **keys: str) -> pd.Series:
    """The one row of a quantity with some keys."""
    chosen = summary["quantity"] == quantity
    for name, value in keys.items():
        chosen &= summary[name] == value
    (found,) = (own for _, own in summary[chosen].iterrows())
    return found
