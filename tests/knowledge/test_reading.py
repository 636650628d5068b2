"""Reading a summary back: what may be missing in it, and what may not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.knowledge.records import OPTIONS, summary, tables
from whypretrain.files.artifacts import ArtifactError
from whypretrain.knowledge.reading import QUANTITIES, read_tables
from whypretrain.knowledge.summary import summarise


def written(folder: Path, table: pd.DataFrame) -> Path:
    """Without a checksum, as if copied by hand."""
    path = folder / "summary.csv"
    table.to_csv(path, index=False)
    return path


def test_a_summary_that_is_cut_at_the_end_of_a_line_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, summary())
    pd.testing.assert_frame_equal(read_tables([path], ["one"])["summary"], summary())
    lines = path.read_bytes().splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if b"robustness_accuracy" in line)
    for n_lines in (first, len(lines) // 2, 2):
        path.write_bytes(b"".join(lines[:n_lines]))
        with pytest.raises(ArtifactError) as error:
            read_tables([path], ["one"])
        message = str(error.value)
        assert message.startswith(f"{path}: no row of the quantity ")
        assert "robustness_accuracy" in message
        assert f"mend it with: rm -rf {path} && snakemake --cores all {path}" in message
        assert "\n" not in message


@pytest.mark.parametrize("quantity", sorted(QUANTITIES))
def test_a_summary_without_a_quantity_is_refused(quantity: str, tmp_path: Path) -> None:
    path = written(tmp_path, summary().query("quantity != @quantity"))
    with pytest.raises(ArtifactError, match=rf"no row of the quantity {quantity}: cut off\?"):
        read_tables([path], ["one"])


def test_the_least_that_an_experiment_has_is_enough(tmp_path: Path) -> None:
    """One seed, two snapshots, no shifts, nothing decided by interactions."""
    least = tables(seeds=(0,))
    for name in ("jaccard", "courses", "losses"):
        least[name] = least[name].query("fraction in (0, 1)")
    least["robustness"] = least["robustness"].query("shift == 'none'")
    least["redundancy"]["v"] = -1.0
    path = written(tmp_path, summarise("one", least, OPTIONS))
    found = read_tables([path], ["one"])["summary"]
    lacking = {"beyond_retraining", "falls_beyond_retraining", "steadier", "steadier_agreement"}
    assert not set(found["quantity"]) & (lacking | {"robustness_lost", "changed"})


def test_a_number_that_does_not_exist_is_a_gap(tmp_path: Path) -> None:
    """The ratio of an order in which no sample has anything preserved."""
    nothing = tables(seeds=(0,))
    of = nothing["ratio"]["order"] == "4"
    nothing["ratio"].loc[of, ["numerator", "denominator", "ratio"]] = [0.0, 0.0, np.nan]
    path = written(tmp_path, summarise("one", nothing, OPTIONS))
    found = read_tables([path], ["one"])["summary"].query("quantity == 'ratio' and order == '4'")
    assert len(found) == 4
    assert found["number"].isna().all()
