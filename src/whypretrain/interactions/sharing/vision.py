"""Vision transformers of timm: shared up to the first block's attention, lean in the last block."""

from typing import Any, cast

import torch
from timm.layers.activations import GELUTanh, QuickGELU
from timm.layers.attention import Attention
from timm.layers.drop import DropPath
from timm.layers.layer_scale import LayerScale
from timm.layers.mlp import Mlp
from timm.layers.norm import LayerNorm, RmsNorm
from timm.layers.patch_dropout import PatchDropout
from timm.layers.patch_embed import PatchEmbed
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from whypretrain.interactions.forward import Assemble
from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.sharing.tokens import (
    TokenPatterns,
    TokenTable,
    attend_once,
    is_plain,
    split_columns,
)

MAX_ROWS = 1 << 15
"""Rows a table may have: 400 MB of ViT-Base's. Only patches of many players come near."""

# Types of all modules but the inner blocks' are compared exactly: a subclass may compute something
# else. Attention apart, all of these act on one patch or token at a time.
KNOWN = {
    PatchEmbed, Block, Attention, Mlp, LayerScale, DropPath, PatchDropout, nn.Conv2d, nn.Linear,
    nn.Dropout, nn.Identity, nn.LayerNorm, LayerNorm, RmsNorm, nn.GELU, GELUTanh, QuickGELU,
    nn.ReLU, nn.SiLU,
}  # fmt: skip


def share_vision_transformer(model: nn.Module) -> "SharedVisionTransformer | None":
    """The network cut at the first block's attention; None if it is no ViT known to allow that.

    A network in training mode or with hooks is none either.
    """
    return SharedVisionTransformer(model) if is_plain(model) and _is_known(model) else None


class SharedVisionTransformer:
    """A :class:`Forward` that embeds a patch once for each pattern of the players in it.

    What it assembles are tokens with the first block's queries, keys and values, [x|q|k|v], of
    shape (batch, n_tokens, n_columns). An input whose table would pass :data:`MAX_ROWS` is not
    shared: its masked versions are assembled, of shape (batch, channels, height, width).
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = cast("Any", model)  # nn.Module declares none of timm's attributes

    def prepare(self, masked: MaskedInput) -> Assemble:
        """Tokens [x|q|k|v] of all patterns, with the weights as they are now."""
        model, embed = self._model, self._model.patch_embed
        if masked.inputs.shape != (embed.proj.in_channels, *embed.img_size):
            return masked.versions  # the model's own error says what is wrong
        n_prefix = model.num_prefix_tokens  # the class token and its like, which hold no player
        players = functional.pad(
            self._patches(masked.players).flatten(1), (0, 0, n_prefix, 0), value=-1
        )
        patterns = TokenPatterns(players, masked.n_players)
        if len(patterns.positions) > MAX_ROWS:
            return masked.versions
        token = patterns.positions[n_prefix:]
        kept = patterns.kept(masked.background)[n_prefix:]
        patches = torch.where(
            kept.unflatten(1, (1, *embed.patch_size)),
            self._patches(masked.inputs)[token - n_prefix],
            self._patches(masked.baseline)[token - n_prefix],
        )
        x = embed.norm(embed.proj(patches).flatten(1))
        # Of patches that are all zero this leaves the prefix and the positions of the patches.
        positions = model._pos_embed(x.new_zeros(1, len(players) - n_prefix, x.shape[1]))[0]
        x = model.norm_pre(torch.cat([positions[:n_prefix], x + positions[token]]))
        first = model.blocks[0]
        heads = (3, first.attn.num_heads, -1)
        q, k, v = first.attn.qkv(first.norm1(x)).unflatten(1, heads).unbind(1)
        q, k = first.attn.q_norm(q), first.attn.k_norm(k)
        return TokenTable(patterns, torch.cat([x, *(part.flatten(1) for part in (q, k, v))], dim=1))

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes)."""
        model = self._model
        if assembled.ndim == 4:
            return model(assembled)
        first, *middle, last = model.blocks
        x, q, k, v = split_columns(assembled, model.embed_dim, first.attn.num_heads)
        x = _after_attention(first, x, _attend(first.attn, q, k, v))
        for block in middle:
            x = block(x)
        x = _first_token(last, x) if model.global_pool == "token" else last(x)
        return model.forward_head(model.norm(x))

    def _patches(self, sites: Tensor) -> Tensor:
        """Patches (n_patches, *leading, *patch_size) of (*leading, height, width)."""
        embed = self._model.patch_embed
        (rows, columns), (height, width) = embed.grid_size, embed.patch_size
        # What an image has beyond its last whole patch is never read.
        cut = sites[..., : rows * height, : columns * width]
        cut = cut.unflatten(-2, (rows, height)).unflatten(-1, (columns, width))
        return cut.movedim((-4, -2), (0, 1)).flatten(0, 1)


def _attend(attention: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """What timm's `Attention` does with queries, keys and values (batch, heads, tokens, depth)."""
    if attention.fused_attn:
        attended = functional.scaled_dot_product_attention(q, k, v)
    else:
        attended = (q * attention.scale @ k.transpose(-2, -1)).softmax(dim=-1) @ v
    return attended.transpose(1, 2).flatten(2)


def _after_attention(block: Any, x: Tensor, attended: Tensor) -> Tensor:
    """The rest of a block, token by token."""
    attention = block.attn
    x = x + block.ls1(attention.proj(attention.norm(attended)))
    return x + block.ls2(block.mlp(block.norm2(x)))


def _first_token(block: Any, x: Tensor) -> Tensor:
    """The block's output at the first token, of shape (batch, 1, width)."""
    attention, states = block.attn, block.norm1(x)
    if {type(attention.q_norm), type(attention.k_norm)} != {nn.Identity}:  # keys are needed
        heads = (3, attention.num_heads, -1)
        q, k, v = attention.qkv(states).unflatten(-1, heads).permute(2, 0, 3, 1, 4).unbind(0)
        q, k = attention.q_norm(q[:, :, :1]), attention.k_norm(k)
        return _after_attention(block, x[:, :1], _attend(attention, q, k, v))
    queries, keys, values = attention.qkv.weight.chunk(3)
    biases = (None,) * 3 if attention.qkv.bias is None else attention.qkv.bias.chunk(3)
    query = functional.linear(states[:, 0], queries, biases[0]) * attention.scale
    query = query.unflatten(1, (attention.num_heads, -1))
    attended = attend_once(query, states, keys, values, biases[2])
    return _after_attention(block, x[:, :1], attended)


def _is_known(model: Any) -> bool:
    if type(model) is not VisionTransformer or len(model.blocks) < 2:
        return False
    embed, ends = model.patch_embed, (model.blocks[0], model.blocks[-1])
    around = (embed, model.pos_drop, model.patch_drop, model.norm_pre, model.norm)
    return (
        {type(module) for part in (*around, *ends) for module in part.modules()} <= KNOWN
        and embed.proj.kernel_size == embed.proj.stride == embed.patch_size
        and embed.proj.padding == (0, 0)
        and embed.proj.dilation == (1, 1)
        and not embed.dynamic_img_pad
        and not model.dynamic_img_size
        and model.pos_embed is not None  # without it, older versions leave out the class token
        and all(getattr(block.attn, "gate", None) is None for block in ends)
        and model.global_pool != ""
    )
