"""Tables of what happens along training: similarity to the final interactions, and losses."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.files.artifacts import damaged
from whypretrain.files.progress import Progress
from whypretrain.knowledge.jaccard import jaccard
from whypretrain.knowledge.models import Model, read_model
from whypretrain.knowledge.references import permuted_jaccard
from whypretrain.settings.statistics import Statistics

Array = NDArray[np.float64]


def trajectory_tables(
    variant: str,
    paths: list[Path],
    *,
    finals: dict[str, Model],
    counted: NDArray[np.bool_],
    options: Statistics,
    progress: Progress,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Jaccard similarity of every snapshot to the final model, and its losses on the samples.

    The similarity's references: ``permutation`` and ``unrelated``, to the other trained model's
    final interactions; ``self``, of the final replicate to the final fine-tuned model, at the end.
    One snapshot is in memory at a time.
    """
    own = finals[variant].interactions
    other = finals["scratch" if variant == "finetune" else "finetune"].interactions
    similarities, losses = [], []

    def add(reference: str, model: Model, similarity: Array) -> None:
        spot = {"variant": variant, "fraction": model.fraction, "epoch": model.epoch}
        columns = {**spot, "sample": model.samples, "reference": reference, "jaccard": similarity}
        similarities.append(pd.DataFrame(columns))

    for path in paths:
        model = read_model(path)
        if not model.fits(finals[variant]):
            raise damaged(path, "its samples are not those of the final model")
        found = model.interactions
        add("measured", model, jaccard(found[:, counted], own[:, counted]))
        add("permutation", model, permuted_jaccard(found, own, counted, options))
        add("unrelated", model, jaccard(found[:, counted], other[:, counted]))
        losses.append(loss_table(variant, model))
        progress.update(1)
    if variant == "finetune" and "replicate" in finals:
        again = finals["replicate"]
        add("self", again, jaccard(again.interactions[:, counted], own[:, counted]))
    return pd.concat(similarities), pd.concat(losses)


def loss_table(variant: str, model: Model) -> pd.DataFrame:
    """Cross-entropy of every sample, and whether the model is right."""
    columns = {
        "variant": variant,
        "fraction": model.fraction,
        "epoch": model.epoch,
        "sample": model.samples,
        "loss": model.loss,
        "correct": model.correct,
    }
    return pd.DataFrame(columns)
