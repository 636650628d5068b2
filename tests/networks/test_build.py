"""Building, penultimate features and loading of weights, for each of the three families."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import small
from whypretrain.files.artifacts import ArtifactError
from whypretrain.networks.build import (
    build,
    classifier,
    head_keys,
    load_all,
    load_backbone,
    penultimate,
    read_weights,
    save_weights,
    start_classifier,
)
from whypretrain.settings.models import ImageArchitecture

FEATURES = {"whypretrain_vgg": 4096, "whypretrain_resnet": 64, "whypretrain_vit": 64}


def test_the_classifier_of_the_penultimate_feature_is_the_network(
    architecture: ImageArchitecture,
) -> None:
    torch.manual_seed(0)
    model = build(architecture, 5).eval()
    images = torch.randn(3, 1, 28, 28)
    features = penultimate(model, images)
    assert features.shape == (3, FEATURES[architecture.timm])
    torch.testing.assert_close(classifier(model)(features), model(images))
    assert model(images).shape == (3, 5)


def test_the_vits_feature_is_its_class_token() -> None:
    model = build(small("whypretrain_vit"), 5).eval()
    images = torch.randn(2, 1, 28, 28)
    tokens = model.forward_features(images)  # type: ignore[operator]
    torch.testing.assert_close(penultimate(model, images), tokens[:, 0])


def test_weights_come_back_with_their_metadata(
    architecture: ImageArchitecture, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    first, second = build(architecture, 5), build(architecture, 5)
    save_weights(tmp_path / "w.safetensors", first.state_dict(), {"epoch": "3"})
    assert load_all(second, tmp_path / "w.safetensors").metadata == {"epoch": "3"}
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name


def test_backbone_is_loaded_and_only_the_head_is_fresh(
    architecture: ImageArchitecture, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    upstream, downstream = build(architecture, 3), build(architecture, 5)
    fresh = {name: value.clone() for name, value in downstream.state_dict().items()}
    save_weights(tmp_path / "w.safetensors", upstream.state_dict(), {})
    load_backbone(downstream, tmp_path / "w.safetensors")
    heads = head_keys(downstream)
    assert len(heads) == 2
    for name, value in downstream.state_dict().items():
        source = fresh if name in heads else upstream.state_dict()
        assert torch.equal(value, source[name]), name


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_any_other_difference_is_an_error(change: str, tmp_path: Path) -> None:
    model = build(small("whypretrain_resnet"), 5)
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    if change == "missing":
        del tensors["layer1.0.conv1.weight"]
    elif change == "extra":
        tensors["layer9.weight"] = torch.zeros(1)
    else:
        tensors["layer1.0.conv1.weight"] = torch.zeros(1)
    save_file(tensors, tmp_path / "w.safetensors")
    named = r"layer9\.weight" if change == "extra" else r"layer1\.0\.conv1\.weight"
    with pytest.raises(ArtifactError, match=rf"w\.safetensors: weights do not fit.*{named}"):
        load_backbone(model, tmp_path / "w.safetensors")


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(ArtifactError, match="not a file of weights"):
        read_weights(path)
    save_file({"a": torch.tensor([float("nan")])}, path)
    with pytest.raises(ArtifactError, match="not finite: a"):
        read_weights(path)


def first_loss(name: str, std: float | None = None, *, own: bool = False) -> float:
    """Of a random network that is to tell eight classes of noise apart, in training mode."""
    torch.manual_seed(0)
    model = build(ImageArchitecture(timm=name), 8)
    if not own:
        start_classifier(model, std)
    with torch.no_grad():
        logits = model(torch.randn(16, 3, 64, 64))
    return torch.nn.functional.cross_entropy(logits, torch.arange(16) % 8).item()


@pytest.mark.parametrize("name", ["mobilenetv2_050", "efficientnet_b0", "tf_efficientnetv2_b0"])
def test_a_fresh_classifier_that_the_library_starts_large_is_brought_down(name: str) -> None:
    assert first_loss(name, own=True) > 1.2 * math.log(8)
    assert first_loss(name) < 1.1 * math.log(8)
    assert first_loss(name, 0.001) == pytest.approx(math.log(8), rel=0.01)


@pytest.mark.parametrize("n_classes", [2, 5, 200])
def test_other_classifiers_keep_their_start(
    architecture: ImageArchitecture, n_classes: int
) -> None:
    torch.manual_seed(0)
    model = build(architecture, n_classes)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    start_classifier(model, None)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    start_classifier(model, 0.3)
    changed = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert changed <= head_keys(model)
    assert classifier(model).weight.std().item() == pytest.approx(0.3, rel=0.2)
    assert classifier(model).bias.abs().max() == 0


@pytest.mark.parametrize(
    ("name", "options"), [("no_such_net", {}), ("whypretrain_vit", {"no_such_option": 1})]
)
def test_what_timm_refuses_names_model_and_options(name: str, options: dict[str, int]) -> None:
    wrong = ImageArchitecture(timm=name, options=options)
    with pytest.raises(ValueError, match=f"timm = '{name}', options = "):
        build(wrong, 5)


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match="not written, as weights are not finite: b"):
        save_weights(
            tmp_path / "w.safetensors", {"a": torch.ones(2), "b": torch.full((2,), torch.nan)}, {}
        )
    assert not list(tmp_path.iterdir())
