"""Networks that are no better than a guess."""

import pytest

from whypretrain.networks.learned import has_learned, warning


@pytest.mark.parametrize(
    ("accuracy", "n_test", "n_classes", "train_loss", "expected"),
    [
        (0.058, 580, 20, 2.996, False),  # seen: 570 steps at ln 20
        (0.062, 580, 20, 2.0, False),  # within what guessing gives
        (0.08, 580, 20, 2.9, True),
        (0.08, 580, 20, 3.0, False),  # lucky, at the loss of a guess
        (0.5, 50, 2, 0.1, False),
        (0.7, 50, 2, 0.1, True),
        (0.7, 50, 2, float("nan"), True),  # training loss unknown
    ],
)
def test_better_than_a_guess(
    accuracy: float, n_test: int, n_classes: int, train_loss: float, expected: bool
) -> None:
    assert has_learned(accuracy, n_test, n_classes, train_loss) == expected
    assert bool(warning(accuracy, n_test, n_classes, train_loss)) != expected
