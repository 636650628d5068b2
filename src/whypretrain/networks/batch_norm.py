"""Statistics of BatchNorm layers, estimated anew before a network is measured.

In training they are running averages, which lag behind the weights where an epoch has few steps.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import torch
from torch import nn

from whypretrain.data.batches import Inputs

MOST_ESTIMATED = 10_000
"""Of how many items statistics are estimated at most: a channel's are then known to about 1 %."""
LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d)


def is_trained(layer: nn.BatchNorm1d | nn.BatchNorm2d) -> bool:
    """Whether a layer changes in training: one whose weights are frozen keeps its statistics."""
    return layer.weight is None or layer.weight.requires_grad


@contextmanager
def reestimated(model: nn.Module, data: Inputs, *, batch_size: int, seed: int) -> Iterator[None]:
    """Within it, BatchNorm statistics are those of the items, unaugmented, under present weights.

    Afterwards the network is as it was. No generator of torch's is drawn from, and what else acts
    in training alone, such as dropout, is off (`torch.optim.swa_utils.update_bn` turns it on).

    Parameters
    ----------
    batch_size : largest number of items a forward pass; equally large batches have equal weights
    seed : of the order of items: of images sorted by class, each batch would vary too little
    """
    layers = [
        module
        for module in model.modules()
        if isinstance(module, LAYERS) and module.running_mean is not None and is_trained(module)
    ]
    if not layers:
        yield
        return
    modes = {module: module.training for module in model.modules()}
    momenta = [layer.momentum for layer in layers]
    kept = [[buffer.clone() for buffer in layer.buffers()] for layer in layers]
    try:
        _estimate(model, layers, data, batch_size, seed)
        yield
    finally:
        for layer, momentum, buffers in zip(layers, momenta, kept, strict=True):
            layer.momentum = momentum
            for buffer, before in zip(layer.buffers(), buffers, strict=True):
                buffer.copy_(before)
        for module, training in modes.items():
            module.training = training


@torch.no_grad()
def _estimate(
    model: nn.Module,
    layers: list[nn.BatchNorm1d | nn.BatchNorm2d],
    data: Inputs,
    batch_size: int,
    seed: int,
) -> None:
    model.eval()
    for layer in layers:
        layer.train()
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all batches
    n_items = min(len(data), MOST_ESTIMATED)
    n_batches = math.ceil(n_items / batch_size)
    batches = data.batches(n_items // n_batches, seed=seed, augmented=False)
    for inputs, _ in islice(batches, n_batches):
        model(inputs)
    model.eval()
