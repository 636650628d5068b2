"""Made-up records of small networks, and the tables of an experiment with them."""

from functools import cache

import numpy as np
import pandas as pd

from whypretrain.data.samples import Sample, Samples
from whypretrain.interactions.record import Record, new_record
from whypretrain.knowledge.summary import summarise
from whypretrain.knowledge.tables import experiment_tables
from whypretrain.settings.knowledge import Metrics, Statistics

QUICK = Statistics(n_resamples=100, n_permutations=3)
NAMES = ("e", "b", "d", "a", "c")  # not in the order of the ids
N_PLAYERS = 4


def record(seed: int, *, n_snapshots: int = 3, names: tuple[str, ...] = NAMES) -> Record:
    """Random outputs of one network on all samples, along training."""
    generator = np.random.default_rng(seed)
    shape = (n_snapshots, len(names))
    players = np.array([[0, 1], [2, 3]], dtype=np.int16)
    inputs = np.zeros((1, 2, 2))
    samples = [Sample(name, 1, inputs, inputs, players, [], []) for name in names]
    return new_record(
        Samples(["x", "y"], N_PLAYERS, samples),
        fractions=np.linspace(0, 1, n_snapshots).tolist() if n_snapshots > 1 else [1.0],
        epochs=np.arange(n_snapshots, dtype=float).tolist(),
        outputs=generator.normal(size=(*shape, 1 << N_PLAYERS)),
        logits=generator.normal(size=(*shape, 2)).astype(np.float32),
        noise_floor=np.zeros((n_snapshots, N_PLAYERS + 1)),
        digests=[["0"] * len(names)] * n_snapshots,
    )


def records(*, replicated: bool = True) -> dict[str, Record]:
    """Of all networks of an experiment."""
    found = {"probe": record(0, n_snapshots=1), "finetune": record(1), "scratch": record(2)}
    return found | ({"replicate": record(3, n_snapshots=1)} if replicated else {})


@cache
def _summary() -> pd.DataFrame:
    return summarise("one", tables(), QUICK)


def summary(experiment: str = "one") -> pd.DataFrame:
    """The summary of the experiment, which has every claim's number."""
    return _summary().assign(experiment=experiment)


def tables(*, replicated: bool = True) -> dict[str, pd.DataFrame]:
    """All tables of the experiment, those of the test split made up."""
    return {name: table.copy() for name, table in _tables(replicated=replicated).items()}


@cache
def _tables(*, replicated: bool) -> dict[str, pd.DataFrame]:
    metrics = Metrics(salience_thresholds=[0.1, 0.3])
    made = experiment_tables(records(replicated=replicated), metrics, QUICK)
    made["history"] = pd.DataFrame(
        {
            "variant": ["probe", *["finetune"] * 3, *["scratch"] * 3],
            "epoch": [np.nan, 0, 1, 2, 0, 1, 2],
            "test_accuracy": [0.5, 0.5, 0.7, 0.9, 0.1, 0.8, 0.6],
            "test_loss": [1.0, 0.9, 0.5, 0.2, 2.0, 1.5, 0.7],
            "train_loss": [np.nan, np.nan, 0.4, 0.1, np.nan, 1.0, 0.6],
            "train_accuracy": [np.nan, np.nan, 0.8, 1.0, np.nan, 0.5, 0.8],
            "n_test": 50,
            "n_classes": 5,
        }
    )
    made["robustness"] = pd.DataFrame(
        {
            "variant": "finetune",
            "shift": ["none", "noise"],
            "level": [0.0, 0.1],
            "n_items": 50,
            "n_correct": [45, 40],
            "n_lost": [0, 7],
            "n_gained": [0, 2],
        }
    )
    return made
