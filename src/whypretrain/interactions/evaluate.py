"""Outputs v(T) of a network on all 2**n_players masked versions of one input."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whypretrain.interactions.masking import Background, mask_inputs
from whypretrain.interactions.value import log_odds


@torch.inference_mode()
def evaluate_coalitions(
    model: nn.Module,
    inputs: Tensor,
    baseline: Tensor,
    players: Tensor,
    label: int,
    *,
    n_players: int,
    batch_size: int,
    background: Background = "keep",
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Run `model` on every masked input x_T, in batches.

    Parameters
    ----------
    model : network in eval mode, from (batch, *leading, *sites) to logits (batch, n_classes)
    inputs, baseline : tensors of shape (*leading, *sites), as the model expects them (images
        normalised, words as ids of tokens), on the model's device
    players : integer tensor of shape (*sites,), on the same device; -1 is no player
    label : the true class
    batch_size : coalitions a forward pass

    Returns
    -------
    outputs : array of shape (2**n_players,), float64
        v(T), the log-odds of the true class (eq. 1).
    logits : array of shape (n_classes,), float32
        The logits on x_N, all players present.

    Raises
    ------
    FloatingPointError
        If an output is not finite.
    """
    n_coalitions = 1 << n_players
    outputs = torch.empty(n_coalitions, dtype=torch.float64, device=inputs.device)
    logits = torch.empty(0)
    for start in range(0, n_coalitions, batch_size):
        stop = min(start + batch_size, n_coalitions)
        coalitions = torch.arange(start, stop, device=inputs.device)
        masked = mask_inputs(
            inputs, baseline, players, coalitions, n_players=n_players, background=background
        )
        logits = model(masked)
        outputs[start:stop] = log_odds(logits, label)
    if not torch.isfinite(outputs).all():
        message = f"{(~torch.isfinite(outputs)).sum()} of {n_coalitions} outputs are not finite"
        raise FloatingPointError(message)
    return outputs.cpu().numpy(), logits[-1].float().cpu().numpy()  # the last coalition is N
