"""Networks that are no better than a guess, or worse than others' of their kind."""

import math

import pytest

from whypretrain.networks.learned import has_learned, not_begun, shortfall, warning
from whypretrain.settings.training import Recipe


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
    assert (shortfall(accuracy, n_test, n_classes, train_loss) == "") == expected


@pytest.mark.parametrize(
    ("accuracy", "least", "expected"),
    [
        (0.5, None, ""),
        (0.5, 0.5, ""),
        (0.5, 0.75, "below its mark of 75 %"),
        (0.5, 0.505, "below its mark of 50.5 %"),
        (0.05, 0.5, "not learned"),  # no better than a guess: the worse of the two
    ],
)
def test_below_a_mark(accuracy: float, least: float | None, expected: str) -> None:
    assert shortfall(accuracy, 1000, 20, 0.1, least=least) == expected


@pytest.mark.parametrize(
    ("epochs", "warmup", "watched"), [(300, 10, 60), (20, 1, 4), (30, 10, 12), (3, 0.3, None)]
)
def test_a_run_that_has_not_begun_is_told_once(
    epochs: int, warmup: float, watched: int | None
) -> None:
    recipe = Recipe(epochs=epochs, warmup_epochs=warmup, learning_rate=0.03)
    guess = math.log(200)
    told = {at: not_begun(at, recipe, guess, 200) for at in range(1, epochs + 1)}
    assert [at for at, words in told.items() if words] == ([watched] if watched else [])
    if watched is not None:
        for part in (f"after {watched} of {epochs} ", "5.298 (a guess: 5.298)", "(now 0.03)"):
            assert part in told[watched]
        assert not_begun(watched, recipe, 0.995 * guess, 200)  # uneven classes
        assert not not_begun(watched, recipe, 0.98 * guess, 200)
