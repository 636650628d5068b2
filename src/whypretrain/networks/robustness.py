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


def robustness_table(
    model: nn.Module, split: Split, settings: RobustnessSettings, device: torch.device, workers: int
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
        correct, loss = _outcomes(model, data, device, workers)
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


@torch.inference_mode()
def _outcomes(
    model: nn.Module, data: Data, device: torch.device, workers: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each item is right, and its cross-entropy in nats, in the order of batches."""
    model.eval()
    correct, loss = [], []
    for batch in evaluation_batches(data, device, workers=workers):
        inputs, labels = (part.to(device, non_blocking=True) for part in batch)
        logits = model(inputs)
        correct.append((logits.argmax(dim=1) == labels).cpu().numpy())
        each = functional.cross_entropy(logits, labels, reduction="none")
        loss.append(each.double().cpu().numpy())
    return np.concatenate(correct), np.concatenate(loss)
