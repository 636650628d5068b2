"""Accuracy and loss of a network on a split, as it is and with its inputs shifted."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from whypretrain.data.shifts import shifted
from whypretrain.data.table import Split
from whypretrain.networks.train import Data, evaluation_batches
from whypretrain.settings.robustness import RobustnessSettings


@torch.inference_mode()
def outcomes(
    model: nn.Module, data: Data, device: torch.device, *, workers: int = 0
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """What becomes of each item, in the order in which batches hold them.

    Returns
    -------
    correct : array of shape (n_items,), bool
        Whether the label has the largest logit.
    loss : array of shape (n_items,), float64
        Cross-entropy in nats.
    """
    model.eval()
    correct, loss = [], []
    for batch in evaluation_batches(data, device, workers=workers):
        inputs, labels = (part.to(device, non_blocking=True) for part in batch)
        logits = model(inputs)
        correct.append((logits.argmax(dim=1) == labels).cpu().numpy())
        each = functional.cross_entropy(logits, labels, reduction="none")
        loss.append(each.double().cpu().numpy())
    return np.concatenate(correct), np.concatenate(loss)


def robustness_table(
    model: nn.Module,
    split: Split,
    settings: RobustnessSettings,
    device: torch.device,
    *,
    workers: int = 0,
) -> pd.DataFrame:
    """One row a shift and level, the unshifted split first.

    Returns
    -------
    table with columns `shift`, `level` (as configured; 0 of `none`), `n_items`, `n_correct`,
    `accuracy`, `loss` (mean cross-entropy, nats), `n_lost` and `n_gained` (items that are right
    only without, or only with, the shift)
    """
    rows = []
    for shift, level in settings.shifts():
        data = shifted(split, settings.architecture, shift, level, settings.robustness.seed)
        correct, loss = outcomes(model, data, device, workers=workers)
        if shift == "none":  # the first
            unshifted = correct
        # Shifts leave the order of items as it is: sentences are sorted by length, and keep theirs.
        row = {
            "shift": shift,
            "level": level,
            "n_items": len(correct),
            "n_correct": int(correct.sum()),
            "accuracy": float(correct.mean()),
            "loss": float(loss.mean()),
            "n_lost": int((unshifted & ~correct).sum()),
            "n_gained": int((correct & ~unshifted).sum()),
        }
        rows.append(row)
    return pd.DataFrame(rows)
