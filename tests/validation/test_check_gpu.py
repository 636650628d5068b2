"""The check of a card, rehearsed; what it says of failures, of other bytes, and where it can't run.

That it knows neither Snakemake nor `workflow` is a contract in pyproject.toml.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from validation import check_gpu
from validation.check_gpu import CASES, MUST_BE, REPEATED, TRAINED, Check, Row, main

CPU = torch.device("cpu")


def test_a_rehearsal_runs_every_part(tmp_path: Path) -> None:
    assert main(["--rehearse", "--output", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"check_gpu.json", "check_gpu.md"}
    result = json.loads((tmp_path / "check_gpu.json").read_text())
    assert result["failures"] == []
    assert {"card", "driver", "torch", "timm", "transformers"} <= result["machine"].keys()
    assert all(figure["unit"] for figure in result["figures"])
    found = {figure["what"]: figure for figure in result["figures"]}
    for name in CASES:
        for what in ("new samples", "one sample repeated", "naive", "new samples, card busy"):
            assert found[f"{name}: {what}"]["met"] is None  # speed means nothing here
        assert found[f"{name}: shared from naive outputs, at most"]["met"]
    for name in REPEATED:
        for what in ("trained twice", "epochs after being killed", "resumed"):
            assert found[f"{name}: {what}"]["met"]
    trained = [what for what in found if ": training in float32" in what]
    assert len(trained) == len(TRAINED)
    assert found["ViT-B in tf32x3: noise floor"]["value"] != 1  # it was another arithmetic
    table = (tmp_path / "check_gpu.md").read_text()
    assert all(f"| {what} | {figure['value']:.4g} |" in table for what, figure in found.items())


def test_other_bytes_and_a_run_that_starts_anew_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = iter([b"a", b"b", b"c", b"d"])

    def fit(_: Check, __: str, train: Any, *___: Any, **____: Any) -> bytes:
        for _epoch in range(2):
            list(train.batches(8))
        return next(weights)

    monkeypatch.setattr(Check, "fit", fit)
    rows = list(Check(CPU, tmp_path, tiny=True).repeatability("BERT"))
    assert [row.met for row in rows] == [False, False, False]


def test_on_a_card_memory_counts_and_an_h100_has_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, told in {
        "reset_peak_memory_stats": None,
        "max_memory_allocated": 50,
        "mem_get_info": (10, 100),
        "get_device_name": "NVIDIA H100 80GB HBM3",
    }.items():
        monkeypatch.setattr(f"torch.cuda.{name}", lambda told=told: told)
    check = Check(CPU, tmp_path, tiny=True)
    check.on_card = True
    found = {row.what: row for row in check.extraction("BERT")}
    assert found["BERT: most memory"].met is False  # half the card
    assert found["BERT: one sample repeated"].target == 8570
    assert found["BERT: naive"].target == 6950


def parts_of(*parts: Callable[[], Iterator[Row]]) -> Callable[[Check], Any]:
    return lambda _: ((part.__name__, part) for part in parts)


def fails() -> Iterator[Row]:
    yield Row("first", 1, "s")
    message = "no\nmemory"
    raise RuntimeError(message)


def slow() -> Iterator[Row]:
    yield Row("second", 1, "images/s", 2)


def wrong() -> Iterator[Row]:
    yield Row("third", 1, "files differ", 0, MUST_BE)


@pytest.mark.parametrize(
    ("parts", "status"), [((slow,), 0), ((wrong,), 1), ((fails, slow), 1), ((), 0)]
)
def test_a_part_that_fails_is_reported_and_the_others_go_on(
    parts: tuple[Any, ...], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Check, "parts", parts_of(*parts))
    assert main(["--rehearse", "--output", str(tmp_path)]) == status
    if fails in parts:
        result = json.loads((tmp_path / "check_gpu.json").read_text())
        assert [figure["what"] for figure in result["figures"]] == ["first", "second"]
        assert result["failures"] == ["fails: RuntimeError: no memory"]
        assert "**Failed**: fails" in (tmp_path / "check_gpu.md").read_text()


def test_what_there_is_no_time_for_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Check, "parts", parts_of(slow))
    monkeypatch.setattr(check_gpu, "SECONDS", -1)
    assert main(["--rehearse", "--output", str(tmp_path)]) == 1
    assert "not run" in (tmp_path / "check_gpu.md").read_text()


def test_without_a_card_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main([]) == 2
    assert "no CUDA card" in capsys.readouterr().err


def test_a_missing_package_is_named() -> None:
    code = "import sys; sys.modules['torch'] = None; import validation.check_gpu"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "'torch' is missing" in ran.stderr
