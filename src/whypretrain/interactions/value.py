"""The scalar output v of a classifier: the log-odds of the true class."""

import torch
from torch import Tensor


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
