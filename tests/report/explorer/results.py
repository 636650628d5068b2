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
import pytest

from tests.report.summaries import adapting_of, summary_of
from whypretrain.claims.catalogue import CLAIMS
from whypretrain.claims.verdicts import ANSWERS
from whypretrain.data.samples import Sample, Samples, write_samples
from whypretrain.interactions.mobius import zeta
from whypretrain.interactions.record import new_record, write_record
from whypretrain.interactions.splits import AND_OR, split_record, write_splits
from whypretrain.knowledge.reading import TABLES
from whypretrain.knowledge.strengths import VARIANTS
from whypretrain.report.explorer.page import CLAIM_NUMBERS
from whypretrain.settings.knowledge import InteractionKind, Metrics, Statistics
from whypretrain.settings.report import Explorer, ExplorerSettings, Figures, Setup
from whypretrain.stages import explorer

N_PLAYERS = 4
SNAPSHOTS = [0.0, 0.5, 1.0]
EPOCHS = 10.0
STATISTICS = Statistics()
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
SAID = ("yes", "no", "open", "–")
TITLES = [f"Pictures {HOSTILE}", "Wörter & <i>words</i>"]


def settings(kind: InteractionKind = "harsanyi", **options: Any) -> ExplorerSettings:
    return ExplorerSettings(
        experiments=["pictures", "words"],
        titles=TITLES,
        figures=Figures(),
        statistics=STATISTICS,
        suite="made",
        setups=[
            Setup(model="m", dataset="d", players="grid", interactions=kind, seeds=[0, 1, 2]),
            Setup(model="t", dataset="s", players="words", interactions=kind, seeds=[3]),
        ],
        snapshots=SNAPSHOTS,
        metrics=Metrics(),
        explorer=Explorer(**options),
    )


def image_samples() -> Samples:
    """Images of 8×8 pixels; players are quarters, of the last only corners."""
    found = []
    for place, name in enumerate(IMAGE_IDS):
        side = 8
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


def write_experiment(folder: Path, samples: Samples, *, several: bool, seed: int) -> None:
    """Samples, records and the summary of one experiment, in the workflow's layout."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    write_samples(folder / "samples.h5", samples)
    own, n_classes = samples.samples, len(samples.classes)
    for variant in VARIANTS:
        fractions = SNAPSHOTS[-1:] if variant == "probe" else SNAPSHOTS
        shape = (len(fractions), len(own))
        values = generator.normal(size=(*shape, 2**N_PLAYERS))
        if len(fractions) > 1:
            values[0] /= 10
        record = new_record(
            samples,
            fractions=fractions,
            epochs=[np.nan if variant == "probe" else EPOCHS * one for one in fractions],
            outputs=np.stack([zeta(one) for one in values]),
            logits=generator.normal(size=(*shape, n_classes)).astype(np.float32),
            noise_floor=np.zeros((len(fractions), N_PLAYERS + 1)),
            digests=[["0"] * len(own)] * len(fractions),
        )
        write_record(folder / f"{variant}.h5", record, {})
        write_splits(folder / AND_OR / f"{variant}.h5", split_record(record), "{}")
    summary = summary_of(
        folder.name,
        n=len(own),
        n_players=N_PLAYERS,
        fractions=tuple(SNAPSHOTS),
        epochs=EPOCHS,
        replicated=several,
    )
    summary.to_csv(folder / "summary.csv", index=False)


def run(monkeypatch: pytest.MonkeyPatch, stage: Any, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, arguments)])
    stage.main()


def write_results(folder: Path) -> None:
    """Everything that the page is made from."""
    experiments = folder / "experiments"
    write_experiment(experiments / "pictures", image_samples(), several=True, seed=0)
    write_experiment(experiments / "words", text_samples(), several=False, seed=1)
    rows = [
        {"experiment": name, "claim": claim.key, "reading": reading, "n": 4, "n_seeds": 3}
        | {column: place + at / 20 for at, column in enumerate(CLAIM_NUMBERS)}
        | {answer: SAID[(place + at) % 4] for at, answer in enumerate(ANSWERS)}
        | {"note": HOSTILE if place == 0 else ""}
        for name in ("pictures", "words")
        for place, claim in enumerate(CLAIMS)
        for reading in claim.readings
        if (name, claim.key) != ("words", "steadier")
    ]
    ways = adapting_of("pictures", ("probe", "finetune", "scratch", "lora"))
    ways.to_csv(experiments / "pictures/adapting.csv", index=False)
    (folder / "claims").mkdir()
    texts = dict.fromkeys(TABLES["claims"], "?")
    table = pd.DataFrame(
        [
            texts | {k: np.nan for k, kind in TABLES["claims"].items() if kind == "gaps"} | row
            for row in rows
        ]
    )
    table.to_csv(folder / "claims/claims.csv", index=False)


def write_page(
    folder: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    kind: InteractionKind = "harsanyi",
    **options: Any,
) -> Path:
    chosen = settings(kind, **options)
    run(
        monkeypatch,
        explorer,
        "--settings",
        chosen.to_json(),
        "--claims",
        folder / "claims/claims.csv",
        "--experiments",
        *(folder / "experiments" / name for name in chosen.experiments),
        "--adapting",
        folder / "experiments/pictures/adapting.csv",
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
