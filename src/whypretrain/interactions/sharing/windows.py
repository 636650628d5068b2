"""Which positions convolutions and poolings read: the same ones for all inputs of one size."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.helpers import to_2tuple
from timm.layers.padding import pad_same_arg
from timm.layers.pool2d_same import AvgPool2dSame, MaxPool2dSame
from torch import Tensor, nn

KEPT = 128
"""Windows whose taps are kept: up to 2.5 MB each for images of 224×224 pixels."""


@dataclass(frozen=True)
class Window:
    """What a convolution or pooling reads of a value of `height`×`width`.

    Attributes
    ----------
    kernel, stride, dilation : along height and width
    padding : left, right, top, bottom
    """

    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]

    @classmethod
    def of(cls, operation: Any, height: int, width: int) -> "Window":
        """The window of a convolution or pooling whose type is known."""
        kernel, stride = to_2tuple(operation.kernel_size), to_2tuple(operation.stride)
        dilation = to_2tuple(getattr(operation, "dilation", 1))
        if type(operation) in {Conv2dSame, AvgPool2dSame, MaxPool2dSame}:
            padding = pad_same_arg([height, width], list(kernel), list(stride), list(dilation))
        elif isinstance(operation, nn.Conv2d):
            padding = list(operation._reversed_padding_repeated_twice)
        else:
            top, left = to_2tuple(operation.padding)
            padding = [left, left, top, top]
        if getattr(operation, "ceil_mode", False):
            # The last windows may stick out beyond the padding, and the pool itself knows if so.
            blank = torch.zeros(1, 1, height, width, device="cpu")
            last_row, last_column = (size - 1 for size in operation(blank).shape[2:])
            tall, wide = _reach(kernel, dilation)
            padding[1] = last_column * stride[1] + wide - width - padding[0]
            padding[3] = last_row * stride[0] + tall - height - padding[2]
        left, right, top, bottom = padding
        return cls(height, width, kernel, stride, dilation, (left, right, top, bottom))

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Height and width of what is computed."""
        left, right, top, bottom = self.padding
        tall, wide = _reach(self.kernel, self.dilation)
        return (
            (self.height + top + bottom - tall) // self.stride[0] + 1,
            (self.width + left + right - wide) // self.stride[1] + 1,
        )

    @property
    def is_pointwise(self) -> bool:
        """Whether each position reads itself alone."""
        same = self.shape == (self.height, self.width)
        return self.kernel == (1, 1) and same and not any(self.padding)

    def union(self, masks: NDArray[Any]) -> NDArray[Any]:
        """Bits that any position of a window has.

        Parameters
        ----------
        masks : integer array of shape (height * width,)

        Returns
        -------
        array of the same type, of shape (n_positions,)
        """
        # What windows reach along both axes; they may leave out the last rows or columns, too.
        (height, width), (tall, wide) = self.shape, _reach(self.kernel, self.dilation)
        left, _, top, _ = self.padding
        n_rows = max((height - 1) * self.stride[0] + tall, top + self.height)
        n_columns = max((width - 1) * self.stride[1] + wide, left + self.width)
        padded = np.zeros((n_rows, n_columns), dtype=masks.dtype)
        padded[top : top + self.height, left : left + self.width] = masks.reshape(self.height, -1)
        # A union over a rectangle is one over rows, then one over columns.
        for axis, size in enumerate((height, width)):
            stride, step = self.stride[axis], self.dilation[axis]
            joined = None
            for start in range(0, self.kernel[axis] * step, step):
                stop = start + (size - 1) * stride + 1
                part = padded[start:stop:stride] if axis == 0 else padded[:, start:stop:stride]
                joined = part.copy() if joined is None else np.bitwise_or(joined, part, out=joined)
            padded = joined if joined is not None else padded
        return padded.ravel()


def _reach(kernel: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    """How far a window reaches along each axis, from its first position to its last."""
    tall, wide = (step * (size - 1) + 1 for step, size in zip(dilation, kernel, strict=True))
    return tall, wide


@lru_cache(maxsize=KEPT)
def window_taps(window: Window, device: torch.device, *, repeat: bool = False) -> Tensor:
    """Positions that each window reads, in reading order.

    Parameters
    ----------
    repeat : where a window reads the padding, let it read its last position again

    Returns
    -------
    int32 tensor of shape (n_positions, n_taps); height * width of the source is the padding
    """
    left, _, top, _ = window.padding
    rows, columns = (
        np.arange(size)[:, None] * stride + np.arange(n) * dilation - before
        for size, stride, n, dilation, before in zip(
            window.shape, window.stride, window.kernel, window.dilation, (top, left), strict=True
        )
    )
    rows, columns = rows[:, None, :, None], columns[None, :, None, :]
    inside = (rows >= 0) & (rows < window.height) & (columns >= 0) & (columns < window.width)
    taps = np.where(inside, rows * window.width + columns, -1)
    taps = taps.reshape(window.shape[0] * window.shape[1], -1)
    outside = taps.max(axis=1, keepdims=True) if repeat else window.height * window.width
    return torch.from_numpy(np.where(taps < 0, outside, taps).astype(np.int32)).to(device)
