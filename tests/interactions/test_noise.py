"""The noise floor: what rounding makes of each order."""

import numpy as np
import pytest

from whypretrain.interactions.noise import noise_by_order


def test_equal_measurements_have_no_noise() -> None:
    outputs = np.random.default_rng(0).normal(size=64)
    assert (noise_by_order(outputs, outputs) == 0).all()


def test_independent_errors_grow_with_the_root_of_two_to_the_order() -> None:
    generator = np.random.default_rng(1)
    outputs = np.zeros(1 << 9)
    floors = [noise_by_order(outputs, generator.normal(size=1 << 9)) for _ in range(400)]
    found = np.sqrt(np.square(floors).mean(axis=0))
    assert found == pytest.approx(2 ** (np.arange(10) / 2), rel=0.15)
