"""Outputs v(T) of a network on all 2**n_players masked versions of its inputs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whypretrain.interactions.forward import Forward
from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.value import log_odds


class Evaluation(NamedTuple):
    """One input under one network.

    `outputs`: v(T), the log-odds of the true class (eq. 1) for every coalition T, float64 of shape
    (2**n_players,). `logits`: on x_N, all players present, float32 of shape (n_classes,).
    """

    outputs: NDArray[np.float64]
    logits: NDArray[np.float32]


@torch.inference_mode()
def evaluate(
    forward: Forward, group: Sequence[MaskedInput], labels: Sequence[int], *, batch_size: int
) -> list[Evaluation]:
    """Ask the network about every masked version of every input of the group.

    Parameters
    ----------
    forward : a network in eval mode
    group : inputs of one shape with equally many players, whose versions share batches
    labels : the true class of each
    batch_size : versions a forward pass. A card that runs out of memory is asked again for half as
        many, and nothing that was computed is lost.

    Raises
    ------
    FloatingPointError
        If an output is not finite.
    """
    device = group[0].inputs.device
    n_coalitions = 1 << group[0].n_players
    assemble = [forward.prepare(masked) for masked in group]
    outputs = torch.empty(len(group), n_coalitions, dtype=torch.float64, device=device)
    logits = torch.empty(0)
    each = max(batch_size // len(group), 1)
    start = 0
    while start < n_coalitions:
        coalitions = torch.arange(start, min(start + each, n_coalitions), device=device)
        try:
            logits = _logits(forward, [one(coalitions) for one in assemble])
        except torch.OutOfMemoryError:
            if each == 1:
                raise
            each //= 2
            continue
        logits = logits.unflatten(0, (len(group), -1))
        for row, of_input, label in zip(outputs, logits, labels, strict=True):
            row[start : start + len(coalitions)] = log_odds(of_input, label)
        start += len(coalitions)
    if not torch.isfinite(outputs).all():
        n_broken = int((~torch.isfinite(outputs)).sum())
        message = f"{n_broken} of {outputs.numel()} outputs are not finite"
        raise FloatingPointError(message)
    last = logits[:, -1].float().cpu().numpy()  # the last coalition is N
    return [Evaluation(*pair) for pair in zip(outputs.cpu().numpy(), last, strict=True)]


def _logits(forward: Forward, parts: list[Tensor]) -> Tensor:
    """Logits of all parts, in one pass where they are alike: an input may be computed plainly."""
    if len({part.shape for part in parts}) == 1:
        return forward.rest(parts[0] if len(parts) == 1 else torch.cat(parts))
    return torch.cat([forward.rest(part) for part in parts])


@torch.inference_mode()
def check_outputs(
    plain: Forward,
    head: nn.Linear,
    masked: MaskedInput,
    label: int,
    outputs: NDArray[np.float64],
    *,
    coalitions: Tensor,
    tolerance: float,
) -> None:
    """Compare outputs with a plain forward pass on some coalitions.

    Parameters
    ----------
    head : the network's last layer. What its products add up to without their signs is the scale
        of rounding: where they cancel, logits and even their differences may be far smaller.
    outputs : float64 array of shape (2**n_players,), which another forward gave
    coalitions : int64 tensor of shape (batch,), on the device of the input
    tolerance : largest difference allowed, as a share of that scale

    Raises
    ------
    FloatingPointError
        If an output differs by more.
    """
    scales = []

    def see(_: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        scales.append(float((inputs[0].abs() @ head.weight.abs().T).max()))

    hook = head.register_forward_hook(see)
    try:
        logits = plain.rest(plain.prepare(masked)(coalitions))
    finally:
        hook.remove()
    expected = log_odds(logits, label).cpu().numpy()
    difference = float(np.abs(outputs[coalitions.cpu().numpy()] - expected).max())
    allowed = tolerance * max(scales)
    if not difference <= allowed:
        message = (
            f"outputs of shared computation differ from plain ones by {difference:.2g}, more than "
            f"rounding explains ({allowed:.2g}); set extraction.sharing to false and report it"
        )
        raise FloatingPointError(message)
