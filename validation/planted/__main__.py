"""Check `planted`: networks whose interactions are known go through extraction and knowledge.

Three kinds of networks (images with grid players and with superpixels, text) are measured by the
code of extraction, written as HDF5 and read again. Then a probe of each, and two seeds of finetune
and scratch, with known terms kept, dropped and added along training, go through the command line of
the stage `knowledge`. Both tables hold what was planted beside what was found; any difference is an
error.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import permutations, product
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
    Interactions,
    Trajectory,
    draw_transfer,
    draw_weights,
    expected_agreement,
    expected_jaccard,
    expected_knowledge,
    expected_ratios,
    preserved,
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
SAMPLES = "samples.h5"
N_SEEDS = 2
SEEDS = [*map(str, range(N_SEEDS))]
NAMES = [
    *("sample", "quantity", "reference", "order", "reading", "variant", "target"),
    *("finetune", "scratch", "second"),
]
WHERE = [*NAMES, "fraction"]
"""Columns that say what a row of the table of the transfer is about, empty where they do not."""
FOUND = {
    "knowledge": "strength",
    "ratio": "ratio",
    "jaccard": "jaccard",
    "agreement": "agreement",
    "courses": "agreement",
}
"""Tables of the stage `knowledge` that are compared, and their columns of numbers."""


def measure(
    case: Case, trajectories: Mapping[str, list[Trajectory]], folder: Path, device: torch.device
) -> dict[str, list[Path]]:
    """Measure all samples along trajectories and write a record of each, as extraction does."""
    path, inputs = folder / SAMPLES, [scene.sample for scene in case.scenes]
    write_samples(path, Samples(["planted", "other"], len(case.scenes[0].symbols), inputs))
    samples = read_samples(path)
    settings = ExtractSettings(
        architecture=case.architecture, background="keep", extraction=Extraction()
    )
    extractor = Extractor(case.network.eval().to(device), samples, settings, device)
    n_snapshots = sum(len(one) for own in trajectories.values() for one in own)
    progress = Progress(f"planted {case.name}", n_snapshots * len(inputs), "sample")
    known = Known([])

    def measured(trajectory: Trajectory, path: Path) -> Path:
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
        write_record(path, record, {})
        return path

    return {
        name: [measured(one, folder / f"{name}-{seed}.h5") for seed, one in enumerate(own)]
        for name, own in trajectories.items()
    }


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


def expected_transfer(case: Case, transfer: Mapping[str, list[Trajectory]]) -> pd.DataFrame:
    """What `knowledge` must find by the formulas, as a table with :data:`WHERE` and `planted`."""
    rows: list[dict[str, Any]] = []
    for scene in case.scenes:
        n_players = len(scene.symbols)

        for expected in (_expected_finals, _expected_courses):
            found = expected(n_players, transfer, partial(case.truth, scene=scene))
            rows += [{"sample": scene.sample.id, **row} for row in found]
    table = pd.DataFrame(rows, columns=[*WHERE, "planted"]).astype({"planted": float})
    return table.astype(dict.fromkeys(NAMES, object)).fillna(dict.fromkeys(NAMES, ""))


Row = dict[str, Any]
Truths = Callable[[Sequence[Fraction]], Interactions]


def _expected_finals(
    n_players: int, transfer: Mapping[str, list[Trajectory]], truths: Truths
) -> Iterator[Row]:
    """Numbers of one sample that compare final networks."""
    (a,), finetune, scratch = (
        [truths(one[FINAL]) for one in trajectories] for trajectories in transfer.values()
    )
    held = [preserved(a, b) for b in finetune]
    pairs: list[tuple[str, Row, Interactions, Interactions]] = []
    for seed, b in zip(SEEDS, finetune, strict=True):
        of: Row = {"finetune": seed}
        pairs.append(("probe-finetune", of, a, b))
        for reference in ("measured", "chance"):
            strengths = expected_knowledge(n_players, a, b, at_chance=reference == "chance")
            for order, quantity, strength in strengths:
                spot = {"quantity": quantity, "reference": reference, "order": str(order)}
                yield of | spot | {"planted": strength}
    for (i, b), (j, c) in product(enumerate(finetune), enumerate(scratch)):
        of = {"finetune": str(i), "scratch": str(j)}
        pairs += [("finetune-scratch", of, b, c), ("preserved-scratch", of, held[i], c)]
        for reference in ("measured", "chance"):
            ratios = expected_ratios(n_players, a, b, c, at_chance=reference == "chance")
            for scope, reading, ratio in ratios:
                spot = {"quantity": "ratio", "order": scope, "reading": reading}
                yield of | spot | {"reference": reference, "planted": ratio}
    pairs += [
        ("probe-scratch", {"scratch": seed}, a, c) for seed, c in zip(SEEDS, scratch, strict=True)
    ]
    for variant, own in (("finetune", finetune), ("scratch", scratch)):
        for i, k in permutations(range(N_SEEDS), 2):
            of = {variant: str(i), "second": str(k)}
            pairs.append((f"{variant}-{variant}", of, own[i], own[k]))
            if variant == "finetune":
                pairs.append(("preserved-finetune", of, held[i], own[k]))
    for pair, of, one, other in pairs:
        for kind, group, agreement in expected_agreement(n_players, one, other):
            spot = {"quantity": "agreement", "variant": pair, "reading": kind, "order": group}
            yield of | spot | {"planted": agreement}


def _expected_courses(
    n_players: int, transfer: Mapping[str, list[Trajectory]], truths: Truths
) -> Iterator[Row]:
    """Numbers of one sample along the first seed's training."""
    (probe,) = transfer["probe"]
    for variant in ("finetune", "scratch"):
        first, second = transfer[variant]
        finals = {
            ("own", ""): truths(first[FINAL]),
            ("second run", SEEDS[1]): truths(second[FINAL]),
            ("probe", ""): truths(probe[FINAL]),
        }
        for fraction, weights in first.items():
            snapshot, along = truths(weights), {"variant": variant, "fraction": float(fraction)}
            own, again = finals["own", ""], finals["second run", SEEDS[1]]
            for reference, second_seed, final in (
                ("measured", "", own),
                ("chance", "", own),
                ("second_run", SEEDS[1], again),
            ):
                chance = reference == "chance"
                planted = expected_jaccard(n_players, snapshot, final, at_chance=chance)
                spot = {"quantity": "jaccard", "reference": reference, "second": second_seed}
                yield along | spot | {"planted": planted}
            for (target, second_seed), final in finals.items():
                spot = {"quantity": "courses", "target": target, "second": second_seed}
                for kind, order, agreement in expected_agreement(n_players, snapshot, final):
                    if kind == "sets" and not order.isdigit():
                        yield along | spot | {"order": order, "planted": agreement}


