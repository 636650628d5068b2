"""The page as a file: what it holds, how large it becomes, that its colours can be told apart."""

import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.report.explorer.results import (
    HOSTILE,
    IMAGE_IDS,
    N_PLAYERS,
    TITLES,
    WORDS,
    data_of,
    run,
    settings,
    text_samples,
    write_page,
)
from whypretrain.claims.verdicts import ANSWERS
from whypretrain.data.samples import write_samples
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.record import read_record
from whypretrain.interactions.splits import read_splits
from whypretrain.knowledge.reading import read_tables
from whypretrain.knowledge.strengths import VARIANTS
from whypretrain.report import style
from whypretrain.report.explorer.experiment import experiment_numbers
from whypretrain.report.explorer.page import CLAIM_NUMBERS, FOLDER, SCRIPTS, claim_rows, render
from whypretrain.report.explorer.sample import set_numbers
from whypretrain.stages import explorer

MOST_LINES = 400


def test_the_same_results_give_the_same_bytes(
    results: Path, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = write_page(results, tmp_path / "again.html", monkeypatch)
    assert again.read_bytes() == page.read_bytes()


def test_it_asks_for_nothing_and_holds_no_name_as_markup(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)
    assert "default-src 'none'" in text
    assert data_of(page, "suite")["experiments"][0]["title"] == TITLES[0]
    assert [one["id"] for one in data_of(page, "experiment-0")["samples"]] == IMAGE_IDS
    assert data_of(page, "experiment-1")["samples"][0]["words"] == WORDS


def test_numbers_are_those_of_the_summary(results: Path, page: Path) -> None:
    data = data_of(page, "experiment-0")
    summary = pd.read_csv(results / "experiments/pictures/summary.csv")

    def same(shown: dict[str, Any], query: str) -> None:
        (row,) = summary.query(query).to_dict("records")
        for name in ("number", "low", "high", "chance", "second_run", "n", "n_seeds"):
            expected = pytest.approx(row[name], rel=1e-3) if np.isfinite(row[name]) else None
            assert shown[name] == expected, (query, name)

    same(data["orders"][1]["new"], "order == '2' and quantity == 'new'")
    for row in data["transfer"]:
        same(row, f"quantity == 'transfer' and order == '{row['order']}'")
    for pair in ("probe-finetune", "finetune-finetune"):
        query = f"quantity == 'agreement' and variant == '{pair}' and order == '2'"
        (second,) = [row for row in data["agreement"][pair] if row["order"] == "2"]
        same(second, query)
    assert "finetune-finetune" not in data_of(page, "experiment-1")["agreement"]
    readings = [row["reading"] for row in data["ratio"]]
    assert readings == ["zero", "positive", "salient", "weighted"]
    same(data["ratio"][2], "quantity == 'ratio' and order == 'all' and reading == 'salient'")
    for variant in ("finetune", "scratch"):
        query = f"quantity == 'jaccard' and variant == '{variant}' and fraction == 0.5"
        same(data["jaccard"][variant][1], query)
    for one in data["accuracy"]:
        same(one, f"quantity == 'accuracy' and variant == '{one['variant']}'")
    assert data["ceiling"] == 0.9
    assert data_of(page, "experiment-1")["ceiling"] is None


def test_the_reading_that_claims_take_first_is_the_first(results: Path) -> None:
    summary = read_tables([results / "experiments/pictures/summary.csv"], ["pictures"])["summary"]
    found = experiment_numbers(summary, np.arange(N_PLAYERS + 1), "salient")["ratio"]
    assert [row["reading"] for row in found] == ["salient", "zero", "positive", "weighted"]


def test_what_is_salient_is_that_of_the_records(results: Path, page: Path) -> None:
    record = read_record(results / "experiments/pictures/finetune.h5")
    strength = np.abs(record.interactions)
    strength[..., 0] = 0
    n_salient = (strength > 0.05 * strength.max(axis=2, keepdims=True)).sum(axis=2)
    for at, sample in enumerate(data_of(page, "experiment-0")["samples"]):
        said = sample["models"]["finetune"]
        assert said["n_salient"] == n_salient[:, at].tolist()
        assert said["right"] == record.correct[:, at].tolist()
        assert said["v"] == pytest.approx(record.outputs[:, at, -1], rel=1e-3)


def test_claims_that_were_not_judged_are_named(page: Path) -> None:
    claims = {claim["key"]: claim for claim in data_of(page, "suite")["claims"]}
    assert claims["steadier"]["missing"] == [1]
    assert [row["experiment"] for row in claims["steadier"]["rows"]] == [0]
    assert claims["discard"]["missing"] == []
    readings = [(row["experiment"], row["reading"]) for row in claims["discard"]["rows"]]
    assert readings == [(0, "orders"), (0, "sets"), (1, "orders"), (1, "sets")]


def test_claims_may_lack_numbers() -> None:
    row = {"experiment": "pictures", "claim": "ratio", "reading": "zero", "n": 1, "n_seeds": 1}
    row |= dict.fromkeys(ANSWERS, "open") | {"note": ""}
    table = pd.DataFrame([row | dict.fromkeys(CLAIM_NUMBERS, float("nan"))])
    (ratio,) = [claim for claim in claim_rows(table, settings()) if claim["key"] == "ratio"]
    assert ratio["rows"][0]["number"] is None
    assert ratio["missing"] == [1]


def sized(count: int) -> dict[str, Any]:
    drawn = random.Random(0)
    return {"samples": [{"id": str(i), "x": drawn.randbytes(30_000).hex()} for i in range(count)]}


def test_a_large_page_is_trimmed_to_fit_in_the_same_way() -> None:
    suite = {"suite": "s"}
    whole, most = render(suite, [sized(40), sized(3)], most_bytes=1e9)
    assert most == 40
    limit = len(whole) * 0.75
    page, most = render(suite, [sized(40), sized(3)], most_bytes=limit)
    assert 0.6 * limit < len(page) <= limit
    assert 3 < most < 40
    assert render(suite, [sized(40), sized(3)], most_bytes=limit) == (page, most)


def test_a_page_that_cannot_fit_is_an_error() -> None:
    message = (
        r"explorer of suite 's' has 0\.1 MB without any sample, explorer.megabytes = 0.05: raise"
    )
    with pytest.raises(ArtifactError, match=message):
        render({"suite": "s"}, [sized(3)], most_bytes=5e4)


def test_samples_that_are_left_out_are_counted(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = write_page(results, tmp_path / "few.html", monkeypatch, samples=2, interactions=1)
    data = data_of(page, "experiment-0")
    assert [one["id"] for one in data["samples"]] == [IMAGE_IDS[0], IMAGE_IDS[-1]]
    assert data["n_samples"] == 4
    assert all(len(one["lists"]["new"]["items"]) == 1 for one in data["samples"])


def test_files_of_other_samples_or_snapshots_are_an_error(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(results, copy)
    path = copy / "experiments/words/summary.csv"
    table = pd.read_csv(path)
    table[table["fraction"] != 0.5].to_csv(path, index=False)
    with pytest.raises(ArtifactError, match=r"summary\.csv: its snapshots are not those of the"):
        write_page(copy, tmp_path / "page.html", monkeypatch)
    write_samples(copy / "experiments/pictures/samples.h5", text_samples())
    with pytest.raises(ArtifactError, match=r"its samples are not those of samples\.h5"):
        write_page(copy, tmp_path / "page.html", monkeypatch)
    assert not (tmp_path / "page.html").exists()


def test_folders_must_be_those_of_the_suite(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="--experiments: must be folders of pictures, words"):
        run(
            monkeypatch,
            explorer,
            "--settings",
            settings().to_json(),
            "--claims",
            results / "claims/claims.csv",
            "--experiments",
            results / "experiments/words",
            "--output",
            tmp_path / "page.html",
        )


def test_every_file_of_the_page_is_used_and_short() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        *(f"{name}.js" for name in SCRIPTS),
        "index.html",
        "style.css",
    }
    for path in FOLDER.iterdir():
        assert len(path.read_text(encoding="utf-8").splitlines()) < MOST_LINES, path.name


def themes() -> dict[str, dict[str, str]]:
    """Colours of the two themes."""
    text = (FOLDER / "style.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root[^{]*\{(.*?)\}", text, re.S)[:2]
    found = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in (light, dark)]
    assert found[0].keys() == found[1].keys()
    return dict(zip(("light", "dark"), found, strict=True))


def contrast(first: str, second: str) -> float:
    """Of two colours, by WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted([luminance(first), luminance(second)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_rims_stand_out(theme: str) -> None:
    colours = themes()[theme]
    for ground in ("paper", "card"):
        for text in ("ink", "muted", "link"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        assert contrast(colours["rim"], colours[ground]) >= 3
    for ground in ("holds", "fails", "unknown"):
        assert contrast(colours["ink"], colours[ground]) >= 4.5, ground
    # Lines have no rim. The probe's, too light for white paper, is dotted, level and in the tables.
    for line in ("finetune", "scratch"):
        assert contrast(style.COLOURS[line], colours["card"]) >= 3, line
    assert contrast(style.NULL, colours["card"]) >= 3


def test_only_agreement_stands_on_the_scale_of_agreement(page: Path) -> None:
    claims = data_of(page, "suite")["claims"]
    asked = {one["key"] for one in claims if one["chance"]}
    assert {one["key"] for one in claims if one["on_agreement"]} == asked - {"stopping"}


def test_and_or_interactions_take_the_place_of_harsanyi_ones(
    results: Path, and_or_page: Path
) -> None:
    data = data_of(and_or_page, "experiment-0")
    assert data["n_sets"] == 26
    assert [one["n_sets"] for one in data["orders"]] == [4, 12, 8, 2]
    folder = results / "experiments/pictures"
    splits = {
        variant: read_splits(folder / f"and_or/{variant}.h5", read_record(folder / f"{variant}.h5"))
        for variant in VARIANTS
    }
    numbers = set_numbers(27)
    seen = set()
    for at, sample in enumerate(data["samples"]):
        for variant, split in splits.items():
            own = split.interactions[:, at]
            strongest = np.argsort(-np.abs(own[-1, 1:]), kind="stable")[:8] + 1
            assert sample["strongest"][variant] == numbers[strongest].tolist()
            for number, of in sample["values"].items():
                (place,) = np.flatnonzero(numbers == int(number))
                np.testing.assert_allclose(of[variant], own[:, place], rtol=1e-3, atol=1e-12)
                seen.add(int(number) < 0)
            # What adds up to v(N), as the page draws it, starts at v(∅).
            ends = sample["models"][variant]
            added = ends["empty"][-1] + own[-1, 1:].sum()
            assert added == pytest.approx(ends["v"][-1], abs=2e-3)
    assert seen == {False, True}
