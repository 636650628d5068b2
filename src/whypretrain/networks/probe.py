"""The linear classifier on a frozen network's features (eq. 5), as part of that network.

Features are computed once; the classifier is a multinomial logistic regression on features that
are centred and divided by one number, their root-mean-square deviation, so that the penalty means
the same for every architecture. (One scale a feature would do harm: a feature that hardly ever
fires on training images would be blown up on masked ones, a thousandfold for a VGG.) Both steps are
then folded into the weights.

With n items, cross-entropy in nats and W of shape (n_classes, n_features) on these features, the
objective is

    mean cross-entropy + l2 / (2 n) |W|²

which is convex: the probe is its optimum, whatever the way there.
"""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from torch import nn

from whypretrain.data.batches import Inputs
from whypretrain.files.progress import Progress
from whypretrain.networks.build import classifier, penultimate
from whypretrain.networks.train import Score, evaluation_batch
from whypretrain.settings.training import Probe

LARGEST_GRADIENT = 1e-8
"""Norm of the objective's gradient up to which a probe counts as converged. On features of the
embedded networks, logits are then off by less than 1e-4 (at scikit-learn's default, by up to 5);
rounding in float64 lets the norm come down to about 1e-10."""

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


class Linear(NamedTuple):
    """A linear classifier: `weights` of shape (n_classes, n_features), `biases` (n_classes,).

    `gradient_norm` is the Euclidean norm of the objective's gradient in W and the biases, in the
    coordinates of the scaled features.
    """

    weights: Array
    biases: Array
    gradient_norm: float


class Fit(NamedTuple):
    """What became of a probe: its loss and accuracy on both splits, and :class:`Linear`'s norm."""

    train: Score
    test: Score
    gradient_norm: float


def fit_classifier(
    model: nn.Module, train: Inputs, test: Inputs, probe: Probe, *, label: str
) -> Fit:
    """Fit the classifier of `model` to the train split, and freeze everything."""
    model.to(train.device).requires_grad_(False)
    inputs, labels = features(model, train, label=label)
    fitted = linear_classifier(inputs, labels, probe)
    head = classifier(model)
    head.weight.copy_(torch.from_numpy(fitted.weights))
    head.bias.copy_(torch.from_numpy(fitted.biases))
    tested = score(*features(model, test, label=f"{label} test"), fitted)
    return Fit(score(inputs, labels, fitted), tested, fitted.gradient_norm)


@torch.inference_mode()
def features(model: nn.Module, data: Inputs, *, label: str) -> tuple[Array, Labels]:
    """Penultimate features, shape (n_items, n_features), and labels, shape (n_items,)."""
    model.eval()
    found, labels = [], []
    progress = Progress(label, len(data), "item")
    for inputs, targets in data.batches(evaluation_batch(data)):
        found.append(penultimate(model, inputs).double().cpu().numpy())
        labels.append(targets.cpu().numpy())
        progress.update(len(targets))
    return np.concatenate(found), np.concatenate(labels)


def linear_classifier(inputs: Array, labels: Labels, probe: Probe) -> Linear:
    """The optimum for inputs of shape (n_items, n_features); every class needs an item."""
    centre = inputs.mean(axis=0)
    scale = np.sqrt(inputs.var(axis=0).mean()) or 1.0
    scaled = (inputs - centre) / scale
    n_classes = int(labels.max()) + 1
    n_parameters = n_classes * (inputs.shape[1] + 1)
    regression = LogisticRegression(
        # Of two classes it fits the difference of the logits, w; |W|² is then |w|² / 2.
        C=(2 if n_classes == 2 else 1) / probe.l2,
        solver="newton-cg",
        # Of the largest entry; the norm is then LARGEST_GRADIENT at most.
        tol=LARGEST_GRADIENT / np.sqrt(n_parameters),
        max_iter=probe.max_iterations,
    )
    with warnings.catch_warnings():  # it says nothing that the gradient does not
        warnings.simplefilter("ignore")
        regression.fit(scaled, labels)
    weights, biases = regression.coef_, regression.intercept_
    if n_classes == 2:
        weights = np.concatenate([-weights / 2, weights / 2])
        biases = np.concatenate([-biases / 2, biases / 2])
    norm = gradient_norm(scaled, labels, weights, biases, probe.l2)
    weights = weights / scale
    return Linear(weights, biases - weights @ centre, norm)


def gradient_norm(scaled: Array, labels: Labels, weights: Array, biases: Array, l2: float) -> float:
    """Euclidean norm of the objective's gradient; the module says what the objective is.

    Parameters
    ----------
    scaled : centred and scaled features, shape (n_items, n_features)
    """
    n_items = len(labels)
    errors = softmax(scaled @ weights.T + biases, axis=1)
    errors[np.arange(n_items), labels] -= 1
    of_weights = (errors.T @ scaled + l2 * weights) / n_items
    return float(np.hypot(np.linalg.norm(of_weights), np.linalg.norm(errors.mean(axis=0))))


def not_converged(gradient_norm: float, probe: Probe) -> str:
    """What to say of a probe that is not at its optimum; empty if it is."""
    if gradient_norm <= LARGEST_GRADIENT:
        return ""
    return (
        f"WARNING: the probe is not at its optimum: the gradient's norm is {gradient_norm:.1e}, "
        f"above {LARGEST_GRADIENT:.0e}; raise probe.max_iterations (now {probe.max_iterations})"
    )


def score(inputs: Array, labels: Labels, fitted: Linear) -> Score:
    """Loss and accuracy of a classifier on features."""
    logits = inputs @ fitted.weights.T + fitted.biases
    of_label = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return Score(float((logsumexp(logits, axis=1) - of_label).mean()), accuracy)
