"""Gradients that repeat: what is switched on for them, and what is said where torch has none."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from whypretrain.networks.numerics import configure, repeatable


def test_every_library_has_the_threads_that_it_is_given() -> None:
    np.linalg.norm(np.eye(3))  # loads numpy's own
    with threadpool_limits():  # what is limited here is free again below
        configure(threads=1, device="cpu")
        assert {one["num_threads"] for one in threadpool_info()} == {1}
        assert torch.get_num_threads() == 1


def test_only_kernels_that_repeat_are_used_and_only_there() -> None:
    configure(threads=1, device="cpu")
    before = torch.backends.cuda.mem_efficient_sdp_enabled()
    with repeatable(strictly=True):
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert not torch.backends.cuda.mem_efficient_sdp_enabled()
        assert torch.backends.cuda.flash_sdp_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert torch.backends.cuda.mem_efficient_sdp_enabled() == before
    with repeatable(strictly=False):
        assert torch.is_deterministic_algorithms_warn_only_enabled()


def failing(reason: str) -> None:
    with repeatable(strictly=True):
        raise RuntimeError(reason)


def test_an_operation_that_does_not_repeat_names_the_key() -> None:
    with pytest.raises(ValueError, match=r"deterministic = true: .* set it to false"):
        failing("foo_backward does not have a deterministic implementation")
    with pytest.raises(RuntimeError, match="out of memory"):
        failing("CUDA out of memory")
