"""Accuracy and loss of a network on a split, as it is and with its inputs shifted."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from whypretrain.data.batches import Inputs, normalise
from whypretrain.data.inputs import inputs_of
from whypretrain.data.shifts import shifted
from whypretrain.data.table import Split
from whypretrain.networks.train import evaluation_batch
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.settings.robustness import RobustnessSettings

ATTACKED_AT_ONCE = 1 / 8
"""Of a batch that is only evaluated, as a gradient needs what layers have put out."""


def robustness_table(
    model: nn.Module, split: Split, settings: RobustnessSettings, device: torch.device
) -> pd.DataFrame:
    """One row a shift and level, the unshifted split first.

    Returns
    -------
    table with columns `shift`, `level` (as configured; 0 of `none`), `n_items`, `n_correct`,
    `accuracy`, `loss` (mean cross-entropy, nats), `n_lost` and `n_gained` (items that are right
    only without, or only with, the shift)
    """
    inputs = inputs_of(split, settings.architecture, device=device)
    rows = []
    for shift, level in settings.shifts():
        if shift == "adversarial":
            correct, loss = _outcomes(model, inputs, settings.architecture, level)
        else:
            data = shifted(inputs, split, shift, level, settings.robustness.seed)
            correct, loss = _outcomes(model, data)
        if shift == "none":  # the first
            unshifted = correct
        # Shifts leave the order of items as it is: sentences are sorted by length, and keep theirs.
        rows.append(
            {
                "shift": shift,
                "level": level,
                "n_items": len(correct),
                "n_correct": int(correct.sum()),
                "accuracy": float(correct.mean()),
                "loss": float(loss.mean()),
                "n_lost": int((unshifted & ~correct).sum()),
                "n_gained": int((correct & ~unshifted).sum()),
            }
        )
    return pd.DataFrame(rows)


@torch.no_grad()
def _outcomes(
    model: nn.Module, data: Inputs, architecture: Architecture | None = None, step: float = 0.0
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each item is right, and its cross-entropy in nats, in the order of batches.

    With a step, images of the architecture are changed against the network first.
    """
    model.eval().requires_grad_(False)
    correct, loss = [], []
    together = evaluation_batch(data)
    if step:
        together = max(round(ATTACKED_AT_ONCE * together), 1)
    for inputs, labels in data.batches(together):
        if step:
            assert isinstance(architecture, ImageArchitecture)
            inputs = attacked(model, inputs, labels, architecture, step)  # noqa: PLW2901
        logits = model(inputs)
        correct.append((logits.argmax(dim=1) == labels).cpu().numpy())
        each = functional.cross_entropy(logits, labels, reduction="none")
        loss.append(each.double().cpu().numpy())
    return np.concatenate(correct), np.concatenate(loss)


@torch.enable_grad()
def attacked(
    model: nn.Module, images: Tensor, labels: Tensor, architecture: ImageArchitecture, step: float
) -> Tensor:
    """Images changed by one step against the network (FGSM, Goodfellow et al., 2015).

    Every intensity goes by `step` in the direction in which the log-odds of the true class fall;
    they have the same direction as the loss, whose gradient is 0 in float32 where a network is very
    sure. What leaves the range from black to white is clipped.

    Parameters
    ----------
    images : normalised, (batch, channels, size, size)
    labels : (batch,), int64
    step : black to white is 1

    Returns
    -------
    tensor of the shape of images
    """
    images = images.clone().requires_grad_()
    logits = model(images)
    of_label = functional.one_hot(labels, logits.shape[1]).bool()
    others = logits.masked_fill(of_label, -torch.inf).logsumexp(dim=1)
    (gradient,) = torch.autograd.grad((logits[of_label] - others).sum(), images)
    black, white = (
        normalise(torch.full_like(images[:1], level), architecture) for level in (0.0, 1.0)
    )
    return (images - step * (white - black) * gradient.sign()).clamp(black, white).detach()
