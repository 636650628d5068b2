"""All per-sample tables of one experiment, from the records of its networks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.interactions.record import Record
from whypretrain.knowledge.counterfactual import counterfactual_table
from whypretrain.knowledge.intervals import Options
from whypretrain.knowledge.redundancy import redundancy_table
from whypretrain.knowledge.references import Models, comparisons, permuted_jaccard
from whypretrain.knowledge.strengths import jaccard
from whypretrain.knowledge.tables import (
    counted_sets,
    heard,
    knowledge_table,
    ratio_table,
    salience_table,
    threshold_table,
)

Array = NDArray[np.float64]
VARIANTS = ("probe", "finetune", "scratch")
TRAINED = VARIANTS[1:]


def experiment_tables(
    records: Mapping[str, Record],
    options: Options,
    *,
    thresholds: Sequence[float],
    salience: Mapping[str, Any],
    tick: Callable[[], None] = lambda: None,
) -> dict[str, pd.DataFrame]:
    """Tables by name: see docs/formats.md.

    Parameters
    ----------
    records : of `probe`, `finetune`, `scratch` and, where there is one, `replicate`
    thresholds : of salience, for the table `salience`
    salience : `threshold` and `scale` for the table `models`
    tick : called after each snapshot
    """
    counted = counted_sets(list(records.values()))
    samples = records["probe"].samples
    finals = {name: record.interactions[-1] for name, record in records.items()}
    models = Models(**finals)
    floor = np.max([record.noise_floor[-1] for record in records.values()], axis=0)
    knowledge, ratio = [], []
    for reference, compared in comparisons(models, options):
        strengths: dict[str, Any] = compared._asdict()
        held = heard(strengths.pop("held"), floor)
        if reference == "measured":
            strengths |= {name: np.abs(finals[name]) for name in VARIANTS}
        reached = np.where(held > 0, compared.reached, 0.0)
        knowledge.append(knowledge_table(samples, strengths, floor).assign(reference=reference))
        ratio.append(ratio_table(samples, held, reached, counted).assign(reference=reference))
    parts: dict[str, list[pd.DataFrame]] = {
        "knowledge": knowledge,
        "ratio": ratio,
        "jaccard": _similarities(records, counted, options, tick),
        "models": [
            salience_table(samples, name, finals[name], **salience).assign(
                correct=records[name].correct[-1], efficiency_residual=records[name].residuals[-1]
            )
            for name in VARIANTS
        ],
        "losses": [_losses(name, records[name]) for name in VARIANTS],
        "salience": [
            threshold_table(samples, name, finals[name], thresholds, salience["scale"])
            for name in VARIANTS
        ],
        "counterfactual": [counterfactual_table(samples, models.probe, models.finetune, options)],
        "redundancy": [redundancy_table(samples, name, finals[name], options) for name in VARIANTS],
    }
    return {name: pd.concat(own, ignore_index=True) for name, own in parts.items()}


def _similarities(
    records: Mapping[str, Record],
    counted: NDArray[np.bool_],
    options: Options,
    tick: Callable[[], None],
) -> list[pd.DataFrame]:
    """Jaccard similarity of every snapshot to the final interactions.

    The references ``chance`` and ``swapped`` compare with permuted ones and with those of the other
    trained network; ``second_run`` compares the final replicate with the final fine-tuned network.
    """
    found = []
    for variant, other in (TRAINED, TRAINED[::-1]):
        record, own = records[variant], records[variant].interactions[-1]
        unrelated = records[other].interactions[-1]
        for at, snapshot in enumerate(record.interactions):
            spot = {"variant": variant, "fraction": record.fractions[at]}
            columns = {**spot, "epoch": record.epochs[at], "sample": record.samples}
            similarity = {
                "measured": jaccard(snapshot[:, counted], own[:, counted]),
                "chance": permuted_jaccard(snapshot, own, counted, options),
                "swapped": jaccard(snapshot[:, counted], unrelated[:, counted]),
            }
            found += [
                pd.DataFrame({**columns, "reference": reference, "jaccard": values})
                for reference, values in similarity.items()
            ]
            tick()
        if variant == "finetune" and "replicate" in records:
            again = records["replicate"].interactions[-1]
            values = jaccard(again[:, counted], own[:, counted])
            found.append(pd.DataFrame({**columns, "reference": "second_run", "jaccard": values}))
    return found


def _losses(variant: str, record: Record) -> pd.DataFrame:
    """Cross-entropy of every sample at every snapshot, and whether the network is right."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "variant": variant,
                    "fraction": fraction,
                    "epoch": record.epochs[at],
                    "sample": record.samples,
                    "loss": record.losses[at],
                    "correct": record.correct[at],
                }
            )
            for at, fraction in enumerate(record.fractions)
        ]
    )
