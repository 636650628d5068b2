"""The networks of an experiment as all metrics see them: interactions above the noise floor."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.record import Record
from whypretrain.interactions.sets import orders_of

Array = NDArray[np.float64]


class Compared(NamedTuple):
    """One probe, and a network of each seed for either way of training.

    Attributes
    ----------
    seeds : names of seeds, as tables spell them
    finetune, scratch : a record for each seed; those of one snapshot hold the last
    counted : sets that metrics count, of shape (n_sets,): whole orders, see
        :func:`counted_sets`
    noise_floor : of shape (n_players + 1,), the highest of the final networks
    """

    seeds: list[str]
    probe: Record
    finetune: list[Record]
    scratch: list[Record]
    counted: NDArray[np.bool_]
    noise_floor: Array

    @property
    def samples(self) -> list[str]:
        """Their ids."""
        return self.probe.samples

    @property
    def orders(self) -> NDArray[np.int64]:
        """Orders that are counted."""
        return np.unique(orders_of(len(self.counted))[self.counted])

    def finals(self, variant: str) -> list[Array]:
        """Final interactions of a variant by seed, each of shape (n_samples, n_sets)."""
        return [heard_at(record, -1) for record in self.records(variant)]

    def records(self, variant: str) -> list[Record]:
        """Of a variant by seed; the probe has none, and so one record."""
        return [self.probe] if variant == "probe" else getattr(self, variant)

    def each(self, variant: str) -> Iterator[tuple[str, Record]]:
        """Seeds with their records; that of the probe is empty."""
        return zip([""] if variant == "probe" else self.seeds, self.records(variant), strict=True)


def compare(
    seeds: Sequence[int], probe: Record, finetune: list[Record], scratch: list[Record]
) -> Compared:
    """The networks of an experiment, with what of them is counted.

    Raises
    ------
    ValueError
        If every order lies in the noise floor of a final network.
    """
    records = [probe, *finetune, *scratch]
    floor = np.max([record.noise_floor[-1] for record in records], axis=0)
    return Compared(list(map(str, seeds)), probe, finetune, scratch, counted_sets(records), floor)


def heard_at(record: Record, snapshot: int) -> Array:
    """Interactions of a snapshot, with 0 where not above its noise floor.

    Returns
    -------
    array of shape (n_samples, n_sets)
    """
    return heard(record.interactions[snapshot], record.noise_floor[snapshot])


def heard(interactions: Array, noise_floor: Array) -> Array:
    """Interactions, (..., n_sets), with 0 where not stronger than the floor of their order.

    So what rounding leaves counts as none in every metric.

    >>> heard(np.array([[0.0, -1.0, 1e-9, 2.0]]), np.array([0.0, 1e-8, 1e-7]))
    array([[ 0., -1.,  0.,  2.]])
    """
    of_set = noise_floor[orders_of(interactions.shape[-1])]
    return np.where(np.abs(interactions) > of_set, interactions, 0.0)


def counted_sets(records: Sequence[Record]) -> NDArray[np.bool_]:
    """Sets that metrics count: not the empty one, and of no order that lies in the noise floor.

    An order lies in it where the mean strength of one of the final networks is below its floor.

    Returns
    -------
    array of shape (n_sets,)

    Raises
    ------
    ValueError
        If no order is left.
    """
    order_of = orders_of(records[0].interactions.shape[-1])
    counted = order_of > 0
    for record in records:
        strength = np.abs(record.interactions[-1]).mean(axis=0)
        sums = np.bincount(order_of, weights=strength) / np.bincount(order_of)
        counted &= (sums >= record.noise_floor[-1])[order_of]
    if not counted.any():
        message = (
            "every order of interactions lies in the noise floor of a final network: "
            "set extraction.precision to float32"
        )
        raise ValueError(message)
    return counted
