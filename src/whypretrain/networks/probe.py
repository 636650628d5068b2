"""The linear classifier on a frozen network's features (eq. 5), as part of that network.

Features are computed once; the classifier is a multinomial logistic regression on features that
are centred and divided by one number, their root-mean-square deviation, so that the penalty means
the same for every architecture. (One scale a feature would do harm: a feature that hardly ever
fires on training images would be blown up on masked ones, a thousandfold for a VGG.) Both steps are
then folded into the weights.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from torch import nn

from whypretrain.files.progress import Progress
from whypretrain.networks.build import classifier, penultimate
from whypretrain.networks.train import Data, Score, evaluation_batches
from whypretrain.settings.training import Probe


def fit_classifier(
    model: nn.Module, data: Data, probe: Probe, device: torch.device, *, label: str, workers: int
) -> Score:
    """Fit the classifier of `model`, and freeze everything; its loss and accuracy on `data`."""
    model.to(device).requires_grad_(False)
    inputs, labels = features(model, data, device, label=label, workers=workers)
    weights, biases = linear_classifier(inputs, labels, probe)
    head = classifier(model)
    head.weight.copy_(torch.from_numpy(weights))
    head.bias.copy_(torch.from_numpy(biases))
    logits = inputs @ weights.T + biases
    of_label = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return Score(float((logsumexp(logits, axis=1) - of_label).mean()), accuracy)


@torch.inference_mode()
def features(
    model: nn.Module, data: Data, device: torch.device, *, label: str, workers: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Penultimate features, shape (n_items, n_features), and labels, shape (n_items,)."""
    model.eval()
    found, labels = [], []
    loader = evaluation_batches(data, device, workers=workers)
    progress = Progress(label, len(loader), "batch")
    for batch, targets in loader:
        found.append(penultimate(model, batch.to(device)).double().cpu().numpy())
        labels.append(targets.numpy())
        progress.update()
    return np.concatenate(found), np.concatenate(labels)


def linear_classifier(
    inputs: NDArray[np.float64], labels: NDArray[np.int64], probe: Probe
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of shape (n_classes, n_features) and biases of shape (n_classes,).

    With two classes scikit-learn fits a single logit; it becomes the difference of two.
    """
    centre = inputs.mean(axis=0)
    scale = np.sqrt(inputs.var(axis=0).mean()) or 1.0
    regression = LogisticRegression(C=1 / probe.l2, max_iter=probe.max_iterations)
    regression.fit((inputs - centre) / scale, labels)
    weights, biases = regression.coef_, regression.intercept_
    if len(weights) == 1:
        weights = np.concatenate([-weights / 2, weights / 2])
        biases = np.concatenate([-biases / 2, biases / 2])
    weights = weights / scale
    return weights, biases - weights @ centre
