"""Batch sizes that fit."""

import pytest
import torch
from torch import nn

from whypretrain.interactions import memory
from whypretrain.interactions.forward import PlainForward
from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.memory import fitting_batch_size

MASKED = MaskedInput(
    torch.zeros(3, 32, 32), torch.zeros(3, 32, 32), torch.zeros(32, 32, dtype=torch.int64), 1
)


@pytest.mark.parametrize("n_channels", [4, 64])
def test_the_largest_layer_decides(monkeypatch: pytest.MonkeyPatch, n_channels: int) -> None:
    network = nn.Sequential(nn.Conv2d(3, n_channels, 1), nn.Flatten(), nn.LazyLinear(2)).eval()
    monkeypatch.setattr(memory, "CPU_BYTES", 100 * memory.COPIES * 4 * 32**2 * (n_channels * 2))
    # The flattening keeps what it takes: twice the channels. 100 of them, rounded down to 64.
    assert fitting_batch_size(PlainForward(network), network, MASKED) == 64


def test_at_least_one_and_at_most_the_largest_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(2)).eval()
    assert fitting_batch_size(PlainForward(network), network, MASKED) == memory.LARGEST_BATCH["cpu"]
    monkeypatch.setattr(memory, "CPU_BYTES", 1)
    assert fitting_batch_size(PlainForward(network), network, MASKED) == 1
