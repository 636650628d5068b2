"""A network as extraction asks it: one part that masked versions share, and the rest of it."""

from typing import Protocol

from torch import Tensor, nn

from whypretrain.interactions.masking import MaskedInput


class Assemble(Protocol):
    """What is shared among the masked versions of one input, computed once."""

    def __call__(self, coalitions: Tensor) -> Tensor:
        """What the rest of the network takes, (batch, ...), of int64 coalitions (batch,)."""
        ...


class Forward(Protocol):
    """A network cut in two: `rest(prepare(masked)(coalitions))` are the logits on x_T.

    Assembled batches of several inputs may be concatenated before `rest` where shapes allow.
    """

    def prepare(self, masked: MaskedInput) -> Assemble:
        """Compute what all masked versions of an input share, with the weights as they are now."""
        ...

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes)."""
        ...


class PlainForward:
    """The whole network on every masked input: right for any network, and shares nothing."""

    def __init__(self, model: nn.Module) -> None:
        self.rest = model

    def prepare(self, masked: MaskedInput) -> Assemble:
        """Masked inputs, composed when they are asked for."""
        return masked.versions
