"""Self-supervised weights as config.yaml has them: timm's record, and that `convert` takes them."""

import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from whypretrain.networks.build import build, head_keys, load_backbone, misfit, read_weights
from whypretrain.settings.__main__ import load
from whypretrain.settings.models import ImageArchitecture, ImageModel
from whypretrain.stages import convert

ROOT = Path(__file__).parents[2]
CONFIG = load(ROOT / "config.yaml")
SUPERVISED = {"vit_small_dino": "vit_small", "vit_base_mae": "vit_base"}


def image_model(name: str) -> ImageModel:
    model = CONFIG.models[name]
    assert isinstance(model, ImageModel)
    return model


def architecture_of(name: str) -> ImageArchitecture:
    architecture = CONFIG.architecture(name)
    assert isinstance(architecture, ImageArchitecture)
    return architecture


@pytest.mark.parametrize("name", SUPERVISED)
def test_timms_record_says_the_same_and_knows_of_no_classes(name: str) -> None:
    model, record = image_model(name), timm.get_pretrained_cfg(image_model(name).timm)
    assert record is not None
    assert f"{record.architecture}.{record.tag}" == model.timm
    assert model.weights.hub is not None
    assert record.hf_hub_id == model.weights.hub.repo == f"timm/{model.timm}"
    assert record.input_size == (3, model.image_size, model.image_size)
    assert list(record.mean) == model.mean
    assert list(record.std) == model.std
    assert record.num_classes == 0


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_checkpoint_without_head_has_all_that_the_network_needs(name: str) -> None:
    with torch.device("meta"):
        checkpoint = timm.create_model(image_model(name).timm, num_classes=0).state_dict()
        ours = build(architecture_of(name), 200)
    heads = head_keys(ours)
    assert heads == {"head.weight", "head.bias"}
    expected = {key: value for key, value in ours.state_dict().items() if key not in heads}
    assert not misfit(checkpoint, expected, name)


@pytest.mark.parametrize(("name", "supervised"), SUPERVISED.items())
def test_the_network_is_the_supervised_one(name: str, supervised: str) -> None:
    with torch.device("meta"):
        assert str(build(architecture_of(name), 200)) == str(
            build(architecture_of(supervised), 200)
        )
    suite = {CONFIG.experiments[e].model: e for e in CONFIG.suites["paper_selfsupervised"]}
    assert suite.keys() == {*SUPERVISED, *SUPERVISED.values()}
    twins = [CONFIG.experiments[suite[model]] for model in (name, supervised)]
    assert twins[0].finetune == twins[1].finetune
    assert twins[0].scratch == twins[1].scratch
    assert twins[0].dataset == twins[1].dataset


def test_dinos_weights_go_through_convert_into_a_network_with_a_fresh_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A synthetic checkpoint of the real shapes, as on the hub: a folder, weights without head."""
    torch.manual_seed(0)
    stored = timm.create_model(image_model("vit_small_dino").timm, num_classes=0).state_dict()
    folder, target = tmp_path / "downloaded", tmp_path / "weights.safetensors"
    folder.mkdir()
    save_file(stored, folder / "model.safetensors")
    settings = CONFIG.convert("vit_small_dino").to_json()
    arguments = ["--settings", settings, "--source", str(folder), "--weights", str(target)]
    monkeypatch.setattr(sys, "argv", ["convert", *arguments])
    convert.main()
    written, _ = read_weights(target)
    assert written.keys() == stored.keys()
    model = build(architecture_of("vit_small_dino"), 200)
    load_backbone(model, target)
    for name, value in stored.items():
        assert torch.equal(model.state_dict()[name], value), name
