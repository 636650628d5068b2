"""Whether a network has learned its task at all."""

import math

from scipy.special import bdtrc

from whypretrain.settings.training import Recipe

SIGNIFICANCE = 0.05
WATCHED_FROM, WAIT = 1 / 5, 2
"""Share of a run's epochs, and epochs after the warm-up, by which it should have begun to learn."""
NEAR = 0.99
"""Share of ln(classes) from which on a loss counts as that of a guess while the run goes on. (With
classes of unequal size, always to answer with their shares gives a little less than ln(classes): by
0.1 % for Stanford Cars.)"""


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


def shortfall(
    accuracy: float,
    n_test: int,
    n_classes: int,
    train_loss: float = math.nan,
    *,
    least: float | None = None,
) -> str:
    """Why nothing should be concluded from a network, in words; empty if it can be.

    It has not learned (:func:`has_learned`), or is less accurate than `least`, a share of the test
    items that training like it reaches by public references.

    >>> shortfall(0.4, 5794, 200, 0.1, least=0.45), shortfall(0.5, 5794, 200, 0.1, least=0.45)
    ('below its mark of 45 %', '')
    """
    if not has_learned(accuracy, n_test, n_classes, train_loss):
        return "not learned"
    return f"below its mark of {100 * least:g} %" if least and accuracy < least else ""


def not_begun(epoch: int, recipe: Recipe, train_loss: float, n_classes: int) -> str:
    """What to say after an epoch of a run that has not begun to learn; empty if it has.

    It is said once, when a fifth of the run and two epochs after its warm-up are over, and not in
    the last epoch, which :func:`warning` is about. Deep networks without normalisation, such as
    VGG-16 from scratch, may stay at ln(classes) to the end.
    """
    watched = math.ceil(max(WATCHED_FROM * recipe.epochs, recipe.warmup_epochs + WAIT))
    guess = math.log(n_classes)
    if epoch != watched or epoch == recipe.epochs or train_loss < NEAR * guess:
        return ""
    return (
        f"WARNING: it has not begun to learn: after {epoch} of {recipe.epochs} epochs the training "
        f"loss is {train_loss:.3f} (a guess: {guess:.3f}); it goes on, but consider a lower "
        f"learning_rate (now {recipe.learning_rate:g}), a longer warm-up (warmup_epochs, now "
        f"{recipe.warmup_epochs:g}) or another classifier_std"
    )


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
