"""Stage `probe`: the frozen pre-trained network with a new linear classifier (eq. 5).

Features are computed once; the classifier is a multinomial logistic regression on features that
are centred and divided by one number, their root-mean-square deviation, so that the penalty means
the same for every architecture. (One scale a feature would do harm: a feature that hardly ever
fires on training images would be blown up on masked ones, a thousandfold for a VGG.) Both steps are
then folded into the weights. The result is a whole network, so that what follows treats it like any
other.
"""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from torch import nn

from whypretrain import __version__
from whypretrain.data.inputs import inputs_of
from whypretrain.data.table import read_split
from whypretrain.files.artifacts import atomic_path
from whypretrain.files.progress import say, track
from whypretrain.networks.build import build, classifier, load_backbone, penultimate, save_weights
from whypretrain.networks.numerics import configure, seed_everything
from whypretrain.networks.train import Data, Score, evaluate, evaluation_batches
from whypretrain.settings.training import Probe, ProbeSettings
from whypretrain.stages import command


@torch.inference_mode()
def features(
    model: nn.Module, data: Data, device: torch.device, label: str, *, workers: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Penultimate features, shape (n_items, n_features), and labels, shape (n_items,)."""
    model.eval()
    found, labels = [], []
    loader = evaluation_batches(data, device, workers=workers)
    for batch, targets in track(loader, label, len(loader), "batch"):
        found.append(penultimate(model, batch.to(device)).double().cpu().numpy())
        labels.append(targets.numpy())
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


def score(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> Score:
    """Loss and accuracy of logits of shape (n_items, n_classes)."""
    of_label = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return Score(float((logsumexp(logits, axis=1) - of_label).mean()), accuracy)


def main() -> None:
    """Command line."""
    parser = command.parser("probe", __doc__, ProbeSettings)
    command.path_argument(parser, "--train", "train split of the downstream dataset")
    command.path_argument(parser, "--test", "test split of the downstream dataset")
    command.path_argument(parser, "--pretrained", "pre-trained weights")
    command.path_argument(parser, "--weights", "weights to write, safetensors")
    command.path_argument(parser, "--history", "loss and accuracy to write, CSV")
    command.add_compute(parser)
    arguments = parser.parse_args()
    settings: ProbeSettings = arguments.settings
    device = configure(threads=arguments.threads, device=arguments.device)

    train, test = read_split(arguments.train), read_split(arguments.test)
    seed_everything("probe")
    model = build(settings.architecture, len(train.classes))
    load_backbone(model, arguments.pretrained)
    model.to(device).requires_grad_(False)
    train_inputs = inputs_of(train, settings.architecture)
    label = " ".join(arguments.weights.parts[-4:-1])
    workers = arguments.threads - 1
    inputs, labels = features(model, train_inputs, device, label, workers=workers)
    weights, biases = linear_classifier(inputs, labels, settings.probe)
    head = classifier(model)
    head.weight.copy_(torch.from_numpy(weights))
    head.bias.copy_(torch.from_numpy(biases))

    trained = score(inputs @ weights.T + biases, labels)
    test_inputs = inputs_of(test, settings.architecture)
    tested = evaluate(model, test_inputs, device, workers=workers)
    save_weights(
        arguments.weights,
        model,
        {
            "settings": settings.to_json(),
            "version": __version__,
            "fraction": 1.0,
            "epoch": None,  # the optimum of a convex problem: there are no epochs
        },
    )
    row = {
        "train_loss": trained.loss,
        "train_accuracy": trained.accuracy,
        "test_loss": tested.loss,
        "test_accuracy": tested.accuracy,
    }
    with atomic_path(arguments.history) as temporary:
        pd.DataFrame([row]).to_csv(temporary, index=False)
    say(f"{label}: loss {tested.loss:.3f} accuracy {tested.accuracy:.1%} (test)")


if __name__ == "__main__":
    command.run(main)
