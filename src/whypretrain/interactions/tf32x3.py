"""Products of float32 matrices on TF32 tensor cores, nearly as exact as in float32.

TF32 keeps 10 of the 23 bits after the point. Each operand is split into a high part that TF32 holds
exactly and a low part, the rest: x = h + l. Then x·y ≈ h·h' + (h·l' + l·h'), three products in TF32
that are added in float32; what is left out, l·l', is about 2⁻²² of the result. The idea is Ootomo
and Yokota's (2022, doi:10.1177/10943420221090256), without their correction of rounding within
tensor cores.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

Parts = tuple[Tensor, Tensor]
HALF, KEPT = 0x1000, ~0x1FFF  # half of the last bit that TF32 keeps; all bits that it keeps


def rounded(values: Tensor) -> Tensor:
    """Values of float32 rounded to those that TF32 holds, halves away from zero."""
    return (values.view(torch.int32) + HALF).bitwise_and_(KEPT).view(torch.float32)


def split(values: Tensor) -> Parts:
    """High and low part, both float32; the high one is exact in TF32, and their sum is `values`.

    >>> high, low = split(torch.tensor([1 / 3]))
    >>> bool(high + low == torch.tensor([1 / 3])), bool(rounded(high) == high)
    (True, True)
    """
    high = rounded(values.contiguous())
    return high, values - high


class Tf32x3(TorchDispatchMode):  # whose methods have no types
    """While it is entered, products of float32 tensors are computed as three in TF32.

    Of linear layers, convolutions and matrices, hence of attention too. Weights are split once.
    On a CPU, which has no TF32, low parts are rounded as well, so that results are what a card's
    would be, up to the order of sums.
    """

    _weights: Any = WeakTensorKeyDictionary()  # of (version, parts)
    _attention: Any = None

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        self._attention = sdpa_kernel(SDPBackend.MATH)  # fused kernels would have no parts
        self._attention.__enter__()
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._attention.__exit__(*error)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        product = PRODUCTS.get(func)
        options = kwargs or {}
        if product is not None and all(
            part.dtype == torch.float32 for part in args if isinstance(part, Tensor)
        ):
            return product(self._split, *args, **options)
        if (
            func._can_decompose()
        ):  # in inference mode, what consists of other operations comes whole
            with self:
                found = func.decompose(*args, **options)
            if found is not NotImplemented:
                return found
        return func(*args, **options)

    def _split(self, values: Tensor) -> Parts:
        if not isinstance(values, torch.nn.Parameter):
            return _for_device(split(values))
        known = self._weights.get(values)
        if known is None or known[0] != values._version:
            known = values._version, _for_device(split(values.detach()))
            self._weights[values] = known
        return known[1]


Splitter = Callable[[Tensor], Parts]
aten = torch.ops.aten


def _for_device(parts: Parts) -> Parts:
    high, low = parts
    return (high, low) if high.is_cuda else (high, rounded(low))


@contextmanager
def _tf32() -> Iterator[None]:
    """TF32 for the products of parts, and for nothing else."""
    matrices, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matrices.allow_tf32, convolutions.allow_tf32
    matrices.allow_tf32 = convolutions.allow_tf32 = True
    try:
        yield
    finally:
        matrices.allow_tf32, convolutions.allow_tf32 = before


def _three(parts_of: Splitter, first: Tensor, second: Tensor, product: Any) -> Tensor:
    """Small terms first, so that they are not lost one by one."""
    (high, low), (other_high, other_low) = parts_of(first), parts_of(second)
    with _tf32():
        small = product(high, other_low).add_(product(low, other_high))
        return small.add_(product(high, other_high))


def _linear(parts_of: Splitter, inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    found = _three(parts_of, inputs, weight, aten.linear)
    return found if bias is None else found.add_(bias)


def _convolution(
    parts_of: Splitter, inputs: Tensor, weight: Tensor, bias: Tensor | None, *options: Any
) -> Tensor:
    def product(first: Tensor, second: Tensor) -> Tensor:
        return aten.convolution(first, second, None, *options)

    found = _three(parts_of, inputs, weight, product)
    return found if bias is None else found.add_(bias.reshape(-1, *[1] * (found.ndim - 2)))


def _product(name: Any) -> Callable[..., Tensor]:
    return lambda parts_of, first, second: _three(parts_of, first, second, name)


def _added(name: Any) -> Callable[..., Tensor]:
    def product(
        parts_of: Splitter,
        to: Tensor,
        first: Tensor,
        second: Tensor,
        *,
        beta: Any = 1,
        alpha: Any = 1,
    ) -> Tensor:
        return _three(parts_of, first, second, name).mul_(alpha).add_(to, alpha=beta)

    return product


PRODUCTS: dict[Any, Callable[..., Any]] = {
    aten.linear.default: _linear,
    aten.convolution.default: _convolution,
    aten.mm.default: _product(aten.mm),
    aten.bmm.default: _product(aten.bmm),
    aten.addmm.default: _added(aten.mm),
    aten.baddbmm.default: _added(aten.bmm),
}
