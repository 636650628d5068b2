"""The stage finds what was planted, and a wrong answer anywhere on the way is an error."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.stages.test_stages import run
from validation.planted import __main__ as stage
from validation.planted.cases import KINDS, draw_case
from validation.planted.transfer import draw_transfer, draw_weights
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.record import read_record
from whypretrain.knowledge.chance import by_order
from whypretrain.settings.planted import Planted

OPTIONS = Planted(n=4, samples=3)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stage writes."""
    folder = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as monkeypatch:
        run(
            monkeypatch,
            stage,
            *("--settings", OPTIONS.to_json(), "--device", "cpu"),
            *("--interactions", folder / "interactions.csv", "--transfer", folder / "transfer.csv"),
        )
    return folder


def test_everything_comes_back(tables: Path) -> None:
    interactions = pd.read_csv(tables / "interactions.csv")
    assert len(interactions) == len(KINDS) * 3 * 5
    assert (interactions["n_planted"] > 0).all()
    # Exactly: see planted/cases.py on dyadic weights.
    assert (interactions[["largest_error", "largest_elsewhere"]] == 0).all(axis=None)
    transfer = pd.read_csv(tables / "transfer.csv")
    assert set(transfer["network"]) == set(KINDS)
    counts = transfer[transfer["sample"] == "text-1"]["quantity"].value_counts()
    seeds, pairs, snapshots, references = 2, 18, 8, 2
    assert counts.to_dict() == {
        **dict.fromkeys(("preserve", "discard", "new"), 5 * seeds * references),
        "ratio": 20 * seeds**2 * references,
        "jaccard": 3 * snapshots,
        "agreement": 2 * (3 + 3) * pairs,  # both kinds, three orders and three groups
        "courses": 3 * 3 * snapshots,
    }
    assert transfer["found"].notna().equals(transfer["planted"].notna())
    assert transfer["difference"].abs().max() < 1e-15


def shifted(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(found=table["found"] + 1e-9 * (table["quantity"] == "jaccard"))


def one_missing(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(index=table.index[7])


def one_not_a_number(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(found=table["found"].where(table.index != 3))


def samples_exchanged(table: pd.DataFrame) -> pd.DataFrame:
    exchange = {"text-0": "text-2", "text-2": "text-0"}
    return table.assign(sample=table["sample"].replace(exchange))


@pytest.mark.parametrize("spoil", [shifted, one_missing, one_not_a_number, samples_exchanged])
def test_a_wrong_number_is_refused(
    tables: Path, spoil: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    names = dict.fromkeys(stage.NAMES, str)
    both = pd.read_csv(tables / "transfer.csv", dtype=names).fillna(dict.fromkeys(names, ""))
    both = both[both["network"] == "text"].reset_index(drop=True)
    planted, found = both[[*stage.WHERE, "planted"]], both[[*stage.WHERE, "found"]]
    stage.check_transfer(stage.compare_transfer(planted, found))
    with pytest.raises(
        ValueError, match=r"tables of knowledge are not what was planted: \d+ rows .* sample te"
    ):
        stage.check_transfer(stage.compare_transfer(planted, spoil(found)))


def test_a_number_found_twice_is_refused() -> None:
    row = pd.DataFrame([dict.fromkeys(stage.WHERE, "a")])
    found = pd.concat([row, row]).assign(found=1.0)
    with pytest.raises(ValueError, match="not unique"):
        stage.compare_transfer(row.assign(planted=1.0), found)


def one_sign(outputs: np.ndarray) -> np.ndarray:
    right = mobius(outputs)
    right[..., -1] *= -1
    return right


def slightly_off(outputs: np.ndarray) -> np.ndarray:
    return mobius(outputs) * (1 + 2e-5)


def a_residue(outputs: np.ndarray) -> np.ndarray:
    right = mobius(outputs)
    right[right == 0] = 1e-3
    return right


@pytest.mark.parametrize("wrong", [one_sign, slightly_off, a_residue])
def test_wrong_interactions_are_refused(
    wrong: Callable[[np.ndarray], np.ndarray], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def checked(folder: Path) -> None:
        case = draw_case("text", Planted(n=6, samples=1))
        weights = draw_weights(len(case.network.terms), np.random.default_rng(0))
        paths = stage.measure(case, {"found": [{Fraction(1): weights}]}, folder, CPU)
        record = read_record(paths["found"][0])
        stage.check_interactions(stage.interactions_table(case, weights, record))

    checked(tmp_path)
    # The reader uses it too: otherwise it would refuse them before.
    monkeypatch.setattr("whypretrain.interactions.record.mobius", wrong)
    with pytest.raises(ValueError, match=r"interactions are not what was planted: .* order \d"):
        checked(tmp_path)


def unsigned(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.minimum(abs(first), abs(second))


@pytest.mark.parametrize(
    ("place", "quantities"),
    [
        ("strengths.common", {"preserve", "discard", "new", "ratio", "jaccard", "agreement"}),
        ("tables.reached_strength", {"ratio"}),
        ("tables.expected_common", {"ratio"}),
        ("agreement.common", {"agreement", "courses"}),
        ("agreement.largest_common", {"agreement", "courses"}),
    ],
)
def test_wrong_knowledge_is_refused(
    place: str, quantities: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = by_order_unsigned if place.endswith("largest_common") else unsigned
    monkeypatch.setattr(f"whypretrain.knowledge.{place}", wrong)
    case = draw_case("text", OPTIONS)
    transfer = draw_transfer(len(case.network.terms), stage.N_SEEDS, np.random.default_rng(0))
    tables = stage.run_knowledge(stage.measure(case, transfer, tmp_path, CPU), tmp_path)
    planted = stage.expected_transfer(case, transfer)
    table = stage.compare_transfer(planted, stage.found_transfer(tables))
    off = table[~(table["difference"].abs() <= stage.TOLERANCE) & table["planted"].notna()]
    assert set(off["quantity"]) == quantities
    with pytest.raises(ValueError, match="tables of knowledge are not what was planted"):
        stage.check_transfer(table)


def by_order_unsigned(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return by_order(unsigned(first, second))
