"""What all metrics see: interactions above the noise floor, in orders that are above it."""

import numpy as np
import pytest

from tests.knowledge.records import SEEDS, compared, record, trained
from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.compared import compare, counted_sets, heard, heard_at


def test_orders_in_the_noise_floor_of_a_final_network_are_not_counted() -> None:
    """A floor of one snapshot is not that of another, and one network's silence is enough."""
    loud, quiet = record(0), record(1)
    assert counted_sets([loud, quiet]).tolist() == (orders(4) > 0).tolist()
    quiet.noise_floor[-1, 3] = 1e9
    loud.noise_floor[0, 2] = 1e9  # not the final one
    expected = (orders(4) > 0) & (orders(4) != 3)
    assert counted_sets([loud, quiet]).tolist() == expected.tolist()
    assert counted_sets([quiet, loud]).tolist() == expected.tolist()
    strength = np.abs(loud.interactions[-1])[:, orders(4) == 1].mean()
    loud.noise_floor[-1, 1] = strength
    assert counted_sets([loud])[1]
    loud.noise_floor[-1, 1] = np.nextafter(strength, 2)
    assert not counted_sets([loud])[1]


def test_a_network_below_its_floor_is_refused() -> None:
    silent = record(0)
    silent.noise_floor[-1] = 1e9
    with pytest.raises(ValueError, match=r"every order .* set extraction\.precision to float32"):
        counted_sets([silent])


@pytest.mark.parametrize("variant", ["finetune", "scratch"])
def test_a_network_of_any_seed_can_silence_an_order(variant: str) -> None:
    parts = {name: [trained(name, seed) for seed in SEEDS] for name in ("finetune", "scratch")}
    parts[variant][2].noise_floor[-1, 3] = 1e9
    found = compare(SEEDS, record(0, n_snapshots=1), parts["finetune"], parts["scratch"])
    assert found.orders.tolist() == [1, 2, 4]
    assert found.noise_floor.tolist() == [0, 0, 0, 1e9, 0]


def test_strengths_within_the_floor_of_their_order_are_nothing() -> None:
    strength = np.array([[0.5, 1.0, 2.0, -2.0]])
    assert heard(strength, np.array([0.0, 1.0, 1.5])).tolist() == [[0.5, 0.0, 2.0, -2.0]]
    assert heard(-strength, np.array([0.5, 0.0, 2.0])).tolist() == [[0.0, -1.0, -2.0, 0.0]]


def test_a_snapshot_is_heard_above_its_own_floor() -> None:
    own = record(0)
    own.noise_floor[1] = 0.5
    floor = np.abs(own.interactions[1]) > 0.5
    np.testing.assert_array_equal(heard_at(own, 1), np.where(floor, own.interactions[1], 0))
    np.testing.assert_array_equal(heard_at(own, 2), own.interactions[2])


def test_networks_go_by_seed() -> None:
    found = compared()
    assert found.seeds == ["0", "1", "2"]
    assert [seed for seed, _ in found.each("scratch")] == found.seeds
    assert [seed for seed, _ in found.each("probe")] == [""]
    for seed, final in zip(SEEDS, found.finals("scratch"), strict=True):
        np.testing.assert_array_equal(final, trained("scratch", seed).interactions[-1])
