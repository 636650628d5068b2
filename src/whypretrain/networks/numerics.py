"""Repeatable arithmetic of torch and numpy: float32 without TF32, fixed seeds and threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from whypretrain.settings.base import derived_seed


def configure(*, threads: int, device: str) -> torch.device:
    """Set the process up for repeatable float32 arithmetic and return the device to use.

    Sums are split among `threads`, so another number may change last bits. The device `auto` is
    CUDA where there is one, else the CPU.

    Raises
    ------
    ValueError
        If the named device is not there.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by deterministic cuBLAS
    torch.set_num_threads(threads)
    threadpool_limits(threads)  # numpy's and scipy's linear algebra, too
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        message = f"--device {device}: torch sees no CUDA device; use cpu or auto"
        raise ValueError(message)
    return chosen


def laid_out(model: nn.Module, device: torch.device) -> nn.Module:
    """A network on the device, its weights in the order in memory that measures fastest there."""
    # 1.4 to 1.7 times faster on a CPU (`make bench`); on a card it was not measured.
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    return model.to(device, memory_format=layout)  # type: ignore[call-overload]


@contextmanager
def repeatable(*, strictly: bool) -> Iterator[None]:
    """Gradients that are the same bytes each time, on a card too.

    Of the kernels for attention, the memory-efficient one and cuDNN's add gradients in whatever
    order they come; they are left out.

    Raises
    ------
    ValueError
        If a network needs an operation that torch has in no such form.
    """
    if not strictly:
        yield
        return
    torch.use_deterministic_algorithms(True)
    try:
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
            yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        reason = " ".join(str(error).split())
        message = f"deterministic = true: {reason}; set it to false in the recipe"
        raise ValueError(message) from error
    finally:
        torch.use_deterministic_algorithms(True, warn_only=True)


def seed_everything(*parts: int | str) -> int:
    """Seed torch's generators from the parts; returns the seed."""
    seed = derived_seed(*parts)
    torch.manual_seed(seed)
    return seed
