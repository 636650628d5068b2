"""Whether a network has learned its task at all."""

import math

from scipy.special import bdtrc

SIGNIFICANCE = 0.05


def has_learned(accuracy: float, n_test: int, n_classes: int, train_loss: float = math.nan) -> bool:
    """Whether a network is better than a guess.

    It is if it is right on more of `n_test` items than guessing among equally frequent classes
    gives in all but 5 % of cases, unless its mean training loss, in nats, is still that of a
    guess, ln(n_classes). (The test loss of a network that has learned may be larger.)

    >>> has_learned(0.058, 580, 20, 2.996), has_learned(0.8, 580, 20, 0.5)
    (False, True)
    """
    better = bdtrc(round(accuracy * n_test) - 1, n_test, 1 / n_classes) < SIGNIFICANCE
    return bool(better and not train_loss >= math.log(n_classes))


def warning(accuracy: float, n_test: int, n_classes: int, train_loss: float) -> str:
    """What to say of a network that has not; empty if it has."""
    if has_learned(accuracy, n_test, n_classes, train_loss):
        return ""
    return (
        f"WARNING: it has not learned: {accuracy:.1%} of {n_test} test items are right, with "
        f"{n_classes} classes, at a training loss of {train_loss:.3f} (a guess: "
        f"{math.log(n_classes):.3f}); change its recipe (learning_rate, epochs, "
        "warmup_epochs), or probe.l2"
    )
