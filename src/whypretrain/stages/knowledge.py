"""Stage `metrics`: all tables of one experiment, from its interactions and training histories."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.files.artifacts import atomic_path, damaged
from whypretrain.files.progress import Progress, say
from whypretrain.interactions.coalitions import orders
from whypretrain.knowledge.counterfactual import counterfactual_table
from whypretrain.knowledge.models import Model, counted_sets, read_model
from whypretrain.knowledge.reading import HISTORY, count_rows, read_table
from whypretrain.knowledge.redundancy import redundancy_table
from whypretrain.knowledge.references import Models, comparisons
from whypretrain.knowledge.tables import (
    heard,
    knowledge_table,
    ratio_table,
    salience_table,
    threshold_table,
)
from whypretrain.knowledge.trajectories import loss_table, trajectory_tables
from whypretrain.settings.metrics import MetricsSettings
from whypretrain.stages import command

VARIANTS = ("probe", "finetune", "scratch")
TRAINED = ("finetune", "scratch")


def main() -> None:
    """Command line."""
    parser = command.parser("metrics", __doc__, MetricsSettings)
    for variant in VARIANTS:
        several = "" if variant == "probe" else ", one a snapshot, the final one last"
        command.path_argument(
            parser, f"--{variant}", f"interactions under {variant}, HDF5{several}", nargs="+"
        )
    parser.add_argument(
        "--replicate",
        type=Path,
        metavar="PATH",
        help="interactions under a second fine-tuned network of another seed, HDF5 (optional)",
    )
    command.path_argument(
        parser, "--histories", f"history.csv of {', '.join(VARIANTS)}", nargs=len(VARIANTS)
    )
    command.path_argument(parser, "--test", "test split that the histories' accuracies are of")
    command.path_argument(parser, "--tables", "folder to write the tables into")
    arguments = parser.parse_args()
    settings: MetricsSettings = arguments.settings

    paths: dict[str, list[Path]] = {variant: getattr(arguments, variant) for variant in VARIANTS}
    ends = {variant: paths[variant][-1] for variant in VARIANTS}
    if arguments.replicate is not None:
        ends["replicate"] = arguments.replicate
    finals = {variant: read_model(path) for variant, path in ends.items()}
    for variant, model in finals.items():
        if not model.fits(finals["probe"]):
            raise damaged(ends[variant], f"its samples are not those of {ends['probe']}")

    label = f"metrics {settings.experiment}"
    counted = counted_sets(list(finals.values()))
    order_of = orders(finals["probe"].n_players)
    lost = np.setdiff1d(order_of[1:], order_of[counted])
    if len(lost):
        say(f"{label}: orders {lost} lie in the noise floor and are not counted")
    tables = compared_tables(finals, counted, settings)
    progress = Progress(label, sum(len(paths[variant]) for variant in TRAINED), "snapshot")
    tables["losses"] = [loss_table("probe", finals["probe"])]
    for variant in TRAINED:
        similarity, losses = trajectory_tables(
            variant,
            paths[variant],
            finals=finals,
            counted=counted,
            options=settings.statistics,
            progress=progress,
        )
        tables["jaccard"].append(similarity)
        tables["losses"].append(losses)
    n_test = count_rows(arguments.test)
    tables["history"] = [
        read_table(path, HISTORY).assign(variant=variant, n_test=n_test)
        for variant, path in zip(VARIANTS, arguments.histories, strict=True)
    ]
    for name, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        table.insert(0, "experiment", settings.experiment)
        with atomic_path(arguments.tables / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)


def compared_tables(
    finals: dict[str, Model], counted: NDArray[np.bool_], settings: MetricsSettings
) -> dict[str, list[pd.DataFrame]]:
    """Tables of the final models, every reference one below the other."""
    samples = finals["probe"].samples
    floor = np.max([model.noise_floor for model in finals.values()], axis=0)
    models = Models(**{name: model.interactions for name, model in finals.items()})
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in ("knowledge", "ratio", "jaccard")}
    for reference, compared in comparisons(models, settings.statistics):
        strengths: dict[str, Any] = compared._asdict()
        held = heard(strengths.pop("held"), floor)
        if reference == "measured":
            strengths |= {name: np.abs(finals[name].interactions) for name in VARIANTS}
        knowledge = knowledge_table(samples, strengths, floor)
        ratio = ratio_table(samples, held, np.where(held > 0, compared.reached, 0.0), counted)
        tables["knowledge"].append(knowledge.assign(reference=reference))
        tables["ratio"].append(ratio.assign(reference=reference))
    three = {variant: finals[variant] for variant in VARIANTS}
    tables["models"] = [
        salience_table(samples, variant, model.interactions, settings.metrics).assign(
            correct=model.correct, efficiency_residual=model.residual
        )
        for variant, model in three.items()
    ]
    tables["salience"] = [
        threshold_table(samples, variant, model.interactions, settings.metrics)
        for variant, model in three.items()
    ]
    tables["counterfactual"] = [
        counterfactual_table(samples, models.probe, models.finetune, settings.statistics)
    ]
    tables["redundancy"] = [
        redundancy_table(samples, variant, model.interactions, settings.statistics)
        for variant, model in three.items()
    ]
    return tables


if __name__ == "__main__":
    command.run(main)
