"""Masked inputs x_T, composed on the device from the bits of the coalitions."""

from typing import Literal

import torch
from torch import Tensor

Background = Literal["keep", "mask"]


def mask_images(
    image: Tensor,
    baseline: Tensor,
    players: Tensor,
    coalitions: Tensor,
    *,
    n_players: int,
    background: Background = "keep",
) -> Tensor:
    """Masked images x_T: pixels of players in T keep their value, the others take the baseline's.

    Parameters
    ----------
    image, baseline : float tensors of shape (channels, height, width)
    players : integer tensor of shape (height, width)
        The player of every pixel; -1 where there is none.
    coalitions : int64 tensor of shape (batch,)
    background : what happens to pixels of no player: kept, so that x_N is the image, or masked.

    Returns
    -------
    tensor of shape (batch, channels, height, width), on the device of `image`
    """
    bits = torch.arange(n_players, device=coalitions.device)
    present = (coalitions[:, None] >> bits & 1).bool()
    rest = torch.full_like(present[:, :1], background == "keep")
    # The background's label is -1, so its column is the last.
    kept = torch.cat([present, rest], dim=1)[:, players.long()]
    return torch.where(kept[:, None], image, baseline)
