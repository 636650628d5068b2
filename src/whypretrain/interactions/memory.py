"""How many masked inputs a forward pass may hold, from the memory that one of them needs."""

from typing import Any

import psutil
import torch
from torch import Tensor, nn

from whypretrain.interactions.forward import Forward
from whypretrain.interactions.masking import MaskedInput

LARGEST_BATCH = {"cpu": 256, "cuda": 1024}  # beyond it, nothing is gained
CPU_BYTES = 2 << 30
SHARE = 0.4  # of a card, or of a machine with less memory than the above asks for
COPIES = 3  # input and output of the largest layer, and what its kernel or a residual adds


@torch.inference_mode()
def fitting_batch_size(forward: Forward, model: nn.Module, masked: MaskedInput) -> int:
    """A power of two of masked inputs that fit into memory together: at most 256, on CUDA 1024.

    The same on the same machine, as it depends on how much memory there is, not on how much is
    free: another batch size may change last bits. See :func:`evaluate` for when it does not fit.

    Parameters
    ----------
    forward : computes with `model`
    masked : the largest of the inputs to come
    """
    device = masked.inputs.device
    assembled = forward.prepare(masked)(torch.zeros(1, dtype=torch.int64, device=device))
    largest = _size(assembled)

    def see(_: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal largest
        largest = max(largest, sum(_size(part) for part in inputs) + _size(output))

    leaves = [module for module in model.modules() if not list(module.children())]
    hooks = [leaf.register_forward_hook(see) for leaf in leaves]
    try:
        forward.rest(assembled)
    finally:
        for hook in hooks:
            hook.remove()
    fitting = max(_memory(device) // (COPIES * largest), 1)
    largest_batch = LARGEST_BATCH.get(device.type, 256)
    return int(min(1 << (int(fitting).bit_length() - 1), largest_batch))


def _size(value: Any) -> int:
    return value.numel() * value.element_size() if isinstance(value, Tensor) else 0


def _memory(device: torch.device) -> float:
    if device.type == "cuda":
        return SHARE * torch.cuda.get_device_properties(device).total_memory
    return min(CPU_BYTES, SHARE * psutil.virtual_memory().total)
