"""The paper's six architectures as config.yaml has them: the probe's feature, timm's own record."""

import gc
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.models import PretrainedCfg
from torch import Tensor, nn

from whypretrain.networks.build import build, classifier, head_keys, penultimate
from whypretrain.settings.__main__ import load
from whypretrain.settings.models import Architecture, ImageArchitecture, ImageModel

ROOT = Path(__file__).parents[2]
N_CLASSES = 7
FEATURES = {
    "vgg16": 4096,
    "resnet50": 2048,
    "vit_small": 384,
    "vit_base": 768,
    "bert_base": 768,
    "distilbert": 768,
}
HEADS = {"vgg16": "head.fc", "resnet50": "fc", "vit_small": "head", "vit_base": "head"}
FOREIGN = ("12k", "21k", "22k", "ft_in1k", "imagenet21", "imagenet22")
"""What timm's tags and sources say of weights that saw more than ImageNet-1K."""


CONFIG = load(ROOT / "config.yaml")


def built_from(name: str, folder: Path) -> Architecture:
    """config.yaml's architecture; a text model's folder holds the base size, transformers' own."""
    from transformers import BertConfig, DistilBertConfig

    architecture = CONFIG.architecture(name)
    if isinstance(architecture, ImageArchitecture):
        return architecture
    settings = BertConfig() if name == "bert_base" else DistilBertConfig()
    settings.save_pretrained(folder)
    return architecture.model_copy(update={"folder": str(folder)})


@pytest.fixture(scope="module", params=FEATURES)
def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, nn.Module]]:
    """One network at a time: VGG-16 has 138 million weights."""
    torch.manual_seed(0)
    model = build(built_from(request.param, tmp_path_factory.mktemp("m")), N_CLASSES).eval()
    yield request.param, model
    del model
    gc.collect()


def inputs_of(name: str) -> Tensor:
    architecture = CONFIG.architecture(name)
    if isinstance(architecture, ImageArchitecture):
        size = architecture.image_size
        return torch.randn(1, architecture.channels, size, size)
    return torch.tensor([[101, 2023, 2143, 102, 0, 0]])


def described(name: str, model: Any, inputs: Tensor) -> Tensor:
    """The feature in words of the architecture's paper, from the network's own parts."""
    if name == "vgg16":  # the second fully connected layer after its ReLU
        wide = model.features(inputs).flatten(1)
        for layer in (model.pre_logits.fc1, model.pre_logits.fc2):
            wide = torch.relu(wide @ layer.weight.flatten(1).T + layer.bias)
        return wide
    if name == "resnet50":  # the last stage, averaged over the map
        return model.forward_features(inputs).mean(dim=(2, 3))
    if name.startswith("vit"):  # the class token after the last block and the final norm
        tokens = model.norm_pre(model._pos_embed(model.patch_embed(inputs)))
        return model.norm(model.blocks(tokens))[:, 0]
    outputs = model.encoder(input_ids=inputs, attention_mask=(inputs != 0).long())
    if name == "distilbert":
        return outputs.last_hidden_state[:, 0]
    pooler = model.encoder.pooler.dense
    return torch.tanh(outputs.last_hidden_state[:, 0] @ pooler.weight.T + pooler.bias)


def test_the_suite_holds_six_architectures() -> None:
    assert {CONFIG.experiments[name].model for name in CONFIG.suites["paper"]} == set(FEATURES)


def test_the_probes_feature_is_the_papers_and_the_classifier_follows_it(
    network: tuple[str, nn.Module],
) -> None:
    name, model = network
    inputs = inputs_of(name)
    with torch.inference_mode():
        feature, logits = penultimate(model, inputs), model(inputs)
        assert feature.shape == (1, FEATURES[name])
        assert feature.std() > 1e-3
        torch.testing.assert_close(feature, described(name, model, inputs), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(classifier(model)(feature), logits, atol=1e-6, rtol=1e-5)
    assert logits.shape == (1, N_CLASSES)


def test_the_heads_weights_by_name(network: tuple[str, nn.Module]) -> None:
    name, model = network
    head = HEADS.get(name, "head")
    assert head_keys(model) == {f"{head}.weight", f"{head}.bias"}
    assert head_keys(model) < model.state_dict().keys()
    last = classifier(model)
    assert (last.in_features, last.out_features) == (FEATURES[name], N_CLASSES)


def image_model(name: str) -> ImageModel:
    model = CONFIG.models[name]
    assert isinstance(model, ImageModel)
    return model


def record_of(name: str) -> PretrainedCfg:
    record = timm.get_pretrained_cfg(name)
    assert record is not None
    return record


def traces(record: PretrainedCfg) -> list[str]:
    """Words of a record that say that the weights saw other images than ImageNet-1K's."""
    text = json.dumps(asdict(record)).lower()
    return [word for word in FOREIGN if word in text]


@pytest.mark.parametrize("name", HEADS)
def test_timms_record_of_the_weights_agrees_with_the_configuration(name: str) -> None:
    model, record = image_model(name), record_of(image_model(name).timm)
    assert f"{record.architecture}.{record.tag}" == model.timm
    assert model.weights.hub is not None
    assert record.hf_hub_id == model.weights.hub.repo == f"timm/{model.timm}"
    assert record.input_size == (model.channels, model.image_size, model.image_size)
    assert list(record.mean) == model.mean
    assert list(record.std) == model.std
    assert record.num_classes == 1000
    assert record.classifier == HEADS[name]


@pytest.mark.parametrize("name", HEADS)
def test_the_weights_saw_imagenet_1k_alone(name: str) -> None:
    assert image_model(name).timm.endswith("_in1k")
    assert not traces(record_of(image_model(name).timm))


@pytest.mark.parametrize("name", ["vit_small", "vit_base"])
def test_the_plain_names_of_timms_vits_would_not_do(name: str) -> None:
    assert traces(record_of(image_model(name).timm.partition(".")[0]))


def test_vgg16_drops_out_where_the_original_does() -> None:
    with torch.device("meta"):
        model = build(CONFIG.architecture("vgg16"), N_CLASSES)
    dropped = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Dropout) and module.p == 0.5
    ]
    assert dropped == ["pre_logits.drop", "head.drop"]


@pytest.mark.parametrize("name", HEADS)
def test_convert_can_describe_the_network_without_its_memory(name: str) -> None:
    with torch.device("meta"):
        model = build(CONFIG.architecture(name), N_CLASSES)
    assert all(value.is_meta for value in model.state_dict().values())
