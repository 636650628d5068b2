"""A network as extraction asks it: masked inputs go in, one part of it is shared, v comes out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from whypretrain.interactions.tf32x3 import Tf32x3

Background = Literal["keep", "mask"]
"""What happens to sites of no player: kept, so that x_N is the input, or masked."""
Assemble = Callable[[Tensor], Tensor]
"""What the rest of a network takes, (batch, ...), of int64 coalitions (batch,)."""


@dataclass(frozen=True)
class MaskedInput:
    """One input with all that its 2**n_players masked versions are made of.

    A site is what belongs to one player: a pixel (sites (height, width), of inputs with leading
    channels) or a token (sites (length,)).

    Attributes
    ----------
    inputs, baseline : tensors of shape (*leading, *sites), of one type
        Images (channels, height, width), float, or the ids of tokens (length,), int64.
    players : integer tensor of shape (*sites,)
        The player of every site; -1 where there is none.
    """

    inputs: Tensor
    baseline: Tensor
    players: Tensor
    n_players: int
    background: Background = "keep"

    def versions(self, coalitions: Tensor) -> Tensor:
        """Masked inputs x_T, of shape (batch, *leading, *sites), of int64 coalitions (batch,).

        Sites of players in T keep their value, the others take the baseline's.
        """
        kept = kept_players(coalitions, self.n_players, self.background)[:, self.players.long()]
        leading = [1] * (self.inputs.ndim - self.players.ndim)
        kept = kept.reshape(len(coalitions), *leading, *self.players.shape)
        return torch.where(kept, self.inputs, self.baseline)


def kept_players(coalitions: Tensor, n_players: int, background: Background) -> Tensor:
    """Which players coalitions keep, bool of shape (batch, n_players + 1), from int64 (batch,).

    The last column, also that of label -1, is the background's.
    """
    kept = (coalitions[:, None] >> torch.arange(n_players, device=coalitions.device) & 1).bool()
    return torch.cat([kept, torch.full_like(kept[:, :1], background == "keep")], dim=1)


class Forward(Protocol):
    """A network cut in two: `rest(prepare(masked)(coalitions))` are the logits on x_T.

    Assembled batches of several inputs may be concatenated before `rest` where shapes allow.
    """

    def prepare(self, masked: MaskedInput) -> Assemble:
        """Compute what all masked versions of an input share, with the weights as they are now."""
        ...

    def example(self, masked: MaskedInput) -> Tensor:
        """A value of the shape and type of one assembled version; nothing is computed for it."""
        ...

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes)."""
        ...


@contextmanager
def forward_precision(precision: str, device: torch.device) -> Iterator[None]:
    """Forward passes in `float32`, `tf32x3`, `tf32` (CUDA only) or `bf16` within the context.

    Raises
    ------
    ValueError
        If the device does not have the precision.
    """
    if precision == "tf32" and device.type != "cuda":
        message = f"extraction.precision = 'tf32': needs CUDA, not {device.type}; use float32"
        raise ValueError(message)
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    products = Tf32x3() if precision == "tf32x3" else nullcontext()
    try:
        with torch.autocast(device.type, torch.bfloat16, precision == "bf16"), products:
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


class PlainForward:
    """The whole network on every masked input: right for any network, and shares nothing."""

    def __init__(self, model: nn.Module) -> None:
        self.rest = model

    def prepare(self, masked: MaskedInput) -> Assemble:
        """Masked inputs, composed when they are asked for."""
        return masked.versions

    def example(self, masked: MaskedInput) -> Tensor:
        """The input: a version is assembled to one like it."""
        return masked.inputs[None]


def log_odds(logits: Tensor, label: int) -> Tensor:
    """V = log p_y / (1 - p_y) (eq. 1), as z_y - logsumexp of the other logits.

    Never through probabilities, which saturate.

    Parameters
    ----------
    logits : float tensor of shape (batch, n_classes), n_classes at least 2
    label : the true class y

    Returns
    -------
    float64 tensor of shape (batch,)

    Raises
    ------
    ValueError
        If `label` is no class of the logits, or there is only one class.
    """
    n_classes = logits.shape[1]
    if not 0 <= label < n_classes or n_classes < 2:
        message = f"label {label} with {n_classes} classes: the log-odds need y < n_classes >= 2"
        raise ValueError(message)
    wide = logits.double()
    others = torch.cat([wide[:, :label], wide[:, label + 1 :]], dim=1)
    return wide[:, label] - torch.logsumexp(others, dim=1)
