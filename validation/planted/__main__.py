"""Check `planted`: networks whose interactions are known go through extraction and knowledge.

Three kinds of networks (images with grid players and with superpixels, text) are measured by the
code of extraction, written as HDF5 and read again. Then three versions of each, with known terms
kept, dropped and added along training, go through the command line of the stage `knowledge`. Both
tables hold what was planted beside what was found; any difference is an error.
"""

import math
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

from validation.planted.case import KINDS, Case, Laboratory, draw_case
from validation.planted.scenes import Scene
from validation.planted.transfer import (
    FINETUNE,
    PROBE,
    SCRATCH,
    Transfer,
    draw_transfer,
    draw_weights,
    expected_jaccard,
    expected_knowledge,
    expected_ratios,
)
from whypretrain.files.artifacts import ArtifactError, atomic_path
from whypretrain.files.progress import Progress, say
from whypretrain.interactions.coalitions import orders
from whypretrain.interactions.record import read_record
from whypretrain.networks.numerics import configure
from whypretrain.settings.knowledge import Metrics, MetricsSettings, Statistics
from whypretrain.settings.planted import Planted
from whypretrain.stages import command

RELATIVE_TOLERANCE = 1e-5  # of interactions
TOLERANCE = 1e-12  # of the tables' numbers, which are about 1: what float64 makes of means
KNOWLEDGE = ("-m", "whypretrain.stages.knowledge")
WHERE = ["sample", "quantity", "order", "reading", "variant", "fraction"]
"""Columns that say what a row of the table of the transfer is about, empty where they do not."""


def interactions_table(case: Case, weights: list[Fraction], path: Path) -> pd.DataFrame:
    """Interactions found against those planted: one row a sample and order.

    Returns
    -------
    table with columns `network`, `sample`, `order`, `n_planted` (sets of that order),
    `largest_error` (among them, relative), `largest_elsewhere` (strength of a set of that order
    where nothing is planted, relative to the sample's strongest planted one)
    """
    record = read_record(path)
    order_of = orders(record.n_players)
    rows = []
    for scene, sample, found in zip(
        case.scenes, record.samples, record.interactions[0], strict=True
    ):
        planted = np.zeros_like(found)
        for coalition, value in case.truth(weights, scene).items():
            planted[coalition] = float(value)
        is_planted = planted != 0
        error = np.abs(found - planted)
        strongest = np.abs(planted).max()
        for order in range(record.n_players + 1):
            there = is_planted & (order_of == order)
            elsewhere = ~is_planted & (order_of == order)
            rows.append(
                {
                    "network": case.name,
                    "sample": sample,
                    "order": order,
                    "n_planted": int(there.sum()),
                    "largest_error": (error[there] / np.abs(planted[there])).max(initial=0.0),
                    "largest_elsewhere": (error[elsewhere] / strongest).max(initial=0.0),
                }
            )
    return pd.DataFrame(rows)


def expected_transfer(case: Case, transfer: Transfer) -> pd.DataFrame:
    """What `knowledge` must find by the hand-written formulas: one row a number.

    Returns
    -------
    table with columns :data:`WHERE` and `planted`
    """
    rows = [
        {"sample": scene.sample.id, **row}
        for scene in case.scenes
        for row in _expected_of(scene, case, transfer)
    ]
    return pd.DataFrame(rows, columns=[*WHERE, "planted"])


def _expected_of(scene: Scene, case: Case, transfer: Transfer) -> Iterator[dict[str, Any]]:
    n_players = len(scene.symbols)
    probe, finetune, scratch = (
        case.truth(weights, scene)
        for weights in (transfer.probe, transfer.finetune, transfer.scratch)
    )
    for order, quantity, strength in expected_knowledge(n_players, probe, finetune):
        yield {"quantity": quantity, "order": str(order), "planted": float(strength)}
    for scope, reading, ratio in expected_ratios(n_players, probe, finetune, scratch):
        planted = math.nan if ratio is None else float(ratio)
        yield {"quantity": "ratio", "order": scope, "reading": reading, "planted": planted}
    for variant, final in ((FINETUNE, finetune), (SCRATCH, scratch)):
        for fraction, weights in transfer.snapshots(variant).items():
            similarity = expected_jaccard(case.truth(weights, scene), final)
            spot = {"variant": variant, "fraction": float(fraction)}
            yield {"quantity": "jaccard", **spot, "planted": float(similarity)}


