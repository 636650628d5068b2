"""Where values of a network come from: the positions that are read, and the players there."""

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.padding import pad_same_arg
from timm.layers.pool2d_same import AvgPool2dSame, MaxPool2dSame
from torch import Tensor, fx
from torch.nn import functional

from whypretrain.interactions.sharing.chain import (
    AVERAGES,
    CONCATENATIONS,
    CONVOLUTIONS,
    MAXIMA,
    Chain,
)

OUTSIDE = -1
"""The position of what a window reads in the padding."""


@dataclass(frozen=True)
class Field:
    """A value of the network: its size, which players reach where, and what it is computed from.

    Attributes
    ----------
    reached : bool tensor of shape (n_players, height * width)
        Whether the player's pixels can change the value at the position.
    taps : int64 tensor of shape (height * width, n_taps)
        The positions, in reading order, that each position is computed from, or
        :data:`OUTSIDE`; None where each is computed from itself.
    divisor : float64 tensor of shape (height * width,)
        What an average pooling divides sums by; None for other operations.
    multiplications : multiply-adds a position
    n_read : how many numbers windows hold
    """

    reached: Tensor
    height: int
    width: int
    channels: int
    taps: Tensor | None = None
    divisor: Tensor | None = None
    multiplications: int = 0
    n_read: int = 0

    @property
    def n_positions(self) -> int:
        """How many positions there are."""
        return self.height * self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width


def trace_players(
    chain: Chain, players: Tensor, *, n_players: int, channels: int
) -> dict[fx.Node, Field]:
    """Follow the players of an image through the local operations of a network, while it can.

    Parameters
    ----------
    players : integer tensor of shape (height, width), on the default device; -1 is no player
    channels : of the image
    """
    height, width = players.shape
    reached = players.flatten() == torch.arange(n_players)[:, None]
    fields = {chain.nodes[0]: Field(reached, height, width, channels)}
    for node in chain.nodes[1:]:
        sources: list[Field] = []
        fx.node.map_arg(node.args, lambda source: sources.append(fields[source]))  # noqa: B023
        if len({(source.height, source.width) for source in sources}) > 1:
            break  # one is spread over the other, so its positions go further than they seem
        fields[node] = _field(chain.operation(node), sources)
    return fields


def _field(operation: Any, sources: list[Field]) -> Field:
    """The value that an operation computes from others."""
    channels = [source.channels for source in sources]
    if type(operation) in CONVOLUTIONS | MAXIMA | AVERAGES:
        return _window_field(operation, sources[0])
    reached = torch.stack([source.reached for source in sources]).any(dim=0)
    out_channels = sum(channels) if operation in CONCATENATIONS else max(channels)
    return Field(reached, sources[0].height, sources[0].width, out_channels)


def _window_field(operation: Any, source: Field) -> Field:
    taps, height, width = window_taps(operation, source.height, source.width)
    n_read = taps.shape[1] * source.channels
    # OUTSIDE picks the last column, which no player reaches.
    reached = functional.pad(source.reached, (0, 1))[:, taps].any(dim=2)
    field = Field(reached, height, width, source.channels, taps, n_read=n_read)
    if type(operation) in CONVOLUTIONS:
        is_pointwise = torch.equal(taps, torch.arange(source.n_positions)[:, None])
        return replace(
            field,
            channels=operation.out_channels,
            multiplications=operation.weight.numel(),
            taps=None if is_pointwise else taps,
            n_read=0 if is_pointwise else n_read,
        )
    inside = taps != OUTSIDE
    if type(operation) in MAXIMA:
        # Reading a position twice changes no maximum.
        return replace(field, taps=torch.where(inside, taps, taps.amax(dim=1, keepdim=True)))
    ones = torch.ones(1, 1, source.height, source.width, dtype=torch.float64)
    return replace(field, divisor=(inside.sum(dim=1) / operation(ones).flatten()).round())


def window_taps(operation: Any, height: int, width: int) -> tuple[Tensor, int, int]:
    """Positions that a convolution or pooling reads of a value of `height`×`width`.

    Returns
    -------
    taps : int64 tensor of shape (n_positions, n_taps), on the default device
        Positions in reading order, or :data:`OUTSIDE`.
    height, width : of the output
    """
    kernel, stride = _pair(operation.kernel_size), _pair(operation.stride)
    dilation = _pair(getattr(operation, "dilation", 1))
    kind = type(operation)
    if kind in {Conv2dSame, AvgPool2dSame, MaxPool2dSame}:
        padding = pad_same_arg([height, width], list(kernel), list(stride), list(dilation))
    elif kind in CONVOLUTIONS:
        padding = list(operation._reversed_padding_repeated_twice)  # left, right, top, bottom
    else:
        top, left = _pair(operation.padding)
        padding = [left, left, top, top]
    if getattr(operation, "ceil_mode", False):
        # The last windows may stick out beyond the padding, and the pool itself knows if they do.
        out_height, out_width = operation(torch.zeros(1, 1, height, width)).shape[2:]
        padding[1] = (out_width - 1) * stride[1] + _extent(kernel, dilation, 1) - width - padding[0]
        padding[3] = (
            (out_height - 1) * stride[0] + _extent(kernel, dilation, 0) - height - padding[2]
        )
    # unfold takes floating numbers, and doubles count exactly; 0 is the padding's.
    numbers = torch.arange(1, height * width + 1, dtype=torch.float64).view(1, 1, height, width)
    padded = functional.pad(numbers, padding)
    windows = functional.unfold(padded, kernel, dilation, 0, stride)[0]
    out_height = (padded.shape[2] - _extent(kernel, dilation, 0)) // stride[0] + 1
    out_width = (padded.shape[3] - _extent(kernel, dilation, 1)) // stride[1] + 1
    return windows.t().long() - 1, out_height, out_width


def _extent(kernel: tuple[int, int], dilation: tuple[int, int], axis: int) -> int:
    """How far a window reaches along an axis, from its first position to its last."""
    return dilation[axis] * (kernel[axis] - 1) + 1


def _pair(value: Any) -> tuple[int, int]:
    return cast("tuple[int, int]", (value, value) if isinstance(value, int) else tuple(value))
