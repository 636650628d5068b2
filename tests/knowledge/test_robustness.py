"""The table of robustness of an experiment: its runs, told apart."""

from pathlib import Path

import pandas as pd
import pytest

from tests.stages.test_stages import run
from whypretrain.knowledge.reading import ROBUSTNESS
from whypretrain.stages import robustness_table as robustness


def test_the_tables_of_three_runs_become_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index, variant in enumerate(robustness.VARIANTS):
        own = {"shift": ["none", "noise"], "level": [0, 0.1], "accuracy": [0.5 + index / 10, 0.1]}
        rows = {column: own.get(column, 1) for column in ROBUSTNESS}
        pd.DataFrame(rows).to_csv(tmp_path / f"{variant}.csv", index=False)
    runs = [tmp_path / f"{variant}.csv" for variant in robustness.VARIANTS]
    target = tmp_path / "tables" / "robustness.csv"
    run(monkeypatch, robustness, "--experiment", "7", "--runs", *runs, "--table", target)
    table = pd.read_csv(target, dtype={"experiment": str})
    assert list(table.columns) == ["experiment", "variant", *ROBUSTNESS]
    assert (table["experiment"] == "7").all()
    assert table["variant"].tolist() == [v for v in robustness.VARIANTS for _ in range(2)]
    unshifted = table[table["shift"] == "none"].set_index("variant")["accuracy"]
    assert unshifted.to_dict() == {"probe": 0.5, "finetune": 0.6, "scratch": 0.7}
