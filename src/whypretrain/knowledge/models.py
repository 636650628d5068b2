"""One model's measurements as arrays, and which orders of interactions can be told from noise."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.coalitions import orders
from whypretrain.interactions.store import read_measurements, read_spot

Array = NDArray[np.float64]


class Model(NamedTuple):
    """One model's measurements.

    `interactions` has shape (n_samples, 2**n_players), `noise_floor` (n_players + 1,); the others
    (n_samples,). `loss` is the cross-entropy on the whole input, in nats.
    """

    samples: list[str]
    fraction: float
    epoch: float
    correct: NDArray[np.bool_]
    loss: Array
    interactions: Array
    residual: Array
    noise_floor: Array

    @property
    def n_players(self) -> int:
        """Players of every sample."""
        return len(self.noise_floor) - 1

    def fits(self, other: "Model") -> bool:
        """Whether both are measurements of the same samples with equally many players."""
        return (self.samples, self.n_players) == (other.samples, other.n_players)


def read_model(path: Path) -> Model:
    """Read one file of interactions.

    Raises
    ------
    ArtifactError
        If it is damaged.
    """
    items = read_measurements(path)
    fraction, epoch = read_spot(path)
    logits = np.stack([item.logits for item in items]).astype(np.float64)
    of_label = logits[np.arange(len(items)), [item.label for item in items]]
    floors = [item.noise_floor for item in items if item.noise_floor is not None]
    n_players = len(items[0].outputs).bit_length() - 1
    return Model(
        samples=[item.sample for item in items],
        fraction=fraction,
        epoch=epoch,
        correct=np.array([item.prediction == item.label for item in items]),
        loss=logsumexp(logits, axis=1) - of_label,
        interactions=np.stack([item.interactions for item in items]),
        residual=np.array([item.efficiency_residual for item in items]),
        noise_floor=np.max(floors, axis=0) if floors else np.zeros(n_players + 1),
    )


def counted_sets(models: list[Model]) -> NDArray[np.bool_]:
    """Sets that metrics count: not the empty one, and of no order that lies in the noise floor.

    An order lies in it where the mean strength of one of the models is below its floor.

    Returns
    -------
    array of shape (2**n_players,)

    Raises
    ------
    ArtifactError
        If no order is left.
    """
    order_of = orders(models[0].n_players)
    counted = order_of > 0
    for model in models:
        strength = np.abs(model.interactions).mean(axis=0)
        sums = np.bincount(order_of, weights=strength) / np.bincount(order_of)
        counted &= (sums >= model.noise_floor)[order_of]
    if not counted.any():
        message = (
            "every order of interactions lies in the noise floor of a final model: "
            "set extraction.precision to float32"
        )
        raise ArtifactError(message)
    return counted
