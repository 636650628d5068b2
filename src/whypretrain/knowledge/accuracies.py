"""Rows of the summary that are of whole test splits: accuracies, losses, robustness."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from whypretrain.knowledge.cells import Row, number, with_gaps
from whypretrain.knowledge.statistics import quotient
from whypretrain.networks.learned import shortfall


def tested_rows(
    history: pd.DataFrame, confidence: float, least_scratch_accuracy: float | None
) -> Iterator[Row]:
    """Accuracies of the test split with intervals, losses without, along training and at its end.

    Parameters
    ----------
    history : rows of every network; those of some seeds may have only their first and last epoch
    """
    n_test = int(history["n_test"].iloc[0])
    n_classes = int(history["n_classes"].iloc[0])
    final: dict[str, list[float]] = {}
    ordered = history.sort_values(["seed", "epoch"], kind="stable")
    for variant, own in ordered.groupby("variant", sort=False):
        of = {"variant": variant, "n": n_test}
        sizes = own.groupby("seed")["test_accuracy"].size()
        whole = own[own["seed"].isin(sizes.index[sizes == sizes.max()])]
        for epoch, rows in whole.groupby("epoch", dropna=False):
            spot = {**of, "epoch": epoch, "n_seeds": len(rows)}
            yield {"quantity": "test_accuracy", **spot} | share(
                rows["test_accuracy"].to_list(), n_test, confidence
            )
            for quantity in ("test_loss", "train_loss", "train_accuracy"):
                if rows[quantity].notna().all():
                    yield {"quantity": quantity, **spot, "number": rows[quantity].mean()}
        last = own.groupby("seed", sort=False).tail(1)
        final[str(variant)] = last["test_accuracy"].to_list()
        of["n_seeds"] = len(last)
        yield {"quantity": "accuracy", **of} | share(final[str(variant)], n_test, confidence)
        mark = least_scratch_accuracy if variant == "scratch" else None
        whys = [
            shortfall(accuracy, n_test, n_classes, loss, least=mark)
            for accuracy, loss in zip(last["test_accuracy"], last["train_loss"], strict=True)
        ]
        why = next(filter(None, whys), "")
        yield {"quantity": "learned", **of, "number": float(not why), "level": why}
    gained = gain(final["finetune"], final["scratch"], n_test, confidence)
    n_seeds = min(len(final["finetune"]), len(final["scratch"]))
    yield {"quantity": "accuracy_gain", "n": n_test, "n_seeds": n_seeds} | gained


def share(accuracies: Sequence[float], n_test: int, confidence: float) -> Row:
    """The mean accuracy of seeds on the same test items.

    Of one network Wilson's interval (1927); of several a t interval whose variance is that of
    their mean, plus what other test items would add.
    """
    mean = float(np.mean(accuracies))
    row = {"number": mean, "least": min(accuracies), "most": max(accuracies)}
    if len(accuracies) == 1:
        count, alpha = round(mean * n_test), 1 - confidence
        low, high = proportion_confint(count, n_test, alpha=alpha, method="wilson")
    else:
        reach = _reach([accuracies], n_test, confidence)
        low, high = max(mean - reach, 0.0), min(mean + reach, 1.0)
    return row | {"low": float(low), "high": float(high)}


def _reach(networks: Sequence[Sequence[float]], n_test: int, confidence: float) -> float:
    """Half the interval of a sum or difference of mean accuracies, by Satterthwaite (1946)."""
    parts = []
    for own in networks:
        mean = float(np.mean(own))
        parts.append((float(np.var(own, ddof=1)) / len(own), len(own) - 1))
        parts.append((mean * (1 - mean) / n_test, n_test - 1))
    variance = sum(part for part, _ in parts)
    spread = sum(part**2 / freedom for part, freedom in parts if freedom)
    if not spread:
        return 0.0
    quantile = stdtrit(variance**2 / spread, 0.5 + confidence / 2)
    return float(quantile * np.sqrt(variance))


def gain(
    finetune: Sequence[float], scratch: Sequence[float], n_test: int, confidence: float
) -> Row:
    """Accuracy of fine-tuned minus scratch networks, or of any two ways of training.

    Both see the same items, which the interval takes no advantage of: it is too wide rather than
    too narrow. Of single networks it is Newcombe's (1998).
    """
    difference = float(np.mean(finetune) - np.mean(scratch))
    gaps = [one - other for one in finetune for other in scratch]
    row = {"number": difference, "least": min(gaps), "most": max(gaps)}
    if len(finetune) == len(scratch) == 1:
        counts = [round(own[0] * n_test) for own in (finetune, scratch)]
        low, high = confint_proportions_2indep(
            counts[0], n_test, counts[1], n_test, method="newcomb", alpha=1 - confidence
        )
    else:
        reach = _reach([finetune, scratch], n_test, confidence)
        low, high = difference - reach, difference + reach
    return row | {"low": float(low), "high": float(high)}


def robustness_rows(robustness: pd.DataFrame, confidence: float) -> Iterator[Row]:
    """Accuracy under each shift, of the first seed; what it costs has an interval over items."""
    for own in robustness.to_dict("records"):
        shift, n_items = own["shift"], int(own["n_items"])
        level = shift if shift == "none" else f"{shift} {own['level']:g}"
        keys = {"variant": own["variant"], "level": level, "n": n_items, "n_seeds": 1}
        accuracy = share([own["n_correct"] / n_items], n_items, confidence)
        yield {"quantity": "robustness_accuracy", **keys, **accuracy}
        if shift != "none":
            change = np.zeros((1, 1, n_items))
            change[..., : int(own["n_lost"])] = 1
            change[..., n_items - int(own["n_gained"]) :] = -1
            row = number(quotient, {"measured": with_gaps(change)}, confidence)
            yield {"quantity": "robustness_lost"} | row | keys
