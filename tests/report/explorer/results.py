"""Small results of two experiments with made-up interactions and hostile names, and their page."""

import base64
import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from whypretrain.claims import __main__ as claims
from whypretrain.data.samples import Sample, Samples, write_samples
from whypretrain.interactions.mobius import zeta
from whypretrain.interactions.store import FORMAT, Measurement, write_measurements
from whypretrain.metrics import __main__ as metrics
from whypretrain.report.explorer import __main__ as explorer
from whypretrain.settings.claims import ClaimsSettings
from whypretrain.settings.explorer import Explorer, ExplorerSettings, Setup
from whypretrain.settings.figures import Figures
from whypretrain.settings.metrics import Metrics, MetricsSettings
from whypretrain.settings.statistics import Statistics

N_PLAYERS = 4
SNAPSHOTS = [0.0, 0.5, 1.0]
LABELS = ["0.0000", "0.5000", "1.0000"]
STATISTICS = Statistics(n_resamples=100, n_permutations=2)
HOSTILE = "</script><script>window.hacked=1</script>"
CLASSES = [f"{HOSTILE}", "œuf & \"quote\" 'single' <b>bold</b> 🥚"]
WORDS = ["<img src=x onerror=window.hacked=1>", HOSTILE, "Übergrößenträger", "a&amp;b", "</p>", "…"]
IMAGE_IDS = [
    "0",
    f"a/b {HOSTILE}",
    "naïve?at=1#x %2F",
    "001.A_very_long_name/that_has_no_space.jpg",
]
TEXT_IDS = ["t/0", '"><svg onload=window.hacked=1>']
TITLES = [f"Pictures {HOSTILE}", "Wörter & <i>words</i>"]


def settings(**options: Any) -> ExplorerSettings:
    return ExplorerSettings(
        experiments=["pictures", "words"],
        titles=TITLES,
        figures=Figures(),
        statistics=STATISTICS,
        suite="made",
        setups=[
            Setup(model="m", dataset="d", players="grid", seed=0, replicate_seed=1),
            Setup(model="t", dataset="s", players="words", seed=3, replicate_seed=None),
        ],
        snapshots=SNAPSHOTS,
        metrics=Metrics(),
        explorer=Explorer(**options),
    )


def image_samples() -> Samples:
    """Images of 8×8 and 80×80 pixels; players are quarters, of the last only corners."""
    found = []
    for place, name in enumerate(IMAGE_IDS):
        side = 80 if place == 2 else 8
        pixels = np.arange(3 * side * side, dtype=np.uint8).reshape(3, side, side)
        half = np.arange(side) >= side // 2
        players = (half[:, None] * 2 + half[None, :]).astype(np.int16)
        if place == 3:
            players[2:6] = -1
        baseline = np.zeros((3, side, side), dtype=np.float32)
        found.append(Sample(name, place % 2, pixels, baseline, players, [], []))
    return Samples(CLASSES, N_PLAYERS, found)


def text_samples() -> Samples:
    found = []
    for place, name in enumerate(TEXT_IDS):
        tokens = np.arange(len(WORDS), dtype=np.int64)
        of_words = [0, 1, 2, 3, -1, -1]
        players = np.array(of_words, dtype=np.int16)
        found.append(Sample(name, place % 2, tokens, tokens, players, WORDS, of_words))
    return Samples(CLASSES, N_PLAYERS, found)


def write_experiment(folder: Path, samples: Samples, *, replicate: bool, seed: int) -> None:
    """Samples, interactions and tables of one experiment, in the workflow's layout."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    write_samples(folder / "samples.h5", samples)
    files = [(v, label) for v in ("finetune", "scratch") for label in LABELS]
    files += [("probe", LABELS[-1])] + [("replicate", LABELS[-1])] * replicate
    for variant, label in files:
        items = []
        for sample in samples.samples:
            values = generator.normal(size=2**N_PLAYERS) * 10 ** -float(label == "0.0000")
            item = Measurement(
                sample=sample.id,
                label=sample.label,
                outputs=zeta(values[None])[0],
                interactions=values,
                players=sample.players,
                logits=generator.normal(size=len(samples.classes)).astype(np.float32),
                digest="",
                noise_floor=np.zeros(N_PLAYERS + 1),
            )
            items.append(item)
        epoch = np.nan if variant == "probe" else 10 * float(label)
        attributes = {"format": FORMAT, "fraction": float(label), "epoch": epoch}
        (folder / variant).mkdir(exist_ok=True)
        write_measurements(folder / variant / f"interactions-{label}.h5", items, attributes)
    for variant, accuracy in (("probe", 0.5), ("finetune", 0.9), ("scratch", 0.7)):
        epochs = [np.nan] if variant == "probe" else [0.0, 5.0, 10.0]
        columns = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
        table = pd.DataFrame(dict.fromkeys(columns, accuracy) | {"epoch": epochs})
        table.assign(step=0.0, learning_rate=0.0).to_csv(folder / f"{variant}.csv", index=False)
    pq.write_table(pa.table({"id": [str(i) for i in range(40)]}), folder / "test.parquet")


def run(monkeypatch: pytest.MonkeyPatch, stage: Any, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, arguments)])
    stage.main()


def write_results(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that the page is made from."""
    experiments = folder / "experiments"
    write_experiment(experiments / "pictures", image_samples(), replicate=True, seed=0)
    write_experiment(experiments / "words", text_samples(), replicate=False, seed=1)
    for name in ("pictures", "words"):
        own = experiments / name
        chosen = MetricsSettings(experiment=name, metrics=Metrics(), statistics=STATISTICS)
        run(
            monkeypatch,
            metrics,
            "--settings",
            chosen.to_json(),
            "--probe",
            own / "probe/interactions-1.0000.h5",
            *(
                word
                for variant in ("finetune", "scratch")
                for word in (f"--{variant}", *sorted((own / variant).glob("interactions-*.h5")))
            ),
            "--histories",
            *(own / f"{variant}.csv" for variant in ("probe", "finetune", "scratch")),
            "--test",
            own / "test.parquet",
            "--tables",
            own / "tables",
            *(["--replicate", own / "replicate/interactions-1.0000.h5"] * (name == "pictures")),
        )
    shared = settings()
    judging = ClaimsSettings(
        experiments=shared.experiments,
        titles=shared.titles,
        figures=shared.figures,
        statistics=shared.statistics,
        kinds=["cnn", "transformer"],
    )
    tables = [
        experiments / name / "tables" / f"{table}.csv"
        for name in shared.experiments
        for table in ("knowledge", "ratio", "jaccard", "losses", "history")
    ]
    run(
        monkeypatch,
        claims,
        "--settings",
        judging.to_json(),
        "--tables",
        *tables,
        "--output",
        folder / "claims",
    )


def write_page(folder: Path, output: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Path:
    chosen = settings(**options)
    run(
        monkeypatch,
        explorer,
        "--settings",
        chosen.to_json(),
        "--claims",
        folder / "claims/claims.csv",
        "--experiments",
        *(folder / "experiments" / name for name in chosen.experiments),
        "--output",
        output,
    )
    return output


def data_of(page: Path, name: str) -> dict[str, Any]:
    """What a page holds under the id of a script element: `suite`, `experiment-0`, …"""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf'id="{name}">([^<]*)<', text)
    assert found is not None
    return json.loads(gzip.decompress(base64.b64decode(found[1])))
