"""Three small networks for 28×28 images, one a family, of timm's own classes.

Registered with timm, so that configurations name them as they name any other timm model.
"""

from typing import Any

from timm.models import register_model
from timm.models.resnet import BasicBlock, ResNet
from timm.models.vgg import VGG
from timm.models.vision_transformer import VisionTransformer
from torch import nn


def _constructor_options(options: dict[str, Any]) -> dict[str, Any]:
    # create_model passes its own bookkeeping to every entry point; no hub weights exist for these.
    bookkeeping = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"}
    return {key: value for key, value in options.items() if key not in bookkeeping}


@register_model
def whypretrain_vgg(**options: Any) -> VGG:
    """VGG with batch normalisation: three convolutions, two poolings, timm's 4096-d head."""
    return VGG(
        cfg=[16, "M", 32, "M", 64],
        norm_layer=nn.BatchNorm2d,
        mlp_ratio=1 / 32,
        **_constructor_options(options),
    )


@register_model
def whypretrain_resnet(**options: Any) -> ResNet:
    """ResNet of four basic blocks with 16, 32, 64 and 64 channels."""
    return ResNet(
        block=BasicBlock,
        layers=(1, 1, 1, 1),
        channels=(16, 32, 64, 64),
        stem_width=16,
        **_constructor_options(options),
    )


@register_model
def whypretrain_vit(**options: Any) -> VisionTransformer:
    """ViT with 7×7 patches (16 tokens), four blocks of width 64 and a class token."""
    return VisionTransformer(
        img_size=28,
        patch_size=7,
        embed_dim=64,
        depth=4,
        num_heads=4,
        **_constructor_options(options),
    )
