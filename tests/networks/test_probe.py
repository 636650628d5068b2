"""The probe's regression: at its optimum, whatever the features, and its gradient as stated."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from whypretrain.networks.probe import (
    LARGEST_GRADIENT,
    gradient_norm,
    linear_classifier,
    not_converged,
)
from whypretrain.settings.training import Probe

Array = NDArray[np.float64]
DRAWN = np.random.default_rng(0)
PLAIN = DRAWN.normal(size=(100, 12))
CLASSES = np.arange(100) % 5
FEATURES = {
    # Few items, as of the embedded digits: features of ReLUs, whose classes can be separated.
    "rectified": np.maximum(PLAIN + 2 * np.eye(5, 12)[CLASSES] - 0.5, 0),
    "constant": np.concatenate([PLAIN, np.full((100, 2), 3.0)], axis=1),
    "one much larger": PLAIN * np.where(np.arange(12) == 3, 1e5, 1),
    "far from zero": PLAIN + 1e6,
    "more than items": DRAWN.normal(size=(100, 300)),
}
LABELS = {
    "many classes": CLASSES,
    "two classes": CLASSES % 2,
    "separable": np.digitize(PLAIN[:, 0], [-0.5, 0.5]),
    "a rare class": np.where(np.arange(100) == 7, 1, 2 * (CLASSES % 2)),
}


def scaled(inputs: Array) -> Array:
    centred = inputs - inputs.mean(axis=0)
    return centred / np.sqrt((centred**2).mean())


def objective(flat: Array, inputs: Array, labels: NDArray[np.int64], l2: float) -> float:
    """As the module states it: `flat` holds a row a class, its bias last."""
    weights = flat.reshape(labels.max() + 1, -1)
    logits = inputs @ weights[:, :-1].T + weights[:, -1]
    loss = (logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]).mean()
    return float(loss + l2 / (2 * len(labels)) * (weights[:, :-1] ** 2).sum())


@pytest.mark.parametrize("l2", [1e-4, 1.0])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("inputs", FEATURES.values(), ids=FEATURES)
def test_the_gradient_vanishes(inputs: Array, labels: NDArray[np.int64], l2: float) -> None:
    fitted = linear_classifier(inputs, labels, Probe(l2=l2))
    assert fitted.gradient_norm <= LARGEST_GRADIENT
    assert not not_converged(fitted.gradient_norm, Probe(l2=l2))


@pytest.mark.parametrize("kind", LABELS)
def test_it_is_an_independent_optimum_in_logits(kind: str) -> None:
    """Newton's method with the Hessian written out, in float64."""
    inputs, labels, l2 = FEATURES["rectified"], LABELS[kind], 0.5
    n_classes, n_items = labels.max() + 1, len(labels)
    rows = np.column_stack([scaled(inputs), np.ones(n_items)])
    penalty = np.tile([*[l2 / n_items] * inputs.shape[1], 0], n_classes)
    flat = np.zeros(n_classes * rows.shape[1])
    for _ in range(50):
        logits = rows @ flat.reshape(n_classes, -1).T
        shares = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
        gradient = ((shares - np.eye(n_classes)[labels]).T @ rows).ravel() / n_items
        covariance = -shares[:, :, None] * shares[:, None] + shares[:, :, None] * np.eye(n_classes)
        curvature = np.einsum("icd,if,ig->cfdg", covariance, rows, rows) / n_items
        hessian = curvature.reshape(len(flat), -1) + np.diag(penalty)
        # Biases may all be moved alike: the least-squares step leaves that alone.
        flat -= np.linalg.lstsq(hessian, gradient + penalty * flat, rcond=1e-13)[0]
    weights, biases, _ = linear_classifier(inputs, labels, Probe(l2=l2))
    found, expected = inputs @ weights.T + biases, rows @ flat.reshape(n_classes, -1).T
    found, expected = (one - one.mean(axis=1, keepdims=True) for one in (found, expected))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_no_step_downhill_is_left() -> None:
    """An optimiser that knows the objective alone, from where the probe is and from zero."""
    inputs, labels = FEATURES["rectified"], LABELS["two classes"]
    weights, biases, _ = linear_classifier(inputs, labels, Probe(l2=2.0))
    scale = np.sqrt(inputs.var(axis=0).mean())
    own = np.column_stack([weights * scale, biases + weights @ inputs.mean(axis=0)]).ravel()
    given = (scaled(inputs), labels, 2.0)
    here = objective(own, *given)
    for start in (own, np.zeros_like(own)):
        best = minimize(objective, start, given, options={"gtol": 1e-9}).fun
        assert here == pytest.approx(best, abs=1e-12)


def test_the_gradient_is_that_of_the_objective() -> None:
    inputs, labels = scaled(FEATURES["rectified"]), CLASSES
    flat = DRAWN.normal(size=5 * 13)
    steps = 1e-6 * np.eye(len(flat))
    slopes = [
        (objective(flat + step, inputs, labels, 3.0) - objective(flat - step, inputs, labels, 3.0))
        / 2e-6
        for step in steps
    ]
    weights = flat.reshape(5, 13)
    found = gradient_norm(inputs, labels, weights[:, :-1], weights[:, -1], l2=3.0)
    assert found == pytest.approx(np.linalg.norm(slopes), rel=1e-6)


def test_two_classes_have_two_logits() -> None:
    inputs, labels = FEATURES["rectified"], LABELS["two classes"]
    weights, biases, _ = linear_classifier(inputs, labels, Probe())
    assert weights.shape == (2, 12)
    logits = inputs @ weights.T + biases
    expected = LogisticRegression(C=2, tol=1e-10).fit(scaled(inputs), labels)
    margins = expected.decision_function(scaled(inputs))
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], margins, atol=1e-4)


def test_one_iteration_is_too_few() -> None:
    probe = Probe(max_iterations=1)
    norm = linear_classifier(FEATURES["rectified"], CLASSES, probe).gradient_norm
    assert norm > LARGEST_GRADIENT
    assert "raise probe.max_iterations (now 1)" in not_converged(norm, probe)
