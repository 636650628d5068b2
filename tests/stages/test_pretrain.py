"""The stage `pretrain` on rotations: what is learnt, and that its weights serve downstream."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.conftest import small
from tests.data.test_texts import SPLIT
from tests.stages.test_stages import run
from whypretrain.data.images import Images
from whypretrain.data.inputs import Rotations, upstream_inputs
from whypretrain.data.table import Split
from whypretrain.networks.build import build, head_keys, load_all, load_backbone, read_weights
from whypretrain.networks.train import evaluate
from whypretrain.settings.models import ImageArchitecture, TextArchitecture
from whypretrain.settings.training import PretrainSettings, Recipe
from whypretrain.stages import pretrain

ARCHITECTURE = small("whypretrain_resnet")


def pretrained(
    folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch, recipe: Recipe
) -> tuple[Path, pd.DataFrame]:
    settings = PretrainSettings(architecture=ARCHITECTURE, recipe=recipe, labels="rotation", seed=0)
    weights = folder / "net" / "weights.safetensors"
    run(
        monkeypatch,
        pretrain,
        *("--settings", settings.to_json(), "--weights", weights),
        *("--train", data / "train.parquet", "--test", data / "test.parquet"),
        *("--history", folder / "net" / "history.csv"),
    )
    return weights, pd.read_csv(folder / "net" / "history.csv")


def test_rotations_are_learnt_and_the_weights_serve_downstream(
    digits_folder: Path,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = Recipe(epochs=8, batch_size=12, learning_rate=3e-3)
    weights, history = pretrained(tmp_path, digits_folder, monkeypatch, recipe)
    assert history["step"].iloc[-1] == 8 * len(digits[0].ids) * 4 / 12
    assert history["train_accuracy"].iloc[-1] > 0.6  # of four
    upstream = build(ARCHITECTURE, 4)
    load_all(upstream, weights)
    turned = Rotations(Images(digits[1], ARCHITECTURE))
    measured = evaluate(upstream, turned, torch.device("cpu"))
    assert measured.accuracy == history["test_accuracy"].iloc[-1]

    downstream = build(ARCHITECTURE, 3)
    load_backbone(downstream, weights)
    stored, _ = read_weights(weights)
    heads = head_keys(downstream)
    for name, value in downstream.state_dict().items():
        assert (name in heads) or torch.equal(value, stored[name])


def test_without_rotation_the_classes_are_learnt(digits: tuple[Split, Split]) -> None:
    settings = PretrainSettings(architecture=ARCHITECTURE, recipe=Recipe(), seed=0)
    data = upstream_inputs(digits[0], settings)
    assert [data[index][1] for index in range(len(data))] == digits[0].labels


def test_sentences_cannot_be_turned(encoder: TextArchitecture) -> None:
    settings = PretrainSettings(architecture=encoder, recipe=Recipe(), labels="rotation", seed=0)
    with pytest.raises(ValueError, match="labels = 'rotation': only images can be turned"):
        upstream_inputs(SPLIT, settings)


def test_the_settings_text_says_what_is_learnt() -> None:
    architecture: ImageArchitecture = ARCHITECTURE
    settings = PretrainSettings(
        architecture=architecture, recipe=Recipe(), labels="rotation", seed=0
    )
    assert '"labels": "rotation"' in settings.to_json()
