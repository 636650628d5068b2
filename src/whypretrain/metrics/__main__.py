"""Stage `metrics`: all tables of one experiment, from its interactions and training histories."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain import stage
from whypretrain.artifacts import ArtifactError, atomic_path
from whypretrain.config.metrics import MetricsSettings
from whypretrain.interactions.store import read_measurements, read_spot
from whypretrain.metrics.counterfactual import counterfactual_table
from whypretrain.metrics.jaccard import jaccard
from whypretrain.metrics.redundancy import redundancy_table
from whypretrain.metrics.tables import (
    knowledge_table,
    ratio_table,
    salience_table,
    threshold_table,
)

VARIANTS = ("pretrain", "finetune", "scratch")


class Model(NamedTuple):
    """One model's measurements; `interactions` has shape (n_samples, 2**n_players)."""

    samples: list[str]
    fraction: float
    epoch: float
    correct: NDArray[np.bool_]
    interactions: NDArray[np.float64]
    residual: NDArray[np.float64]


def read_model(path: Path) -> Model:
    """Read one file of interactions."""
    items = read_measurements(path)
    fraction, epoch = read_spot(path)
    return Model(
        samples=[item.sample for item in items],
        fraction=fraction,
        epoch=epoch,
        correct=np.array([item.prediction == item.label for item in items]),
        interactions=np.stack([item.interactions for item in items]),
        residual=np.array([item.efficiency_residual for item in items]),
    )


def trajectory_table(variant: str, paths: list[Path], final: Model) -> pd.DataFrame:
    """Jaccard similarity of every snapshot to the final model; one snapshot in memory at a time."""
    tables = []
    for path in paths:
        model = read_model(path)
        if model.samples != final.samples:
            message = f"{path}: its samples are not those of the final model; delete it and rerun"
            raise ArtifactError(message)
        similarity = jaccard(model.interactions[:, 1:], final.interactions[:, 1:])
        columns = {
            "variant": variant,
            "fraction": model.fraction,
            "epoch": model.epoch,
            "sample": model.samples,
            "jaccard": similarity,
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    """Command line."""
    parser = stage.parser("metrics", __doc__, MetricsSettings)
    for variant in VARIANTS:
        several = "" if variant == "pretrain" else ", one a snapshot, the final one last"
        stage.path_argument(
            parser, f"--{variant}", f"interactions under {variant}, HDF5{several}", nargs="+"
        )
    stage.path_argument(
        parser, "--histories", f"history.csv of {', '.join(VARIANTS)}", nargs=len(VARIANTS)
    )
    stage.path_argument(parser, "--tables", "folder to write the tables into")
    arguments = parser.parse_args()
    settings: MetricsSettings = arguments.settings

    paths = {variant: getattr(arguments, variant) for variant in VARIANTS}
    final = {variant: read_model(paths[variant][-1]) for variant in VARIANTS}
    samples = final["pretrain"].samples
    for variant, model in final.items():
        if model.samples != samples:
            message = f"{paths[variant][-1]}: its samples are not those of {paths['pretrain'][-1]}"
            raise ArtifactError(message)

    three = [final[variant].interactions for variant in VARIANTS]
    tables = {
        "knowledge": [knowledge_table(samples, *three)],
        "ratio": [ratio_table(samples, *three)],
        "jaccard": [trajectory_table(v, paths[v], final[v]) for v in ("finetune", "scratch")],
        "models": [
            salience_table(samples, variant, model.interactions, settings.metrics).assign(
                correct=model.correct, efficiency_residual=model.residual
            )
            for variant, model in final.items()
        ],
        "salience": [
            threshold_table(samples, variant, model.interactions, settings.metrics)
            for variant, model in final.items()
        ],
        "counterfactual": [counterfactual_table(samples, three[0], three[1], settings.statistics)],
        "redundancy": [
            redundancy_table(samples, variant, model.interactions, settings.statistics)
            for variant, model in final.items()
        ],
        "history": [
            pd.read_csv(path).assign(variant=variant)
            for variant, path in zip(VARIANTS, arguments.histories, strict=True)
        ],
    }
    for name, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        table.insert(0, "experiment", settings.experiment)
        with atomic_path(arguments.tables / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)


if __name__ == "__main__":
    stage.run(main)
