"""Ways of adapting: what is trained, what stays the same bytes, LoRA merged, L2-SP's pull."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
import timm
import torch
from torch import nn

from tests.conftest import small
from whypretrain.data.inputs import inputs_of
from whypretrain.data.table import Split
from whypretrain.networks import train as training
from whypretrain.networks.adapt import add_adapters, anchor, depths, merged, trained_names
from whypretrain.networks.build import build, head_keys, read_weights
from whypretrain.networks.train import Run, fit
from whypretrain.settings.models import TextArchitecture
from whypretrain.settings.training import Recipe

NETWORKS = ("whypretrain_vgg", "whypretrain_resnet", "whypretrain_vit")
CPU = torch.device("cpu")
N_BLOCKS = {"whypretrain_vgg": 3, "whypretrain_resnet": 4, "whypretrain_vit": 4}


def network(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(small(name), 3)


Splits = tuple[Split, Split]


def trained(
    folder: Path, digits: Splits, name: str, **options: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights before and after a short training."""
    recipe = Recipe(epochs=2, batch_size=5, learning_rate=0.01, **options)
    data = inputs_of(digits[0], small(name), device=CPU)
    files = {fraction: folder / f"{fraction}.safetensors" for fraction in (0.0, 1.0)}
    made: dict[str, Any] = {"label": "x", "identity": "x", "metadata": {}}
    run = Run(recipe, 0, CPU, snapshots=files, history=folder / "history.csv", **made)
    fit(network(name), data, data, run)
    before, after = (read_weights(files[fraction])[0] for fraction in (0.0, 1.0))
    assert before.keys() == after.keys() == network(name).state_dict().keys()
    return before, after


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("reestimate", [False, True])
@pytest.mark.parametrize("way", ["classifier", "last_blocks", "biases"])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_not_trained_keeps_its_bytes(
    tmp_path: Path, digits: Splits, name: str, way: Any, reestimate: bool
) -> None:
    before, after = trained(tmp_path, digits, name, trained=way, reestimate_batch_norm=reestimate)
    model = network(name)
    chosen = trained_names(model, Recipe(trained=way))
    moved = changed(before, after)
    assert head_keys(model) <= moved
    parameters = dict(model.named_parameters())
    assert moved & parameters.keys() == chosen
    # Statistics of BatchNorm change where its weights do.
    for name_of_buffer in moved - parameters.keys():
        assert f"{name_of_buffer.rpartition('.')[0]}.weight" in chosen
    assert (
        chosen
        == {
            "classifier": head_keys(model),
            "last_blocks": head_keys(model) | _last_block(name, model),
            "biases": head_keys(model) | {n for n, p in parameters.items() if p.ndim == 1},
        }[way]
    )


def _last_block(name: str, model: nn.Module) -> set[str]:
    starts = {
        "whypretrain_vgg": ("features.8.", "features.9.", "pre_logits."),
        "whypretrain_resnet": ("layer4.",),
        "whypretrain_vit": ("blocks.3.", "norm."),
    }[name]
    return {key for key in dict(model.named_parameters()) if key.startswith(starts)}


@pytest.mark.parametrize("name", NETWORKS)
def test_depths_count_blocks_from_stem_to_classifier(name: str) -> None:
    model = network(name)
    found = depths(model)
    assert found.keys() == dict(model.named_parameters()).keys()
    n_blocks = N_BLOCKS[name] - (name == "whypretrain_vgg")  # whose first convolution is the stem
    assert set(found.values()) == set(range(n_blocks + 2))
    assert {found[key] for key in head_keys(model)} == {n_blocks + 1}


def test_too_many_blocks_name_the_key() -> None:
    with pytest.raises(ValueError, match=r"last_blocks = 9: .* has 4 blocks"):
        trained_names(network("whypretrain_vit"), Recipe(trained="last_blocks", last_blocks=9))


def test_lora_merged_equals_lora_applied() -> None:
    model = network("whypretrain_vit").eval()
    whole = merged(model)
    assert whole is model  # nothing to merge
    keys = list(model.state_dict())
    images = torch.randn(4, 1, 28, 28)
    with torch.inference_mode():
        plain = model(images)
    add_adapters(model, Recipe(trained="lora", lora_rank=3))
    with torch.inference_mode():
        torch.testing.assert_close(model(images), plain, rtol=0, atol=0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1)
    with torch.inference_mode():
        applied, whole = model(images), merged(model)
        assert (applied - plain).abs().max() > 0.1
        torch.testing.assert_close(whole(images), applied, rtol=1e-5, atol=1e-5)
    assert list(whole.state_dict()) == keys
    assert isinstance(whole, type(timm.create_model("whypretrain_vit")))


