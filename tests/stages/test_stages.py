"""The stages by hand: one after the other on tiny input, and what each says of a mistake."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tests.conftest import small
from tests.data.test_texts import SPLIT
from whypretrain.data.images import Images
from whypretrain.data.samples import write_samples
from whypretrain.data.table import Row, Split, read_split, write_split
from whypretrain.interactions.forward import log_odds
from whypretrain.interactions.record import read_record
from whypretrain.interactions.sampling import make_samples
from whypretrain.networks.build import build, load_all, read_weights
from whypretrain.networks.probe import LARGEST_GRADIENT, features
from whypretrain.networks.train import evaluate
from whypretrain.settings.interactions import (
    Extraction,
    ExtractSettings,
    SamplesSettings,
    Sampling,
)
from whypretrain.settings.models import ConvertSettings, TextArchitecture
from whypretrain.settings.training import (
    PretrainSettings,
    Probe,
    ProbeSettings,
    Recipe,
    TrainSettings,
)
from whypretrain.stages import command, extract, probe

ARCHITECTURE = small("whypretrain_resnet")
RECIPE = Recipe(epochs=2, batch_size=6)


def run(monkeypatch: pytest.MonkeyPatch, module: object, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, arguments)])
    module.main()  # type: ignore[attr-defined]


def test_a_stages_mistake_is_one_line(tmp_path: Path) -> None:
    settings = SamplesSettings(sampling=Sampling(), architecture=ARCHITECTURE)
    (tmp_path / "train.parquet").write_bytes(b"nothing")
    result = subprocess.run(
        [sys.executable, "-m", "whypretrain.stages.samples", "--settings", settings.to_json()]
        + [f"--{name}={tmp_path / 'train.parquet'}" for name in ("train", "test")]
        + [f"--samples={tmp_path / 's.h5'}", f"--table={tmp_path / 's.csv'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {tmp_path / 'train.parquet'}: not a prepared split")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 2 TB."),
        MemoryError("Unable to allocate 2 TiB"),
    ],
)
def test_too_little_memory_is_one_line(error: Exception) -> None:
    def main() -> None:
        raise error

    with pytest.raises(SystemExit, match=r"^error: out of memory: [^\n]*allocate [^\n]*#memory"):
        command.run(main)


def test_a_plan_needs_snakemake_which_the_package_alone_does_not_bring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from workflow.lib import plan

    monkeypatch.setitem(sys.modules, "snakemake.cli", None)
    monkeypatch.setattr(sys, "argv", ["plan"])
    with pytest.raises(SystemExit, match=r"pip install '\.\[workflow\]'"):
        command.run(plan.main)


def test_an_error_of_the_code_is_no_mistake_of_the_user() -> None:
    def main() -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        command.run(main)


@pytest.fixture
def pretrained(digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from whypretrain.stages import pretrain

    settings = PretrainSettings(architecture=ARCHITECTURE, recipe=RECIPE, seed=0)
    path = tmp_path / "net" / "weights.safetensors"
    run(
        monkeypatch,
        pretrain,
        *("--settings", settings.to_json(), "--weights", path),
        *("--train", digits_folder / "train.parquet", "--test", digits_folder / "test.parquet"),
        *("--history", tmp_path / "net" / "history.csv"),
    )
    return path


def test_probe_freezes_all_but_the_head_and_is_its_regression(
    pretrained: Path,
    digits_folder: Path,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = ProbeSettings(architecture=ARCHITECTURE, probe=Probe(l2=2.0))
    weights = tmp_path / "e" / "probe" / "snapshot.safetensors"
    run(
        monkeypatch,
        probe,
        *("--settings", settings.to_json(), "--pretrained", pretrained, "--weights", weights),
        *("--train", digits_folder / "train.parquet", "--test", digits_folder / "test.parquet"),
        *("--history", weights.parent / "history.csv"),
    )
    before, _ = read_weights(pretrained)
    after, loaded = read_weights(weights)
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed == {"fc.weight", "fc.bias"}
    assert loaded.metadata["fraction"] == 1.0

    model = build(ARCHITECTURE, 3).eval()
    load_all(model, weights)
    images = Images(digits[0], ARCHITECTURE, device=torch.device("cpu"))
    inputs, labels = features(model, images, label="test")
    scaled = inputs - inputs.mean(axis=0)
    scaled /= np.sqrt((scaled**2).mean())
    oracle = LogisticRegression(C=0.5, max_iter=2000, tol=1e-8).fit(scaled, labels)
    logits = model(next(images.batches(1000))[0]).detach().softmax(dim=1)
    np.testing.assert_allclose(logits.numpy(), oracle.predict_proba(scaled), atol=1e-4)
    history = pd.read_csv(weights.parent / "history.csv").iloc[0]
    for name, split in zip(("train", "test"), digits, strict=True):
        whole = evaluate(model, Images(split, ARCHITECTURE, device=torch.device("cpu")))
        assert history[f"{name}_accuracy"] == whole.accuracy
        assert history[f"{name}_loss"] == pytest.approx(whole.loss, rel=1e-4)
    assert 0 < history["gradient_norm"] <= LARGEST_GRADIENT


def test_a_probe_that_stopped_early_says_so(
    pretrained: Path,
    digits_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def told(max_iterations: int) -> str:
        chosen = Probe(max_iterations=max_iterations)
        settings = ProbeSettings(architecture=ARCHITECTURE, probe=chosen).to_json()
        run(
            monkeypatch,
            probe,
            *("--settings", settings, "--pretrained", pretrained),
            *("--train", digits_folder / "train.parquet", "--test", digits_folder / "test.parquet"),
            *("--weights", tmp_path / "p" / "weights.safetensors"),
            *("--history", tmp_path / "p" / "history.csv"),
        )
        return capsys.readouterr().err

    message = "not at its optimum: the gradient's norm is "
    early = told(1)
    assert message in early
    assert "raise probe.max_iterations (now 1)" in early
    stored = pd.read_csv(tmp_path / "p" / "history.csv")["gradient_norm"].item()
    assert f"{message}{stored:.1e}" in early
    assert message not in told(200)


def test_finetune_starts_from_the_weights_and_scratch_does_not(
    pretrained: Path, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whypretrain.stages import train

    start, _ = read_weights(pretrained)
    for variant in ("finetune", "scratch"):
        settings = TrainSettings.model_validate(
            {
                "architecture": ARCHITECTURE,
                "variant": variant,
                "recipe": RECIPE.model_copy(update={"classifier_std": 0.0}),
                "snapshots": [0, 0.5, 1],
                "seed": 0,
            }
        )
        folder = tmp_path / "e" / variant
        extra = ("--pretrained", pretrained) if variant == "finetune" else ()
        run(
            monkeypatch,
            train,
            *("--settings", settings.to_json(), "--folder", folder, *extra),
            *("--train", digits_folder / "train.parquet"),
            *("--test", digits_folder / "test.parquet"),
        )
        first, _ = read_weights(folder / "snapshot-0.0000.safetensors")
        same = {name for name in first if torch.equal(first[name], start[name])}
        backbone = {name for name in first if not name.startswith("fc.")}
        assert (backbone <= same) == (variant == "finetune")
        assert not first["fc.weight"].any()  # by classifier_std
        assert (folder / "snapshot-1.0000.safetensors").exists()


def test_text_goes_through_every_stage_without_a_network(
    encoder: TextArchitecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whypretrain.stages import convert, train

    rows = [
        Row(name, text, label)
        for name, text, label in zip(SPLIT.ids, SPLIT.texts, SPLIT.labels, strict=True)
    ]
    splits = []
    for part in ("train", "test"):
        write_split(tmp_path / f"{part}.parquet", rows, task="text", classes=SPLIT.classes)
        splits += [f"--{part}", tmp_path / f"{part}.parquet"]
    source = encoder.folder
    architecture = encoder.model_copy(update={"folder": str(tmp_path / "net" / "transformers")})
    weights = tmp_path / "net" / "weights.safetensors"
    settings = ConvertSettings(architecture=architecture).to_json()
    run(monkeypatch, convert, "--settings", settings, "--source", source, "--weights", weights)

    out = tmp_path / "e"
    settings = ProbeSettings(architecture=architecture, probe=Probe()).to_json()
    probed = out / "probe" / "snapshot-1.0000.safetensors"
    run(
        monkeypatch,
        probe,
        *("--settings", settings, *splits, "--pretrained", weights, "--weights", probed),
        *("--history", out / "probe" / "history.csv"),
    )
    settings = TrainSettings(
        architecture=architecture, variant="finetune", recipe=RECIPE, snapshots=[0, 1], seed=0
    ).to_json()
    folder = out / "finetune"
    run(
        monkeypatch,
        train,
        *("--settings", settings, *splits, "--pretrained", weights, "--folder", folder),
    )

    sampling = Sampling.model_validate(
        {"per_class": 1, "baseline": "mask_token", "players": {"kind": "words", "n": 5}}
    )
    split = read_split(tmp_path / "test.parquet")
    chosen = SamplesSettings(sampling=sampling, architecture=architecture)
    samples = make_samples(split, split, chosen)
    write_samples(out / "samples.h5", samples)
    settings = ExtractSettings(
        architecture=architecture, background="keep", extraction=Extraction(batch_size=7)
    ).to_json()
    run(
        monkeypatch,
        extract,
        *("--settings", settings, "--samples", out / "samples.h5"),
        *("--weights", folder / "snapshot-1.0000.safetensors"),
        *("--interactions", folder / "finetune.h5"),
    )
    model = build(architecture, 2).eval()
    load_all(model, folder / "snapshot-1.0000.safetensors")
    record = read_record(folder / "finetune.h5")
    for sample, outputs in zip(samples.samples, record.outputs[0], strict=True):
        assert outputs.shape == (32,)
        for coalition in (0, 0b10110, 0b11111):
            masked = [
                int(token) if player < 0 or coalition >> player & 1 else int(mask)
                for token, mask, player in zip(
                    sample.inputs, sample.baseline, sample.players.tolist(), strict=True
                )
            ]
            logits = model(torch.tensor([masked])).detach()
            expected = log_odds(logits, sample.label).item()
            assert outputs[coalition] == pytest.approx(expected, abs=1e-5)