def run_knowledge(laboratory: Laboratory, transfer: Transfer) -> Path:
    """Measure every network of the transfer and run the stage `knowledge` on the records.

    Returns
    -------
    the folder of its tables

    Raises
    ------
    ArtifactError
        If the stage fails.
    """
    folder = laboratory.folder
    records = {PROBE: laboratory.measure({Fraction(1): transfer.probe}, PROBE)}
    for variant in (FINETUNE, SCRATCH):
        records[variant] = laboratory.measure(transfer.snapshots(variant), variant)
    # Of no interest here, but the stage asks for them.
    columns = ["train_loss", "train_accuracy", "test_loss", "test_accuracy"]
    history = pd.DataFrame(0.5, index=[0, 1], columns=["epoch", *columns])
    history.to_csv(folder / "history.csv", index=False)
    counts = dict.fromkeys(("level", "n_items", "n_correct", "accuracy", "n_lost", "n_gained"), 1)
    robustness = pd.DataFrame([{"shift": "none", "loss": 0.5, **counts}])
    robustness.to_csv(folder / "robustness.csv", index=False)
    pd.DataFrame({"label": [0, 1]}).to_parquet(folder / "test.parquet")
    statistics = Statistics(n_resamples=100, n_permutations=1)
    settings = MetricsSettings(experiment="planted", metrics=Metrics(), statistics=statistics)
    paths = {
        **{variant: [path] for variant, path in records.items()},
        "histories": [folder / "history.csv"] * 3,
        "robustness": [folder / "robustness.csv"] * 3,
        "test": [folder / "test.parquet"],
        "tables": [folder / "tables"],
        "summary": [folder / "summary.csv"],
    }
    command = [sys.executable, *KNOWLEDGE, "--settings", settings.to_json()]
    for option, values in paths.items():
        command += [f"--{option}", *map(str, values)]
    # (S603: the command is this package's own, and no shell reads it.)
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode != 0:
        message = f"the stage knowledge failed on planted interactions: {result.stderr.strip()}"
        raise ArtifactError(message)
    return folder / "tables"


def found_transfer(tables: Path) -> pd.DataFrame:
    """What the stage `knowledge` wrote, as one table with columns :data:`WHERE` and `found`."""
    parts = []
    for name, column in (("knowledge", "strength"), ("ratio", "ratio"), ("jaccard", "jaccard")):
        table = pd.read_csv(tables / f"{name}.csv", dtype={"order": str})
        measured = table[table["reference"] == "measured"].rename(columns={column: "found"})
        parts.append(measured if name == "knowledge" else measured.assign(quantity=name))
    return pd.concat(parts, ignore_index=True)[[*WHERE, "found"]]


def compare_transfer(planted: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The planted numbers with those found beside them, and `difference` = found - planted.

    Raises
    ------
    ValueError
        If a number was found twice.
    """
    both = planted.merge(found, on=WHERE, how="left", validate="one_to_one")
    return both.assign(difference=both["found"] - both["planted"])


def check_interactions(table: pd.DataFrame) -> None:
    """Refuse interactions other than the planted ones.

    Raises
    ------
    ValueError
        Naming the worst.
    """
    worst = table[["largest_error", "largest_elsewhere"]].max(axis=1)
    # `not <=`, so that NaN is wrong too.
    _refuse(table[~(worst <= RELATIVE_TOLERANCE)], RELATIVE_TOLERANCE, "interactions")


def check_transfer(table: pd.DataFrame) -> None:
    """Refuse numbers other than the formulas', and ratios that should or should not be there.

    Raises
    ------
    ValueError
        Naming the first.
    """
    right = (table["difference"].abs() <= TOLERANCE) | (
        table["planted"].isna() & table["found"].isna()
    )
    _refuse(table[~right], TOLERANCE, "tables of knowledge")


def _refuse(wrong: pd.DataFrame, tolerance: float, what: str) -> None:
    if len(wrong):
        first = wrong.iloc[0].dropna().to_dict()
        shown = ", ".join(f"{name} {value}" for name, value in first.items())
        message = (
            f"{what} are not what was planted: {len(wrong)} rows are off by more than "
            f"{tolerance:g}, the first of them {shown}; trust no other results, and report this"
        )
        raise ValueError(message)


def measure_case(
    case: Case, options: Planted, device: torch.device
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables of one kind of network."""
    generator = np.random.default_rng([options.seed, len(KINDS), KINDS.index(case.name)])
    with TemporaryDirectory() as folder:
        laboratory = Laboratory(case, Path(folder), device)
        weights = draw_weights(len(case.terms), generator)
        path = laboratory.measure({Fraction(1): weights}, "interactions")
        interactions = interactions_table(case, weights, path)
        transfer = draw_transfer(len(case.terms), generator)
        found = found_transfer(run_knowledge(laboratory, transfer))
    table = compare_transfer(expected_transfer(case, transfer), found)
    table.insert(0, "network", case.name)
    return interactions, table


def main() -> None:
    """Command line."""
    parser = command.parser("planted", __doc__, Planted)
    command.add_compute(parser)
    command.path_argument(parser, "--interactions", "interactions planted and found to write, CSV")
    command.path_argument(parser, "--transfer", "knowledge planted and found to write, CSV")
    arguments = parser.parse_args()
    options: Planted = arguments.settings
    device = configure(threads=arguments.threads, device=arguments.device)

    progress = Progress("planted", len(KINDS), "network")
    of_cases = []
    for kind in KINDS:
        of_cases.append(measure_case(draw_case(kind, options), options, device))
        progress.update()
    interactions, transfer = (
        pd.concat(tables, ignore_index=True) for tables in zip(*of_cases, strict=True)
    )
    # Written before they are checked: they are where to look for what is wrong.
    for table, path in ((interactions, arguments.interactions), (transfer, arguments.transfer)):
        with atomic_path(path) as temporary:
            table.to_csv(temporary, index=False)
    check_interactions(interactions)
    check_transfer(transfer)
    say(
        f"planted: {interactions['n_planted'].sum()} interactions and {len(transfer)} numbers of "
        f"knowledge are as planted; largest errors {interactions['largest_error'].max():.1e} "
        f"(relative), {interactions['largest_elsewhere'].max():.1e} (where nothing is planted), "
        f"{transfer['difference'].abs().max():.1e} (knowledge)"
    )


if __name__ == "__main__":
    command.run(main)
