"""Masked inputs x_T, composed on the device from the bits of the coalitions."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Background = Literal["keep", "mask"]


@dataclass(frozen=True)
class MaskedInput:
    """One input with all that its 2**n_players masked versions are made of.

    Attributes are the arguments of :func:`mask_inputs`.
    """

    inputs: Tensor
    baseline: Tensor
    players: Tensor
    n_players: int
    background: Background = "keep"

    def versions(self, coalitions: Tensor) -> Tensor:
        """Masked inputs x_T, of shape (batch, *leading, *sites), of int64 coalitions (batch,)."""
        return mask_inputs(
            self.inputs,
            self.baseline,
            self.players,
            coalitions,
            n_players=self.n_players,
            background=self.background,
        )


def mask_inputs(
    inputs: Tensor,
    baseline: Tensor,
    players: Tensor,
    coalitions: Tensor,
    *,
    n_players: int,
    background: Background = "keep",
) -> Tensor:
    """Masked inputs x_T: sites of players in T keep their value, the others take the baseline's.

    A site is what belongs to one player: a pixel (sites (height, width), of inputs with leading
    channels) or a token (sites (length,)).

    Parameters
    ----------
    inputs, baseline : tensors of shape (*leading, *sites), of one type
        Images (channels, height, width), float, or the ids of tokens (length,), int64.
    players : integer tensor of shape (*sites,)
        The player of every site; -1 where there is none.
    coalitions : int64 tensor of shape (batch,)
    background : what happens to sites of no player: kept, so that x_N is the input, or masked.

    Returns
    -------
    tensor of shape (batch, *leading, *sites), on the device of `inputs`

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    n_leading = inputs.ndim - players.ndim
    if n_leading < 0 or inputs.shape[n_leading:] != players.shape or baseline.shape != inputs.shape:
        message = (
            f"inputs {tuple(inputs.shape)}, baseline {tuple(baseline.shape)} and players "
            f"{tuple(players.shape)}: the first two must be equal and end in the third"
        )
        raise ValueError(message)
    bits = torch.arange(n_players, device=coalitions.device)
    present = (coalitions[:, None] >> bits & 1).bool()
    rest = torch.full_like(present[:, :1], background == "keep")
    # The background's label is -1, so its column is the last.
    kept = torch.cat([present, rest], dim=1)[:, players.long()]
    kept = kept.reshape(len(coalitions), *[1] * n_leading, *players.shape)
    return torch.where(kept, inputs, baseline)
