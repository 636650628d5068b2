"""Vision transformers, shared against plain, on every coalition and in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.mlp import GluMlp
from timm.models.vision_transformer import ParallelScalingBlock, ResPostBlock, VisionTransformer
from torch import Tensor, nn

from tests.conftest import small
from whypretrain.interactions.forward import Background, MaskedInput
from whypretrain.interactions.players import grid_players
from whypretrain.interactions.sharing import attention
from whypretrain.interactions.sharing.attention import (
    SharedVisionTransformer,
    share_transformer,
)
from whypretrain.networks.build import build

SMALL: dict[str, Any] = {
    "img_size": 16,
    "patch_size": 4,
    "embed_dim": 8,
    "depth": 3,
    "num_heads": 2,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "class token": {},
    "two blocks": {"depth": 2},
    "average": {"global_pool": "avg"},
    "average, no class token": {"global_pool": "avg", "class_token": False},
    "average with prefix": {"global_pool": "avg", "pool_include_prefix": True},
    "maximum": {"global_pool": "max", "fc_norm": False},
    "attention pooling": {"global_pool": "map"},
    "class token after pooling norm": {"fc_norm": True},
    "registers": {"reg_tokens": 2},
    "registers without position": {"reg_tokens": 2, "no_embed_class": True},
    "layer scale": {"init_values": 0.3},
    "query and key norm": {"qk_norm": True},
    "scale norms": {"scale_attn_norm": True, "scale_mlp_norm": True},
    "no biases": {"qkv_bias": False, "proj_bias": False},
    "norm before": {"pre_norm": True, "embed_norm_layer": nn.LayerNorm},
    "no final norm": {"final_norm": False},
    "dropout": {
        "drop_rate": 0.3,
        "pos_drop_rate": 0.3,
        "patch_drop_rate": 0.3,
        "proj_drop_rate": 0.3,
        "attn_drop_rate": 0.3,
        "drop_path_rate": 0.3,
    },
    "oblong": {"img_size": (12, 20)},
    "patches that leave a rim": {"img_size": (15, 18)},
    "oblong patches": {"patch_size": (4, 8)},
}


def vit(**options: Any) -> nn.Module:
    """A tiny network whose weights are all random, those that start as constants too."""
    torch.manual_seed(0)
    return scatter(VisionTransformer(**(SMALL | {"num_classes": 3} | options)).double().eval())


def scatter(model: nn.Module) -> nn.Module:
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.3)
    return model


def masked_image(
    model: Any, n_players: int = 4, *, background: Background = "keep", seed: int = 0
) -> MaskedInput:
    """An image whose players are scattered squares of three pixels."""
    generator = torch.Generator().manual_seed(seed)
    height, width = model.patch_embed.img_size
    shape = model.patch_embed.proj.in_channels, height, width
    inputs, baseline = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    coarse = torch.randint(-1, n_players, (height // 3 + 1, width // 3 + 1), generator=generator)
    players = coarse.repeat_interleave(3, 0).repeat_interleave(3, 1)[:height, :width]
    return MaskedInput(inputs, baseline, players.short(), n_players, background)


def check(model: nn.Module, shared: SharedVisionTransformer, masked: MaskedInput) -> Tensor:
    """Logits of all coalitions, equal either way; returns what was assembled."""
    coalitions = torch.arange(2**masked.n_players)
    with torch.inference_mode():
        assembled = shared.prepare(masked)(coalitions)
        expected = model(masked.versions(coalitions))
        torch.testing.assert_close(shared.rest(assembled), expected, atol=1e-12, rtol=1e-11)
    assert len(expected) == 1 or expected.std(dim=0).min() > 1e-4  # masks do matter
    return assembled


def shared_of(model: nn.Module) -> SharedVisionTransformer:
    shared = share_transformer(model)
    assert isinstance(shared, SharedVisionTransformer)
    return shared


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_variants(variant: str) -> None:
    model = vit(**VARIANTS[variant])
    shared, masked = shared_of(model), masked_image(model)
    assembled = check(model, shared, masked)
    assert assembled.ndim == 3  # shared indeed
    example = shared.example(masked)
    assert (example.shape, example.dtype) == (assembled[:1].shape, assembled.dtype)


def test_without_fused_attention() -> None:
    model: Any = vit()
    for block in model.blocks:
        block.attn.fused_attn = False
    check(model, shared_of(model), masked_image(model))


@pytest.mark.parametrize("background", ["keep", "mask"])
@pytest.mark.parametrize("n_players", range(1, 9))
def test_irregular_players(n_players: int, background: Background) -> None:
    model = vit()
    check(model, shared_of(model), masked_image(model, n_players, background=background))


def test_cells_that_are_no_multiple_of_the_patch() -> None:
    generator = np.random.default_rng(0)
    players = grid_players(28, 28, cells=5, margin=1, n_players=6, generator=generator)
    model = scatter(build(small("whypretrain_vit"), 3)).double().eval()
    inputs, baseline = torch.randn(2, 1, 28, 28, dtype=torch.float64)
    masked = MaskedInput(inputs, baseline, torch.from_numpy(players), 6)
    assembled = check(model, shared_of(model), masked)
    assert assembled.shape == (64, 17, 4 * 64)


def test_half_of_a_norm() -> None:
    for part in ("q_norm", "k_norm"):
        model: Any = vit()
        for block in model.blocks:
            setattr(block.attn, part, nn.LayerNorm(4).double().eval())
        check(model, shared_of(model), masked_image(model))


def test_single_precision_differs_by_rounding_alone() -> None:
    model = timm.create_model("vit_tiny_patch16_224", num_classes=5, img_size=64, depth=3).eval()
    masked = masked_image(model)
    single = MaskedInput(masked.inputs.float(), masked.baseline.float(), masked.players, 4)
    coalitions = torch.arange(16)
    shared = shared_of(model)
    with torch.inference_mode():
        found = shared.rest(shared.prepare(single)(coalitions))
        expected = model(single.versions(coalitions))
    assert (found - expected).abs().max() < 2e-6 * expected.abs().max()


def test_weights_swapped_in_place_count_from_the_next_prepare() -> None:
    model = vit()
    shared, masked = shared_of(model), masked_image(model)
    before = check(model, shared, masked)
    model.load_state_dict(scatter(vit()).state_dict())
    assert not torch.equal(check(model, shared, masked), before)


def test_assembled_batches_of_two_inputs_may_be_joined() -> None:
    model = vit()
    shared = shared_of(model)
    one, two = masked_image(model, 3), masked_image(model, 2, seed=1)
    with torch.inference_mode():
        assembled = [
            shared.prepare(one)(torch.arange(8)),
            shared.prepare(two)(torch.tensor([3, 1])),
        ]
        expected = [model(one.versions(torch.arange(8))), model(two.versions(torch.tensor([3, 1])))]
        found = shared.rest(torch.cat(assembled))
    torch.testing.assert_close(found, torch.cat(expected), atol=1e-12, rtol=1e-11)


def test_a_table_that_would_be_too_large_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    model = vit()
    shared, masked = shared_of(model), masked_image(model)
    monkeypatch.setattr(attention, "MAX_ROWS", 20)
    assert check(model, shared, masked).shape == (16, 3, 16, 16)
    assert shared.example(masked).shape == (1, 3, 16, 16)


def test_an_image_of_another_size_meets_the_models_own_error() -> None:
    model = vit()
    shared, masked = shared_of(model), masked_image(vit(img_size=20))
    with pytest.raises(AssertionError, match="Input height"):
        shared.rest(shared.prepare(masked)(torch.arange(4)))


class Vision(VisionTransformer):
    """A subclass, which might compute anything."""


REFUSED: dict[str, Callable[[], nn.Module]] = {
    "no vit": lambda: nn.Sequential(nn.Linear(2, 2)).eval(),
    "another of timm": lambda: timm.create_model("resnet10t").eval(),
    "subclass": lambda: Vision(**SMALL).eval(),
    "distilled": lambda: timm.create_model("deit_tiny_distilled_patch16_224", depth=2).eval(),
    "training": lambda: vit().train(),
    "parallel block": lambda: vit(block_fn=ParallelScalingBlock),
    "normalised last": lambda: vit(block_fn=ResPostBlock),
    "differential attention": lambda: vit(attn_layer="diff"),
    "gated mlp": lambda: vit(mlp_layer=GluMlp),
    "unknown activation": lambda: vit(act_layer=nn.Softmax),
    "any size": lambda: vit(dynamic_img_size=True),
    "padded image": lambda: vit(dynamic_img_pad=True),
    "norm over tokens": lambda: vit(norm_layer=nn.BatchNorm1d),
    "one block": lambda: vit(depth=1),
    "no pooling": lambda: vit(global_pool=""),
    "overlapping patches": lambda: _with("patch_embed.proj", nn.Conv2d(3, 8, 5, 4)),
    "shifted patches": lambda: _with("patch_embed.proj", nn.Conv2d(3, 8, 4, 4, padding=1)),
    "patches with gaps": lambda: _with("patch_embed.proj", nn.Conv2d(3, 8, 4, 4, dilation=2)),
    "unknown embedding": lambda: _with("patch_embed.proj", Conv2dSame(3, 8, 4, 4)),
    "no position": lambda: vit(pos_embed="none"),
    "gate": lambda: _with("blocks.2.attn.gate", nn.Linear(8, 8)),
    "unknown scale": lambda: _with("blocks.2.ls1", nn.Softmax(dim=1)),
    "unknown map": lambda: _with("blocks.0.attn.qkv", nn.Sequential(nn.Linear(8, 24))),
    "unknown norm in front": lambda: _with("norm_pre", nn.Softmax(dim=1)),
    "unknown norm at the end": lambda: _with("norm", nn.Softmax(dim=1)),
    "unknown dropout": lambda: _with("pos_drop", nn.Softmax(dim=1)),
    "unknown patch dropout": lambda: _with("patch_drop", nn.Softmax(dim=1)),
}


def _with(part: str, module: nn.Module) -> nn.Module:
    model = vit()
    parent, _, name = part.rpartition(".")
    setattr(model.get_submodule(parent), name, module)
    return model.eval()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused(name: str) -> None:
    assert share_transformer(REFUSED[name]()) is None
