"""What the workflow stored, for a notebook: tables, and explanations that can be drawn."""

from pathlib import Path

import numpy as np
import pandas as pd

from whypretrain.data.samples import read_samples
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.coalitions import orders
from whypretrain.interactions.store import read_measurements
from whypretrain.report.explanation import Explanation


def read_interactions(path: str | Path) -> pd.DataFrame:
    """One file of interactions as a tidy table: a row a sample and set.

    Columns: `sample`, `label`, `prediction`, `coalition` (entry 5 = 0b101 is {0, 2}), `order`,
    `output` (v, nats) and `interaction` (I, nats). `.set_index(["sample", "coalition"])
    .to_xarray()` makes labelled arrays of it where xarray is installed.

    Raises
    ------
    whypretrain.files.artifacts.ArtifactError
        If the file is damaged or no file of interactions.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    path.stat()
    try:
        measurements = read_measurements(path)
    except ArtifactError as error:
        if "results" in path.absolute().parts:
            raise
        # The command that makes it again is of files that the workflow made.
        message = str(error).partition("; mend it with: ")[0]
        raise ArtifactError(message) from error
    parts = []
    for item in measurements:
        n_players = len(item.outputs).bit_length() - 1
        part = pd.DataFrame(
            {
                "coalition": np.arange(len(item.outputs)),
                "order": orders(n_players),
                "output": item.outputs,
                "interaction": item.interactions,
            }
        )
        part.insert(0, "prediction", item.prediction)
        part.insert(0, "label", item.label)
        part.insert(0, "sample", item.sample)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def read_explanations(
    path: str | Path, samples: str | Path | None = None
) -> dict[str, Explanation]:
    """One file of interactions as explanations, by the ids of their samples.

    Parameters
    ----------
    path : a file of interactions
    samples : the experiment's `samples.h5`, which holds images and words; the one in the folder
        above if not given and there

    Raises
    ------
    whypretrain.files.artifacts.ArtifactError
        If a file is damaged.
    """
    beside = Path(path).parent.parent / "samples.h5"
    source = Path(samples) if samples else beside
    known = {item.id: item for item in read_samples(source).samples} if source.exists() else {}
    found = {}
    for item in read_measurements(Path(path)):
        sample = known.get(item.sample)
        found[item.sample] = Explanation(
            outputs=item.outputs,
            interactions=item.interactions,
            players=item.players,
            logits=item.logits,
            label=item.label,
            image=sample.inputs if sample and not sample.words else None,
            words=sample.words if sample else [],
            word_players=sample.word_players if sample else [],
        )
    return found
