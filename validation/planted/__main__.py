"""Check `planted`: networks whose interactions are known go through extraction and knowledge.

Three kinds of networks (images with grid players and with superpixels, text) are measured by the
code of extraction, written as HDF5 and read again. Then three versions of each, with known terms
kept, dropped and added along training, go through the command line of the stage `knowledge`. Both
tables hold what was planted beside what was found; any difference is an error.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

from validation.planted.cases import KINDS, Case, draw_case
from validation.planted.transfer import (
    FRACTIONS,
    Trajectory,
    draw_transfer,
    draw_weights,
    expected_jaccard,
    expected_knowledge,
    expected_ratios,
)
from whypretrain.data.samples import Samples, read_samples, write_samples
from whypretrain.files.artifacts import atomic_path
from whypretrain.files.progress import Progress, say
from whypretrain.interactions.measure import Extractor
from whypretrain.interactions.mobius import orders
from whypretrain.interactions.record import Record, new_record, read_record, write_record
from whypretrain.interactions.trajectory import Known, measure_snapshot, sample_digests
from whypretrain.knowledge.reading import HISTORY, ROBUSTNESS
from whypretrain.networks.numerics import configure
from whypretrain.settings.interactions import Extraction, ExtractSettings
from whypretrain.settings.knowledge import Metrics, MetricsSettings, Statistics
from whypretrain.settings.planted import Planted
from whypretrain.stages import command, knowledge

RELATIVE_TOLERANCE = 1e-5  # of interactions
TOLERANCE = 1e-12  # of the tables' numbers, which are about 1: what float64 makes of means
FINAL = FRACTIONS[-1]
WHERE = ["sample", "quantity", "order", "reading", "variant", "fraction"]
"""Columns that say what a row of the table of the transfer is about, empty where they do not."""


def measure(
    case: Case, trajectories: Mapping[str, Trajectory], folder: Path, device: torch.device
) -> dict[str, Path]:
    """Measure all samples along trajectories and write a record of each, as extraction does."""
    path, inputs = folder / "samples.h5", [scene.sample for scene in case.scenes]
    write_samples(path, Samples(["planted", "other"], len(case.scenes[0].symbols), inputs))
    samples = read_samples(path)
    settings = ExtractSettings(
        architecture=case.architecture, background="keep", extraction=Extraction()
    )
    extractor = Extractor(case.network.eval().to(device), samples, settings, device)
    n_snapshots = sum(map(len, trajectories.values()))
    progress = Progress(f"planted {case.name}", n_snapshots * len(inputs), "sample")
    known = Known([])
    paths = {}
    for name, trajectory in trajectories.items():
        digests = []
        for weights in trajectory.values():
            case.network.plant(weights)
            text = " ".join(map(str, weights))
            digests.append(sample_digests(samples, weights=text, settings=settings, code=""))
            partial = folder / "partial"
            measure_snapshot(extractor, samples, digests[-1], known, partial, progress=progress)
        record = new_record(
            samples,
            fractions=[*map(float, trajectory)],
            epochs=[*map(float, trajectory)],
            outputs=np.array([[known.found[one].outputs for one in row] for row in digests]),
            logits=np.array([[known.found[one].logits for one in row] for row in digests]),
            noise_floor=np.array([known.noise_floor(row) for row in digests]),
            digests=digests,
        )
        paths[name] = folder / f"{name}.h5"
        write_record(paths[name], record, {})
    return paths


def interactions_table(case: Case, weights: Sequence[Fraction], record: Record) -> pd.DataFrame:
    """Interactions found against those planted: one row a sample and order.

    Returns
    -------
    table with columns `network`, `sample`, `order`, `n_planted` (sets of that order),
    `largest_error` (among them, relative), `largest_elsewhere` (strength of a set of that order
    where nothing is planted, relative to the sample's strongest planted one)
    """
    order, tables = orders(record.n_players), []
    for scene, found in zip(case.scenes, record.interactions[0], strict=True):
        planted = np.zeros_like(found)
        for coalition, value in case.truth(weights, scene).items():
            planted[coalition] = float(value)
        error, strength, is_planted = np.abs(found - planted), np.abs(planted), planted != 0
        columns = {
            "network": case.name,
            "sample": scene.sample.id,
            "order": order,
            "n_planted": is_planted,
            "largest_error": np.divide(error, strength, out=0 * error, where=is_planted),
            "largest_elsewhere": np.where(is_planted, 0.0, error / strength.max()),
        }
        tables.append(pd.DataFrame(columns))
    of_order = pd.concat(tables).groupby(["network", "sample", "order"], sort=False)
    return of_order.agg(
        {"n_planted": "sum", "largest_error": "max", "largest_elsewhere": "max"}
    ).reset_index()


def expected_transfer(case: Case, transfer: Mapping[str, Trajectory]) -> pd.DataFrame:
    """What `knowledge` must find by the formulas, as a table with :data:`WHERE` and `planted`."""
    rows: list[dict[str, Any]] = []
    for scene in case.scenes:
        n_players, name = len(scene.symbols), {"sample": scene.sample.id}
        finals = {key: case.truth(own[FINAL], scene) for key, own in transfer.items()}
        probe, finetune, scratch = finals.values()
        for order, quantity, strength in expected_knowledge(n_players, probe, finetune):
            rows.append({**name, "quantity": quantity, "order": str(order), "planted": strength})
        for scope, reading, ratio in expected_ratios(n_players, probe, finetune, scratch):
            spot = {"order": scope, "reading": reading}
            rows.append({**name, "quantity": "ratio", **spot, "planted": ratio})
        for variant in ("finetune", "scratch"):
            for fraction, weights in transfer[variant].items():
                similarity = expected_jaccard(case.truth(weights, scene), finals[variant])
                along = {"variant": variant, "fraction": float(fraction)}
                rows.append({**name, "quantity": "jaccard", **along, "planted": similarity})
    return pd.DataFrame(rows, columns=[*WHERE, "planted"]).astype({"planted": float})


def run_knowledge(records: Mapping[str, Path], folder: Path) -> Path:
    """Run the stage `knowledge` on records of each variant; returns the folder of its tables."""
    # Of no interest here, but the stage asks for them.
    history, test, tables = folder / "history.csv", folder / "test.parquet", folder / "tables"
    columns = [*HISTORY, "epoch", *ROBUSTNESS]
    pd.DataFrame(1, index=[0, 1], columns=columns).to_csv(history, index=False)
    pd.DataFrame({"label": [0, 1]}).to_parquet(test)
    statistics = Statistics(n_resamples=100, n_permutations=1)
    settings = MetricsSettings(experiment="planted", metrics=Metrics(), statistics=statistics)
    arguments = [
        *("knowledge", "--settings", settings.to_json()),
        *[f"--{variant}={path}" for variant, path in records.items()],
        *("--histories", *[history] * 3, "--robustness", *[history] * 3),
        *(f"--test={test}", f"--tables={tables}", f"--summary={folder / 'summary.csv'}"),
    ]
    with patch("sys.argv", [*map(str, arguments)]):
        knowledge.main()
    return tables


def found_transfer(tables: Path) -> pd.DataFrame:
    """What the stage `knowledge` wrote, as one table with columns :data:`WHERE` and `found`."""
    parts = []
    for name, column in (("knowledge", "strength"), ("ratio", "ratio"), ("jaccard", "jaccard")):
        table = pd.read_csv(tables / f"{name}.csv", dtype={"order": str})
        measured = table[table["reference"] == "measured"].rename(columns={column: "found"})
        parts.append(measured if name == "knowledge" else measured.assign(quantity=name))
    return pd.concat(parts, ignore_index=True)[[*WHERE, "found"]]


def compare_transfer(planted: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Planted and found numbers, and `difference`; ValueError if a number was found twice."""
    both = planted.merge(found, on=WHERE, how="left", validate="one_to_one")
    return both.assign(difference=both["found"] - both["planted"])


def check_interactions(table: pd.DataFrame) -> None:
    """Raise ValueError if interactions are not the planted ones."""
    errors = table[["largest_error", "largest_elsewhere"]]
    _check((errors <= RELATIVE_TOLERANCE).all(axis=1), table, RELATIVE_TOLERANCE, "interactions")


def check_transfer(table: pd.DataFrame) -> None:
    """Raise ValueError if numbers, or ratios that there are none of, are not the formulas'."""
    is_absent = table["planted"].isna() & table["found"].isna()
    is_right = (table["difference"].abs() <= TOLERANCE) | is_absent
    _check(is_right, table, TOLERANCE, "tables of knowledge")


def _check(is_right: "pd.Series[bool]", table: pd.DataFrame, tolerance: float, what: str) -> None:
    if not is_right.all():
        first = table[~is_right].iloc[0].dropna().to_dict()
        shown = ", ".join(f"{name} {value}" for name, value in first.items())
        message = (
            f"{what} are not what was planted: {(~is_right).sum()} rows are off by more than "
            f"{tolerance:g}, the first of them {shown}; trust no other results, and report this"
        )
        raise ValueError(message)


def compare(
    case: Case, options: Planted, device: torch.device
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables of one kind of network."""
    generator = np.random.default_rng([options.seed, len(KINDS), KINDS.index(case.name)])
    n_terms = len(case.network.terms)
    weights = draw_weights(n_terms, generator)
    transfer = draw_transfer(n_terms, generator)
    with TemporaryDirectory() as name:
        folder = Path(name)
        records = measure(case, {"single": {FINAL: weights}, **transfer}, folder, device)
        interactions = interactions_table(case, weights, read_record(records.pop("single")))
        found = found_transfer(run_knowledge(records, folder))
    table = compare_transfer(expected_transfer(case, transfer), found)
    table.insert(0, "network", case.name)
    return interactions, table


def main() -> None:
    """Command line."""
    paths = {
        "interactions": "interactions planted and found to write, CSV",
        "transfer": "knowledge planted and found to write, CSV",
    }
    arguments, options = command.parse("planted", __doc__, Planted, paths, computes=True)
    device = configure(threads=arguments.threads, device=arguments.device)

    compared = [compare(draw_case(kind, options), options, device) for kind in KINDS]
    interactions, transfer = (
        pd.concat(tables, ignore_index=True) for tables in zip(*compared, strict=True)
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
