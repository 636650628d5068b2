"""Measurements as arrays, and which orders can be told from rounding."""

from pathlib import Path

import numpy as np
import pytest

from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.coalitions import orders
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.store import Measurement, write_measurements
from whypretrain.knowledge.models import Model, counted_sets, read_model


def written(path: Path, noise_floor: list[float]) -> Model:
    """Two samples with three players; the first says what the floor is."""
    generator = np.random.default_rng(0)
    items = []
    for number in range(2):
        outputs = generator.normal(size=8)
        items.append(
            Measurement(
                sample=f"s{number}",
                label=number,
                outputs=outputs,
                interactions=mobius(outputs),
                players=np.array([0, 1, 2], dtype=np.int16),
                logits=np.array([1.0, 3.0], dtype=np.float32),
                digest=str(number),
                noise_floor=np.array(noise_floor) if number == 0 else None,
            )
        )
    write_measurements(path, items, {"fraction": 1.0, "epoch": 7.0})
    return read_model(path)


def test_a_file_is_read_as_arrays(tmp_path: Path) -> None:
    model = written(tmp_path / "x.h5", [0.0, 1e-7, 2e-7, 3e-7])
    assert model.samples == ["s0", "s1"]
    assert model.correct.tolist() == [False, True]
    # Cross-entropy of logits 1 and 3: log(1 + e^2) for the first class, log(1 + e^-2) else.
    assert model.loss == pytest.approx([np.log1p(np.exp(2)), np.log1p(np.exp(-2))])
    assert (model.fraction, model.epoch, model.n_players) == (1.0, 7.0, 3)


def test_orders_in_the_noise_of_any_model_are_not_counted(tmp_path: Path) -> None:
    quiet = written(tmp_path / "quiet.h5", [0.0, 1e-7, 1e-7, 1e-7])
    noisy = written(tmp_path / "noisy.h5", [99.0, 1e-7, 1e-7, 99.0])
    order = orders(3)
    assert (counted_sets([quiet]) == (order > 0)).all()
    assert (counted_sets([quiet, noisy]) == ((order > 0) & (order < 3))).all()
    with pytest.raises(ArtifactError, match=r"set extraction\.precision to float32"):
        counted_sets([written(tmp_path / "lost.h5", [99.0] * 4)])
