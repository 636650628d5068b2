"""Stage `knowledge` on made-up records: what it writes, and what it refuses."""

from pathlib import Path

import pandas as pd
import pytest

from tests.knowledge.records import NAMES, QUICK, record, records, tables
from tests.stages.test_stages import run
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.record import Record, write_record
from whypretrain.knowledge.reading import TABLES, read_table
from whypretrain.knowledge.summary import COLUMNS
from whypretrain.settings.knowledge import Metrics, MetricsSettings
from whypretrain.stages import knowledge

MADE_ELSEWHERE = {"summary", "claims", "overview", "correlations", "similarity"}
SHIFTS = {"n_items": 9, "n_correct": 8, "accuracy": 0.9, "loss": 0.1, "n_lost": 1, "n_gained": 0}


def stage(folder: Path, found: dict[str, Record], monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: list[object] = []
    for name, own in found.items():
        write_record(folder / f"{name}.h5", own, {})
        arguments += [f"--{name}", folder / f"{name}.h5"]
    history = tables()["history"].query("variant == 'scratch'").drop(columns="n_test")
    history = history.assign(step=history["epoch"], learning_rate=0.1)
    history.to_csv(folder / "history.csv", index=False)
    shifts = pd.DataFrame([{"shift": s, "level": 0.1, **SHIFTS} for s in ("none", "noise")])
    shifts.to_csv(folder / "robustness.csv", index=False)
    pd.DataFrame({"label": range(50)}).to_parquet(folder / "test.parquet")
    settings = MetricsSettings(experiment="one", metrics=Metrics(), statistics=QUICK)
    arguments += ["--settings", settings.to_json(), "--test", folder / "test.parquet"]
    arguments += ["--histories", *[folder / "history.csv"] * 3]
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
    assert summary.query("quantity == 'accuracy'")["number"].tolist() == [0.6] * 3


@pytest.mark.parametrize("variant", ["finetune", "scratch", "replicate"])
def test_records_of_other_samples_are_refused(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = records() | {variant: record(1, names=NAMES[::-1])}
    with pytest.raises(ArtifactError, match=rf"{variant}\.h5.*its samples are not those of") as e:
        stage(tmp_path, mixed, monkeypatch)
    assert "\n" not in str(e.value)
    assert not (tmp_path / "summary.csv").exists()


def test_only_noise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = records()
    silent["scratch"].noise_floor[:] = 1e9
    with pytest.raises(ArtifactError, match=r"set extraction\.precision to float32"):
        stage(tmp_path, silent, monkeypatch)