def test_lora_changes_matrices_by_its_rank_and_nothing_else(tmp_path: Path, digits: Splits) -> None:
    before, after = trained(tmp_path, digits, "whypretrain_vit", trained="lora", lora_rank=2)
    moved = changed(before, after) - head_keys(network("whypretrain_vit"))
    assert moved == {
        f"blocks.{block}.{part}.weight"
        for block in range(4)
        for part in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    }
    for name in moved:
        sizes = torch.linalg.svdvals((after[name] - before[name]).double())
        assert sizes[2] < 1e-4 * sizes[0]


def test_a_network_without_linear_layers_has_no_lora() -> None:
    with pytest.raises(ValueError, match="no linear layer besides the classifier"):
        add_adapters(network("whypretrain_resnet"), Recipe(trained="lora"))


def test_l2_sp_with_a_huge_weight_keeps_the_start(tmp_path: Path, digits: Splits) -> None:
    before, after = trained(tmp_path, digits, "whypretrain_vit", l2_sp=1e12)
    assert changed(before, after) == head_keys(network("whypretrain_vit"))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_l2_sp_draws_towards_the_start(tmp_path: Path, digits: Splits, optimizer: Any) -> None:
    def moved(folder: Path, strength: float) -> float:
        folder.mkdir()
        options = {"optimizer": optimizer, "weight_decay": 0.0, "l2_sp": strength}
        before, after = trained(folder, digits, "whypretrain_vit", **options)
        return float((after["blocks.0.mlp.fc1.weight"] - before["blocks.0.mlp.fc1.weight"]).norm())

    free, drawn, held = (moved(tmp_path / str(one), one) for one in (0.0, 10.0, 1000.0))
    assert 0 < held < drawn < free


def test_the_pull_is_the_implicit_step_of_the_penalty() -> None:
    weight = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    free = nn.Parameter(torch.ones(1, dtype=torch.float64))
    groups: Any = [{"params": [weight], "anchored": True}, {"params": [free], "anchored": False}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    anchor(optimizer, 5.0)
    weight.grad = torch.tensor([1.0, 3.0], dtype=torch.float64)
    free.grad = torch.ones(1, dtype=torch.float64)
    optimizer.step()
    expected = torch.tensor([1 - 0.1 / 1.5, -2 - 0.3 / 1.5], dtype=torch.float64)
    torch.testing.assert_close(weight.detach(), expected)
    assert free.item() == pytest.approx(0.9)


@pytest.mark.parametrize("name", NETWORKS)
def test_layer_decay_slows_each_block_by_one_factor(name: str) -> None:
    model = network(name)
    recipe = Recipe(layer_decay=0.5, head_learning_rate_multiplier=3)
    groups = training._optimizer(model, recipe).param_groups
    found = {id(own): group["multiplier"] for group in groups for own in group["params"]}
    depth, head = depths(model), head_keys(model)
    top = max(depth.values())
    for key, parameter in model.named_parameters():
        factor = 3 if key in head else 1
        assert found[id(parameter)] == factor * 0.5 ** (top - depth[key])


def test_the_head_is_trained_alone_before_the_rest(tmp_path: Path, digits: Splits) -> None:
    before, after = trained(tmp_path, digits, "whypretrain_vit", head_warmup_epochs=1)
    assert changed(before, after) == before.keys()
    (tmp_path / "all").mkdir()
    before, after = trained(tmp_path / "all", digits, "whypretrain_vit", head_warmup_epochs=2)
    assert changed(before, after) == head_keys(network("whypretrain_vit"))


def test_text_networks_have_stem_layers_and_classifier(
    encoder: TextArchitecture, decoder: TextArchitecture
) -> None:
    for architecture in (encoder, decoder):
        model = build(architecture, 2)
        found = depths(model)
        n_layers = cast("Any", model).encoder.config.num_hidden_layers
        assert set(found.values()) == set(range(n_layers + 2))
        for name, depth in found.items():
            if "embed" in name or ".wte." in name or ".wpe." in name:
                assert depth == 0
            elif layer := re.search(r"\.(?:layer|layers|h)\.(\d+)\.", name):
                assert depth == int(layer[1]) + 1
            else:
                assert depth == n_layers + 1


def test_lora_of_text_networks(encoder: TextArchitecture, decoder: TextArchitecture) -> None:
    tokens = torch.randint(3, 20, (2, 6))
    for architecture in (encoder, decoder):
        model = build(architecture, 2).eval()
        keys = list(model.state_dict())
        add_adapters(model, Recipe(trained="lora"))
        adapted = [name for name, _ in model.named_parameters() if "lora_B" in name]
        assert len(adapted) >= 4 * cast("Any", model).encoder.config.num_hidden_layers
        for name, parameter in model.named_parameters():
            if name in adapted:
                nn.init.normal_(parameter, std=0.1)
        with torch.inference_mode():
            whole = merged(model)
            torch.testing.assert_close(whole(tokens), model(tokens), rtol=1e-4, atol=1e-5)
        assert list(whole.state_dict()) == keys
