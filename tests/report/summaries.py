"""Made-up summaries of experiments, with every quantity that figures and explorer read."""

from itertools import combinations_with_replacement, count, product
from typing import Any

import numpy as np
import pandas as pd

from whypretrain.knowledge.reading import QUANTITIES

KEYS = ["variant", "order", "reading", "level"]
COLUMNS = [
    *("experiment", "quantity", *KEYS, "fraction", "epoch", "number", "low", "high", "least"),
    *("most", "chance", "swapped", "second_run", "excess", "excess_low", "excess_high"),
    *("n", "n_seeds", "noise_floor"),
]
VARIANTS = ("probe", "finetune", "scratch")
TRAINED = ("finetune", "scratch")
READINGS = ("positive", "zero", "salient", "weighted")
REMOVALS = (
    ("probe", "preserve"),
    ("probe", "discard"),
    ("finetune", "preserve"),
    ("finetune", "new"),
    ("finetune", "finetune_only"),
    ("scratch", "scratch_only"),
)
IMAGES = ("none", "noise 0.1", "noise 0.2", "rotation 15")
# Pairs of networks whose agreement figures read.
PAIRS = (
    *("probe-finetune", "probe-scratch", "finetune-scratch", "preserved-scratch"),
    *("probe-untrained", "finetune-untrained"),
)
PARTS = ("every", "salient", "removed", "preserved", "emerged")
SECOND_RUNS = ("finetune-finetune", "scratch-scratch", "preserved-finetune")


def summary_of(  # noqa: PLR0912  (one quantity after the other)
    experiment: str,
    *,
    n: int = 6,
    n_players: int = 4,
    fractions: tuple[float, ...] = (0.0, 0.5, 1.0),
    epochs: float = 10.0,
    shifts: tuple[str, ...] = IMAGES,
    replicated: bool = True,
    start: float = 0.1,
) -> pd.DataFrame:
    """A summary whose numbers, all different, tell where they come from.

    With one sample there is no interval over samples.
    """
    places = count()
    rows: list[dict[str, Any]] = []

    def add(quantity: str, *, over_samples: bool = True, **keys: Any) -> None:
        number = start + next(places) / 1000
        own = {"experiment": experiment, "quantity": quantity, "number": number, "n_seeds": 1}
        own |= {"least": number - 0.02, "most": number + 0.02}
        own |= {"n": n if over_samples else 40, "chance": number / 2, "swapped": number / 3}
        if n > 1 or not over_samples:
            own |= {"low": number - 0.05, "high": number + 0.05}
        rows.append(own | keys)

    again: dict[str, Any] = {"second_run": 0.9} if replicated else {}
    for order in range(n_players + 1):
        for quantity in ("preserve", "discard", "new", "finetune_only", "scratch_only"):
            add(quantity, order=str(order), noise_floor=1e-6, **again)
        for variant in VARIANTS:
            add(variant, order=str(order), noise_floor=1e-6, chance=np.nan)
    for reading in READINGS:
        for which in ("all", *map(str, range(1, n_players + 1))):
            add("ratio", reading=reading, order=which, **again)
    for variant in TRAINED:
        for fraction in fractions:
            moment: dict[str, Any] = {"fraction": fraction, "epoch": fraction * epochs}
            add("jaccard", variant=variant, **moment, **again)
            add("test_accuracy", over_samples=False, variant=variant, **moment)
            add("test_loss", over_samples=False, variant=variant, low=np.nan, **moment)
    for quantity in ("test_accuracy", "test_loss"):
        add(quantity, over_samples=False, variant="probe")
    for variant in VARIANTS:
        add("accuracy", over_samples=False, variant=variant, chance=np.nan)
        for threshold in ("0.01", "0.05", "0.2"):
            add("reconstruction_error", variant=variant, level=threshold)
            add("salient_share", variant=variant, level=threshold, chance=np.nan)
        for shift in shifts:
            add("robustness_accuracy", over_samples=False, variant=variant, level=shift)
            if shift != "none":
                add("robustness_lost", over_samples=False, variant=variant, level=shift)
        for level in ("1", "2", "20"):
            add("changed", variant=variant, level=level)
        for quantity in ("prunable_share", "random_share"):
            add(quantity, variant=variant)
    for variant, part in REMOVALS:
        for quantity in ("change", "positive", "positive_before"):
            add(f"counterfactual_{quantity}", variant=variant, level=part, order="all")
    for quantity in ("discard_over_preserve", "preserved_share"):
        for reading in ("orders", "sets"):
            add(quantity, order="all", reading=reading, **again)
    add("accuracy_gain")
    for axis in ("epoch", "step", "fraction"):
        add("earlier", reading=axis)
    # What figures read of agreement, and shares by order.
    for order in range(1, n_players + 1):
        for part in ("discard", "new"):
            add(f"{part}_share", order=str(order), **again)
    groups = ("1-2", "3-4", *(["5+"] if n_players > 5 else []), "all")
    for quantity in ("agreement", "sign_agreement"):
        for pair in (*PAIRS, *(SECOND_RUNS if replicated else ())):
            for group in (*map(str, range(1, n_players)), *groups):
                add(quantity, variant=pair, order=group, chance=np.nan)
    for group in groups:
        add("transfer", order=group, chance=np.nan)
    for variant in TRAINED:
        for target in ("own", "probe", *(["second run"] if replicated else [])):
            for fraction in fractions:
                moment = {"fraction": fraction, "epoch": fraction * epochs, "chance": np.nan}
                for group in groups:
                    keys: dict[str, Any] = {"variant": variant, "level": target, "order": group}
                    add("agreement_course", **keys, **moment)
        for group, fraction in product(groups, fractions):
            moment = {"fraction": fraction, "epoch": fraction * epochs}
            for target, reading in product(("own", "probe"), ("strength", "salient")):
                keys = {"variant": variant, "level": target, "order": group, "reading": reading}
                add("held_share", **keys, **moment)
            for part in (*PARTS, *(["later"] if fraction < 1 else [])):
                keys = {"variant": variant, "level": part, "order": group}
                if replicated and part != "every" and (group == "all" or fraction == 1):
                    add("held_share", **keys, **moment, reading="salient")
                add("uncancelled_share", **keys, **moment)
                add("turnover_count", **keys, **moment)
    for reading in ("accuracy", "loss"):
        keys = {"variant": "finetune", "order": "all", "reading": reading}
        add("late_uncancelled", **keys, fraction=0.5, epoch=epochs / 2)
    for quantity in sorted(QUANTITIES - {row["quantity"] for row in rows}):  # read by none
        add(quantity)
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    return table.assign(**{key: table[key].fillna("") for key in KEYS})


def adapting_of(experiment: str, ways: tuple[str, ...], *, start: float = 0.1) -> pd.DataFrame:
    """A made-up table of ways of adapting: accuracies, and agreement of every pair."""
    pairs = [f"{one}-{other}" for one, other in combinations_with_replacement(ways, 2)]
    rows = [
        {"quantity": "accuracy", "variant": way, "n": 40, "level": f"{way}, titled"} for way in ways
    ]
    rows += [
        {"quantity": "agreement", "variant": pair, "order": order, "n": 6, "level": ""}
        for pair in pairs
        if pair != "probe-probe"
        for order in ("1", "1-2", "all")
    ]
    table = pd.DataFrame(rows).assign(experiment=experiment, n_seeds=3, reading="")
    numbers = (start + np.arange(len(table)) / 1000) % 1
    table = table.assign(number=numbers, low=numbers - 0.05, high=numbers + 0.05)
    return table.reindex(columns=COLUMNS).fillna({"order": "", "level": ""})
