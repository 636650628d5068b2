"""Stage `knowledge` on made-up records: what it writes, and what it refuses."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.knowledge.records import ACCURACIES, NAMES, SEEDS, history, record, samples, trained
from tests.stages.test_stages import run
from whypretrain.data.samples import write_samples
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.record import Record, write_record
from whypretrain.interactions.splits import read_splits, split_record, write_splits
from whypretrain.knowledge.reading import TABLES, read_table
from whypretrain.knowledge.summary import COLUMNS
from whypretrain.settings.knowledge import Metrics, MetricsSettings, Splitting, Statistics
from whypretrain.stages import decompose, knowledge

Records = dict[str, list[Record]]
MADE_ELSEWHERE = {"summary", "claims", "overview", "correlations", "similarity", "adapting"}
SHIFTS = {"n_items": 9, "n_correct": 8, "accuracy": 0.9, "loss": 0.1, "n_lost": 1, "n_gained": 0}


def records() -> Records:
    """Of all networks of an experiment, by the option of the stage that takes them."""
    found = {v: [trained(v, seed) for seed in SEEDS] for v in ("finetune", "scratch")}
    return {"probe": [record(0, n_snapshots=1)], **found}


def stage(
    folder: Path,
    found: Records,
    monkeypatch: pytest.MonkeyPatch,
    *,
    split: bool = False,
) -> None:
    arguments: list[object] = []
    for name, own in found.items():
        paths = [folder / f"{name}-{at}.h5" for at in range(len(own))]
        for path, one in zip(paths, own, strict=True):
            write_record(path, one, {})
        arguments += [f"--{name}", *paths]
    if split:
        arguments.append("--splits")
        for name, own in found.items():
            for at, one in enumerate(own):
                path = folder / f"and_or/{name}-{at}.h5"
                write_splits(path, split_record(one), "{}")
                arguments.append(path)
    write_samples(folder / "samples.h5", samples())
    arguments += ["--samples", folder / "samples.h5", "--histories"]
    n_seeds = len(found["finetune"])
    tested = history().drop(columns=["n_test", "n_classes"])
    networks = [("probe", ""), *product(("finetune", "scratch"), map(str, SEEDS[:n_seeds]))]
    for variant, seed in networks:
        path = folder / f"{variant}{seed}.csv"
        own_rows = tested.query("variant == @variant and seed == @seed")
        own_rows.drop(columns=["variant", "seed"]).to_csv(path, index=False)
        arguments.append(path)
    shifts = pd.DataFrame([{"shift": s, "level": 0.1, **SHIFTS} for s in ("none", "noise")])
    shifts.to_csv(folder / "robustness.csv", index=False)
    pd.DataFrame({"label": range(50)}).to_parquet(folder / "test.parquet")
    settings = MetricsSettings(
        experiment="one",
        seeds=list(SEEDS[:n_seeds]),
        metrics=Metrics(),
        statistics=Statistics(),
    )
    arguments += ["--settings", settings.to_json(), "--test", folder / "test.parquet"]
    arguments += ["--robustness", *[folder / "robustness.csv"] * 3]
    arguments += ["--tables", folder / "tables", "--summary", folder / "summary.csv"]
    run(monkeypatch, knowledge, *arguments)


def test_all_that_it_writes_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(tmp_path, records(), monkeypatch)
    written = {path.stem for path in (tmp_path / "tables").glob("[a-z]*.csv")}
    assert written == TABLES.keys() - MADE_ELSEWHERE
    for name in written:
        table = read_table(tmp_path / "tables" / f"{name}.csv", TABLES[name])
        assert (table["experiment"] == "one").all()
    summary = read_table(tmp_path / "summary.csv", TABLES["summary"])
    assert list(summary.columns) == list(COLUMNS)
    accuracy = summary.query("quantity == 'accuracy'").set_index("variant")
    assert accuracy["number"].to_dict() == pytest.approx(
        {v: sum(own[-1] for own in of.values()) / len(of) for v, of in ACCURACIES.items()}
    )
    assert accuracy["n_seeds"].to_dict() == {"probe": 1, "finetune": 3, "scratch": 3}
    assert (accuracy["n"] == 50).all()
    # Each history is of the network in its place.
    tested = read_table(tmp_path / "tables" / "history.csv", TABLES["history"])
    last = tested.groupby(["variant", "seed"])["test_accuracy"].last()
    assert last["scratch", "1"] == ACCURACIES["scratch"]["1"][-1]
    assert last["finetune", "2"] == ACCURACIES["finetune"]["2"][-1]


def test_one_seed_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = {name: own[:1] for name, own in records().items()}
    stage(tmp_path, one, monkeypatch)
    summary = read_table(tmp_path / "summary.csv", TABLES["summary"])
    assert (summary["n_seeds"] == 1).all()
    agreement = read_table(tmp_path / "tables" / "agreement.csv", TABLES["agreement"])
    assert "finetune-finetune" not in set(agreement["pair"])


@pytest.mark.parametrize(("variant", "place"), [("finetune", 0), ("finetune", 2), ("scratch", 1)])
def test_records_of_other_samples_are_refused(
    variant: str, place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = records()
    mixed[variant][place] = record(1, names=NAMES[::-1])
    message = rf"{variant}-{place}\.h5.*its samples are not those of \S*probe-0\.h5"
    with pytest.raises(ArtifactError, match=message) as error:
        stage(tmp_path, mixed, monkeypatch)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "summary.csv").exists()


def test_orders_in_the_noise_floor_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = {name: own[:1] for name, own in records().items()}
    quiet["scratch"][0].noise_floor[-1, 3] = 1e9
    stage(tmp_path, quiet, monkeypatch)
    assert "knowledge one: orders [3] lie in the noise floor and are not counted" in (
        capsys.readouterr().err
    )
    summary = read_table(tmp_path / "summary.csv", TABLES["summary"])
    assert set(summary.query("quantity == 'ratio'")["order"]) == {"1", "2", "4", "all"}
    assert set(summary.query("quantity == 'agreement'")["order"]) == {"1", "2", "1-2", "all"}


def test_and_or_interactions_take_the_place_of_harsanyi_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(tmp_path, records(), monkeypatch, split=True)
    written = {
        path.stem: read_table(path, TABLES[path.stem])
        for path in (tmp_path / "tables").glob("[a-z]*.csv")
    }
    assert written.keys() == TABLES.keys() - MADE_ELSEWHERE
    strengths = written["knowledge"].query("quantity == 'probe'")
    assert strengths.groupby("order")["n_sets"].first().tolist() == [1, 4, 12, 8, 2]
    assert set(written["redundancy"]["n_sets"]) == {26}
    sparsity = written["sparsity"].groupby(["variant", "seed", "kind"]).size()
    assert set(sparsity) == {len(NAMES)}
    assert len(sparsity) == 2 * 7
    assert (tmp_path / "summary.csv").exists()


def test_only_noise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = records()
    silent["scratch"][1].noise_floor[:] = 1e9
    with pytest.raises(ArtifactError, match=r"set extraction\.precision to float32") as error:
        stage(tmp_path, silent, monkeypatch)
    assert str(error.value).startswith(f"{tmp_path}: every order")


def test_outputs_are_split_as_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own, settings = record(1), Splitting(max_iterations=25, tolerance=1e-6)
    paths = [tmp_path / "one/finetune.h5", tmp_path / "one/and_or/finetune.h5"]
    paths[0].parent.mkdir()
    write_record(paths[0], own, {})
    arguments = ["--settings", settings.to_json(), "--record", paths[0], "--splits", paths[1]]
    run(monkeypatch, decompose, *arguments)
    log = capsys.readouterr().err
    assert "decompose one/finetune: 100% 3/3" in log
    (warning,) = (line for line in log.splitlines() if "max_iterations" in line)
    assert "raise interactions.max_iterations or interactions.tolerance" in warning
    expected = split_record(own, tolerance=1e-6, max_iterations=25)
    np.testing.assert_array_equal(read_splits(paths[1], own).interactions, expected.interactions)
