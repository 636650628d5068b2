"""Stage `convert` on timm weights: what it writes, and its one line for a mistake."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models import save_for_hf
from torch import Tensor, nn

from tests.conftest import small, write_encoder
from tests.networks.convert.conftest import beside
from whypretrain.files.artifacts import ArtifactError
from whypretrain.networks.build import (
    build,
    head_keys,
    load_backbone,
    penultimate,
    read_weights,
)
from whypretrain.settings.models import (
    Architecture,
    ConvertSettings,
    ImageArchitecture,
)

VIT = ImageArchitecture(timm="test_vit.r160_in1k", image_size=160)
RESNET = small("whypretrain_resnet")
BLOCK = "layer1.0.conv1.weight"


def upstream(architecture: ImageArchitecture) -> nn.Module:
    """A network of the upstream task, with 1000 classes."""
    torch.manual_seed(0)
    return build(architecture, 1000).eval()


def backbone(model: nn.Module) -> dict[str, Tensor]:
    heads = head_keys(model)
    return {name: value for name, value in model.state_dict().items() if name not in heads}


def write_local_dir(folder: Path, model: nn.Module, config: Mapping[str, object]) -> Path:
    """A folder for `local-dir:`, with what the hub's have in config.json."""
    folder.mkdir()
    save_file(model.state_dict(), folder / "model.safetensors")
    described = {"num_classes": 1000, "pretrained_cfg": {"num_classes": 1000}, **config}
    (folder / "config.json").write_text(json.dumps(described))
    return folder


def assert_backbone_of(target: Path, model: nn.Module) -> None:
    written, _ = read_weights(target)
    expected = backbone(model)
    assert written.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(written[name], value), name