def run_knowledge(records: Mapping[str, list[Path]], folder: Path) -> Path:
    """Run the stage `knowledge` on records of each variant; returns the folder of its tables."""
    # Of no interest here, but the stage asks for them.
    history, test, tables = folder / "history.csv", folder / "test.parquet", folder / "tables"
    columns = [*HISTORY, "epoch", "step", *ROBUSTNESS]
    pd.DataFrame(1, index=[0, 1], columns=columns).to_csv(history, index=False)
    pd.DataFrame({"label": [0, 1]}).to_parquet(test)
    settings = MetricsSettings(
        experiment="planted",
        seeds=list(range(N_SEEDS)),
        metrics=Metrics(),
        statistics=Statistics(),
    )
    arguments = ["knowledge", "--settings", settings.to_json(), "--samples", folder / SAMPLES]
    arguments += ["--probe", *records["probe"]]
    for variant in ("finetune", "scratch"):
        arguments += [f"--{variant}", *records[variant]]
    arguments += ["--histories", *[history] * (1 + 2 * N_SEEDS), "--robustness", *[history] * 3]
    arguments += [f"--test={test}", f"--tables={tables}", f"--summary={folder / 'summary.csv'}"]
    with patch("sys.argv", [*map(str, arguments)]):
        knowledge.main()
    return tables


def found_transfer(tables: Path) -> pd.DataFrame:
    """What the stage `knowledge` wrote, as one table with columns :data:`WHERE` and `found`."""
    parts = []
    for name, column in FOUND.items():
        table = pd.read_csv(tables / f"{name}.csv", dtype=dict.fromkeys(NAMES, str))
        # Each has its own words for what its numbers are about.
        table = table.rename(columns={column: "found", "pair": "variant", "kind": "reading"})
        if name in ("jaccard", "courses"):
            table = table[table["seed"] == int(SEEDS[0])]
        parts.append(table if name == "knowledge" else table.assign(quantity=name))
    both = pd.concat(parts, ignore_index=True)[[*WHERE, "found"]]
    return both.astype(dict.fromkeys(NAMES, object)).fillna(dict.fromkeys(NAMES, ""))


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
    transfer = draw_transfer(n_terms, N_SEEDS, generator)
    with TemporaryDirectory() as name:
        folder = Path(name)
        records = measure(case, {"single": [{FINAL: weights}], **transfer}, folder, device)
        (single,) = records.pop("single")
        interactions = interactions_table(case, weights, read_record(single))
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