@pytest.mark.parametrize("architecture", [VIT, RESNET], ids=["vit", "resnet"])
def test_a_file_loses_its_head_and_fits_the_downstream_network(
    architecture: ImageArchitecture, tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    model = upstream(architecture)
    save_file(model.state_dict(), tmp_path / "timm.safetensors")
    run(architecture, tmp_path / "timm.safetensors")
    assert_backbone_of(target, model)
    _, loaded = read_weights(target)
    assert loaded.metadata["settings"] == ConvertSettings(architecture=architecture).to_json()

    downstream = build(architecture, 5).eval()
    fresh = {name: value.clone() for name, value in downstream.state_dict().items()}
    load_backbone(downstream, target)
    for name in head_keys(downstream):
        assert torch.equal(downstream.state_dict()[name], fresh[name]), name
    images = torch.randn(2, architecture.channels, *[architecture.image_size] * 2)
    assert torch.equal(penultimate(downstream, images), penultimate(model, images))
    assert downstream(images).shape == (2, 5)


def test_a_local_dir_gives_timms_own_features(
    tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    options = {"global_pool": "avg", "img_size": 160}
    architecture = VIT.model_copy(update={"options": options})
    described = {"architecture": "test_vit", "model_args": options}
    folder = write_local_dir(tmp_path / "vit", upstream(architecture), described)
    run(architecture, folder)
    ours = build(architecture, 5).eval()
    load_backbone(ours, target)
    theirs = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    images = torch.randn(2, 3, 160, 160)
    assert torch.equal(penultimate(ours, images), penultimate(theirs, images))


def test_a_folder_without_description_is_taken_by_its_weights(
    tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    model = upstream(RESNET)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    run(RESNET, tmp_path)
    assert_backbone_of(target, model)


@pytest.mark.parametrize("options", [{}, {"img_size": 160}, {"global_pool": "avg"}], ids=str)
def test_a_folder_that_timm_wrote(
    options: dict[str, object], tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    architecture = VIT.model_copy(update={"options": options})
    model = upstream(architecture)
    save_for_hf(model, str(tmp_path / "vit"), safe_serialization=True)
    run(architecture, tmp_path / "vit")
    assert_backbone_of(target, model)


def test_a_folder_as_on_the_hub_for_an_architecture_with_dropout(
    tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    architecture = VIT.model_copy(update={"options": {"drop_rate": 0.5}})
    model = upstream(architecture)
    run(architecture, write_local_dir(tmp_path / "vit", model, {"architecture": "test_vit"}))
    assert_backbone_of(target, model)


def test_a_description_without_name_for_an_architecture_with_tag(
    tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    model = upstream(VIT)
    run(VIT, write_local_dir(tmp_path / "vit", model, {}))
    assert_backbone_of(target, model)


@pytest.mark.parametrize("architecture", [VIT, RESNET], ids=["vit", "resnet"])
def test_weights_without_any_head(
    architecture: ImageArchitecture, tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    model = upstream(architecture)
    save_file(backbone(model), tmp_path / "ssl.safetensors")
    run(architecture, tmp_path / "ssl.safetensors")
    assert_backbone_of(target, model)


def test_half_precision_becomes_float32_and_counters_stay_integers(
    tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    stored = {
        name: value.half() if value.is_floating_point() else value
        for name, value in upstream(RESNET).state_dict().items()
    }
    save_file(stored, tmp_path / "half.safetensors")
    run(RESNET, tmp_path / "half.safetensors")
    written, _ = read_weights(target)
    kinds = {value.dtype for name, value in written.items() if "num_batches" not in name}
    assert kinds == {torch.float32}
    assert written["bn1.num_batches_tracked"].dtype == torch.int64
    for name, value in written.items():
        assert torch.equal(value, stored[name].float()), name


def test_a_variable_of_the_environment_names_the_folder(
    tmp_path: Path, target: Path, run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = upstream(RESNET)
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    monkeypatch.setenv("WEIGHTS_OF_TESTS", str(tmp_path))
    run(RESNET, "$WEIGHTS_OF_TESTS/w.safetensors")
    assert_backbone_of(target, model)


@pytest.mark.parametrize("change", ["missing", "extra", "of another shape"])
def test_weights_that_do_not_fit(
    change: str, tmp_path: Path, mistake: Callable[..., str], target: Path
) -> None:
    tensors = upstream(RESNET).state_dict()
    name = BLOCK
    if change == "missing":
        del tensors[BLOCK]
    elif change == "extra":
        name = "layer9.weight"
        tensors[name] = torch.zeros(1)
    else:
        tensors[BLOCK] = torch.zeros(1)
    file = tmp_path / "w.safetensors"
    save_file(tensors, file)
    message = mistake(RESNET, file)
    assert f"{file}: weights do not fit whypretrain_resnet: " in message
    assert f"{change} ['{name}']" in message
    assert not target.exists()


def test_weights_of_another_network_are_told_apart(
    tmp_path: Path, mistake: Callable[..., str]
) -> None:
    file = tmp_path / "vit.safetensors"
    save_file(upstream(small("whypretrain_vit")).state_dict(), file)
    message = mistake(RESNET, file)
    assert f"{file}: weights do not fit whypretrain_resnet" in message
    assert BLOCK in message
    assert "'cls_token'" in message


@pytest.mark.parametrize(
    "described",
    [
        {"architecture": "test_vit2"},
        {"architecture": "test_vit", "model_args": {"global_pool": "avg"}},
    ],
    ids=["architecture", "model_args"],
)
def test_a_description_of_another_network(
    described: dict[str, object], tmp_path: Path, mistake: Callable[..., str]
) -> None:
    folder = write_local_dir(tmp_path / "vit", upstream(VIT), described)
    message = mistake(VIT, folder)
    assert f"{folder / 'config.json'}: describes timm = '{described['architecture']}'" in message
    assert str(described.get("model_args", "test_vit2")) in message
    assert "the configuration says timm = 'test_vit.r160_in1k', options = {}" in message


def test_options_that_the_description_contradicts(
    tmp_path: Path, mistake: Callable[..., str]
) -> None:
    architecture = VIT.model_copy(update={"options": {"global_pool": "avg"}})
    described = {"architecture": "test_vit", "model_args": {"global_pool": "token"}}
    folder = write_local_dir(tmp_path / "vit", upstream(architecture), described)
    message = mistake(architecture, folder)
    assert str(folder / "config.json") in message
    assert "{'global_pool': 'token'}" in message
    assert "{'global_pool': 'avg'}" in message


def test_a_description_that_is_no_json_is_named(
    tmp_path: Path, mistake: Callable[..., str]
) -> None:
    folder = write_local_dir(tmp_path / "vit", upstream(VIT), {})
    (folder / "config.json").write_text("{")
    assert str(folder / "config.json") in mistake(VIT, folder)


@pytest.mark.parametrize("family", ["timm", "transformers"])
def test_a_source_that_does_not_exist(
    family: str, tmp_path: Path, target: Path, mistake: Callable[..., str]
) -> None:
    architecture: Architecture = RESNET
    if family == "transformers":
        architecture = beside(target, write_encoder(tmp_path / "bert", "bert"))
    message = mistake(architecture, tmp_path / "nothing")
    assert f"weights.path = '{tmp_path / 'nothing'}': no file or folder is there" in message


def test_a_variable_that_is_not_set(
    mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEIGHTS_OF_TESTS", raising=False)
    message = mistake(RESNET, "$WEIGHTS_OF_TESTS/w.safetensors")
    assert "weights.path = '$WEIGHTS_OF_TESTS/w.safetensors': the environment variable" in message


@pytest.mark.parametrize("content", [b"not weights", b"", None], ids=["junk", "empty", "cut"])
def test_a_damaged_file_is_named(
    content: bytes | None, tmp_path: Path, mistake: Callable[..., str]
) -> None:
    file = tmp_path / "w.safetensors"
    save_file(upstream(RESNET).state_dict(), file)
    file.write_bytes(file.read_bytes()[:-100] if content is None else content)
    assert f"{file}: cannot be read as weights" in mistake(RESNET, file)


def test_a_folder_without_weights_is_named(tmp_path: Path, mistake: Callable[..., str]) -> None:
    folder = write_local_dir(tmp_path / "vit", upstream(VIT), {"architecture": "test_vit"})
    (folder / "model.safetensors").unlink()
    assert f"{folder / 'model.safetensors'}: cannot be read as weights" in mistake(VIT, folder)


def test_weights_of_another_architecture_do_not_load(
    tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    save_file(upstream(RESNET).state_dict(), tmp_path / "w.safetensors")
    run(RESNET, tmp_path / "w.safetensors")
    with pytest.raises(ArtifactError, match=rf"weights\.safetensors: .*{BLOCK}"):
        load_backbone(build(small("whypretrain_vit"), 5), target)
