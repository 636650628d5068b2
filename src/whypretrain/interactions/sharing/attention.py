"""ViT and BERT's family: shared up to the first block's attention, lean in the last block.

What a transformer does to a token before the first attention depends only on the players that have
a site in it (pixels of a patch, or the token itself): on one of 2**k patterns for k players. And
where the head reads one token, the last attention answers one query.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
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

from whypretrain.data.texts import transformers
from whypretrain.interactions.forward import Assemble, Background, MaskedInput, kept_players
from whypretrain.interactions.sharing import PositionPatterns, is_plain, layout
from whypretrain.networks.build import TextNetwork

MAX_ROWS = 1 << 15
"""Rows a table may have: 400 MB of ViT-Base's. Only patches of many players come near."""

# Types of all modules but a ViT's inner blocks' are compared exactly: a subclass may compute
# something else. Attention apart, all of a ViT's act on one patch or token at a time.
VIT = {
    PatchEmbed, Block, Attention, Mlp, LayerScale, DropPath, PatchDropout, nn.Conv2d, nn.Linear,
    nn.Dropout, nn.Identity, nn.LayerNorm, LayerNorm, RmsNorm, nn.GELU, GELUTanh, QuickGELU,
    nn.ReLU, nn.SiLU,
}  # fmt: skip
BERT = (
    "Model", "Embeddings", "Encoder", "Layer", "Attention", "SelfAttention", "SelfOutput",
    "Intermediate", "Output", "Pooler",
)  # fmt: skip
DISTILBERT = (
    "DistilBertModel", "Embeddings", "Transformer", "TransformerBlock", "DistilBertSelfAttention",
    "FFN",
)  # fmt: skip
# Modules of transformers, and their classes of which an encoder is made; the first is its own.
ENCODERS = {
    "distilbert": DISTILBERT,
    "bert": [f"Bert{part}" for part in BERT],
    "roberta": [f"Roberta{part}" for part in BERT],
    "xlm_roberta": [f"XLMRoberta{part}" for part in BERT],
}
ENCODER_PARTS = {
    nn.ModuleList, nn.Embedding, nn.LayerNorm, nn.Linear, nn.Dropout, nn.GELU, nn.ReLU, nn.SiLU,
    nn.Tanh,
}  # fmt: skip


def share_transformer(model: nn.Module) -> "SharedVisionTransformer | SharedEncoder | None":
    """The network cut at the first block's attention; None if it is not known to allow that.

    Known are timm's ViT, and within :class:`TextNetwork` BERT, RoBERTa, XLM-RoBERTa and DistilBERT
    as version 5 of transformers writes them. A network in training mode, with hooks, or whose
    feature is the last token's is none either.
    """
    if not is_plain(model):
        return None
    if type(model) is TextNetwork and model.feature != "last_token":
        known = model.padding is not None and _is_known_encoder(model.encoder)
        return SharedEncoder(model) if known else None
    return SharedVisionTransformer(model) if _is_known_vit(model) else None


class TokenPatterns(PositionPatterns):
    """All pairs of a token and a pattern of the players in it; a token is a position.

    Parameters
    ----------
    players : integer tensor of shape (n_tokens, n_sites)
        The player of every site of every token; -1 where there is none.
    n_players : how many players there are
    """

    def __init__(self, players: Tensor, n_players: int) -> None:
        # The last bit is that of sites of no player, and is left out again.
        bits = (1 << np.arange(n_players + 1)).astype(np.int64)
        bits[-1] = 0
        masks = np.bitwise_or.reduce(bits[players.cpu().numpy()], axis=1)
        reached = layout(masks)
        super().__init__(
            *torch.from_numpy(reached).to(players.device),
            n_rows=int(reached[1, -1]),
            n_players=n_players,
        )
        self._players = players.long()

    @property
    def n_tokens(self) -> int:
        """How many tokens there are."""
        return len(self._players)

    def kept(self, background: Background) -> Tensor:
        """Which sites of its token every row keeps, bool of shape (n_rows, n_sites)."""
        kept = kept_players(self.coalitions, self._n_players, background)
        return kept.gather(1, self._players[self.positions] % kept.shape[1])

    def lookup(self, values: Tensor) -> Assemble:
        """Tokens of any masked version, (batch, n_tokens, n_columns), of (n_rows, n_columns)."""
        tokens = torch.arange(self.n_tokens, device=values.device)
        return lambda coalitions: functional.embedding(
            self.rows(tokens, coalitions[:, None]), values
        )


def attend_once(
    query: Tensor, states: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None
) -> Tensor:
    """Attention of one query to all states, without a key or a value for each.

    As q·(K s) = (Kᵀ q)·s and Σ a (V s + b) = V (Σ a s) + b, both maps act on one vector a head, not
    on every token. The keys' bias adds the same number to all scores, and the softmax drops it.

    Parameters
    ----------
    query : tensor of shape (batch, n_heads, depth), scaled
    states : tensor of shape (batch, n_tokens, width), which keys and values are made from
    keys, values : weights of shape (n_heads · depth, width)
    bias : the values' bias of shape (n_heads · depth,), or None

    Returns
    -------
    tensor of shape (batch, 1, n_heads · depth)
    """
    n_heads = query.shape[1]
    keys, values = (weight.unflatten(0, (n_heads, -1)) for weight in (keys, values))
    scores = torch.einsum("bhd,hdw->bhw", query, keys) @ states.transpose(1, 2)
    means = scores.softmax(dim=-1) @ states
    attended = torch.einsum("bhw,hdw->bhd", means, values).flatten(1)
    return (attended if bias is None else attended + bias)[:, None]


def _heads(columns: Tensor, n_heads: int) -> tuple[Tensor, ...]:
    """Three views (batch, n_heads, n_tokens, depth) of [q|k|v], (batch, n_tokens, n_columns)."""
    return columns.unflatten(-1, (3, n_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)


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
        patterns = self._patterns(masked)
        if patterns is None:
            return masked.versions
        n_prefix = model.num_prefix_tokens
        token = patterns.positions[n_prefix:]
        kept = patterns.kept(masked.background)[n_prefix:]
        patches = torch.where(
            kept.unflatten(1, (1, *embed.patch_size)),
            self._patches(masked.inputs)[token - n_prefix],
            self._patches(masked.baseline)[token - n_prefix],
        )
        x = embed.norm(embed.proj(patches).flatten(1))
        # Of patches that are all zero this leaves the prefix and the positions of the patches.
        positions = model._pos_embed(x.new_zeros(1, patterns.n_tokens - n_prefix, x.shape[1]))[0]
        x = model.norm_pre(torch.cat([positions[:n_prefix], x + positions[token]]))
        first = model.blocks[0]
        heads = (3, first.attn.num_heads, -1)
        q, k, v = first.attn.qkv(first.norm1(x)).unflatten(1, heads).unbind(1)
        q, k = first.attn.q_norm(q), first.attn.k_norm(k)
        return patterns.lookup(torch.cat([x, *(part.flatten(1) for part in (q, k, v))], dim=1))

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes)."""
        model = self._model
        if assembled.ndim == 4:
            return model(assembled)
        first, *middle, last = model.blocks
        x = assembled[..., : model.embed_dim]
        qkv = _heads(assembled[..., model.embed_dim :], first.attn.num_heads)
        x = _after_attention(first, x, _attend(first.attn, *qkv))
        for block in middle:
            x = block(x)
        x = _first_token_of_block(last, x) if model.global_pool == "token" else last(x)
        return model.forward_head(model.norm(x))

    def example(self, masked: MaskedInput) -> Tensor:
        """A value of the shape and type of one assembled version; nothing is computed for it."""
        patterns, qkv = self._patterns(masked), self._model.blocks[0].attn.qkv
        if patterns is None:
            return masked.inputs[None]
        width = self._model.embed_dim + qkv.out_features
        return qkv.weight.new_zeros(1, patterns.n_tokens, width)

    def _patterns(self, masked: MaskedInput) -> TokenPatterns | None:
        """Patterns of all tokens; None where there are too many, or the image does not fit."""
        embed = self._model.patch_embed
        if masked.inputs.shape != (embed.proj.in_channels, *embed.img_size):
            return None  # the model's own error says what is wrong
        players = self._patches(masked.players).flatten(1)
        # The class token and its like hold no player.
        players = functional.pad(players, (0, 0, self._model.num_prefix_tokens, 0), value=-1)
        patterns = TokenPatterns(players, masked.n_players)
        return patterns if patterns.n_rows <= MAX_ROWS else None

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
    x = x + block.ls1(block.attn.proj(block.attn.norm(attended)))
    return x + block.ls2(block.mlp(block.norm2(x)))


def _first_token_of_block(block: Any, x: Tensor) -> Tensor:
    """The block's output at the first token, of shape (batch, 1, width)."""
    attention, states = block.attn, block.norm1(x)
    if {type(attention.q_norm), type(attention.k_norm)} != {nn.Identity}:  # keys are needed
        q, k, v = _heads(attention.qkv(states), attention.num_heads)
        attended = _attend(attention, attention.q_norm(q[:, :, :1]), attention.k_norm(k), v)
        return _after_attention(block, x[:, :1], attended)
    queries, keys, values = attention.qkv.weight.chunk(3)
    biases = (None,) * 3 if attention.qkv.bias is None else attention.qkv.bias.chunk(3)
    query = functional.linear(states[:, 0], queries, biases[0]) * attention.scale
    query = query.unflatten(1, (attention.num_heads, -1))
    attended = attend_once(query, states, keys, values, biases[2])
    return _after_attention(block, x[:, :1], attended)


def _is_known_vit(model: Any) -> bool:
    if type(model) is not VisionTransformer or len(model.blocks) < 2:
        return False
    embed, ends = model.patch_embed, (model.blocks[0], model.blocks[-1])
    around = (embed, model.pos_drop, model.patch_drop, model.norm_pre, model.norm)
    return (
        {type(module) for part in (*around, *ends) for module in part.modules()} <= VIT
        and embed.proj.kernel_size == embed.proj.stride == embed.patch_size
        and embed.proj.padding == (0, 0)
        and embed.proj.dilation == (1, 1)
        and not embed.dynamic_img_pad
        and not model.dynamic_img_size
        and model.pos_embed is not None  # without it, older versions leave out the class token
        and all(getattr(block.attn, "gate", None) is None for block in ends)
        and model.global_pool != ""
    )


class Layer(NamedTuple):
    """One layer of an encoder, cut at its attention.

    `finish(attended, x)` is the layer's output from the heads' outputs, (batch, n_tokens, width),
    and its input x.
    """

    attention: Any
    n_heads: int
    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    finish: Callable[[Tensor, Tensor], Tensor]


class SharedEncoder:
    """A :class:`Forward` that embeds a token once as itself and once masked.

    What it assembles are tokens with the first layer's queries, keys and values, [x|q|k|v], of
    shape (batch, length, 4 · width). A sentence with a padding token, which attention must not
    see, is not shared: its masked versions are assembled, int64 of shape (batch, length).
    """

    def __init__(self, model: TextNetwork) -> None:
        encoder: Any = model.encoder
        self._model, self._encoder = model, encoder
        self._layers, self._cut = (
            (encoder.transformer.layer, _distilbert_layer)
            if hasattr(encoder, "transformer")
            else (encoder.encoder.layer, _bert_layer)
        )
        library = transformers()
        self._attend = library.modeling_utils.ALL_ATTENTION_FUNCTIONS.get_interface(
            encoder.config._attn_implementation,
            library.models.bert.modeling_bert.eager_attention_forward,  # the others' are copies
        )
        # RoBERTa counts positions from beyond its padding token.
        self._first_position = getattr(encoder.embeddings, "padding_idx", -1) + 1

    def prepare(self, masked: MaskedInput) -> Assemble:
        """Tokens [x|q|k|v] of all patterns, with the weights as they are now."""
        if self._has_padding(masked):
            return masked.versions
        patterns = TokenPatterns(masked.players[:, None], masked.n_players)
        position = patterns.positions
        kept = patterns.kept(masked.background)[:, 0]
        ids = torch.where(kept, masked.inputs[position], masked.baseline[position])
        places = position[:, None] + self._first_position
        x = self._encoder.embeddings(input_ids=ids[:, None], position_ids=places)[:, 0]
        first = self._cut(self._layers[0])
        return patterns.lookup(torch.cat([x, first.query(x), first.key(x), first.value(x)], dim=1))

    def example(self, masked: MaskedInput) -> Tensor:
        """A value of the shape and type of one assembled version; nothing is computed for it."""
        if self._has_padding(masked):
            return masked.inputs[None]
        query = self._cut(self._layers[0]).query
        return query.weight.new_zeros(1, len(masked.inputs), 4 * query.out_features)

    def _has_padding(self, masked: MaskedInput) -> bool:
        tokens = torch.stack([masked.inputs, masked.baseline])
        return bool((tokens == self._model.padding).any())

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes)."""
        if not assembled.is_floating_point():
            return self._model(assembled)
        first, last = self._cut(self._layers[0]), self._cut(self._layers[-1])
        width = assembled.shape[-1] // 4
        x, qkv = assembled[..., :width], _heads(assembled[..., width:], first.n_heads)
        scale = first.attention.scaling
        attended, _ = self._attend(first.attention, *qkv, None, dropout=0.0, scaling=scale)
        x = first.finish(attended.flatten(2), x)
        for layer in self._layers[1:-1]:
            x = layer(x)
        x = _first_token_of_layer(last, x)
        feature = self._encoder.pooler(x) if self._model.feature == "pooler" else x[:, 0]
        return self._model.head(self._model.dropout(feature))


def _first_token_of_layer(layer: Layer, x: Tensor) -> Tensor:
    """The layer's output at the first token, of shape (batch, 1, width)."""
    query = layer.query(x[:, 0]) * layer.attention.scaling
    query = query.unflatten(1, (layer.n_heads, -1))
    attended = attend_once(query, x, layer.key.weight, layer.value.weight, layer.value.bias)
    return layer.finish(attended, x[:, :1])


def _bert_layer(layer: Any) -> Layer:
    own, output = layer.attention.self, layer.attention.output
    return Layer(
        *(own, own.num_attention_heads, own.query, own.key, own.value),
        finish=lambda attended, x: layer.feed_forward_chunk(output(attended, x)),
    )


def _distilbert_layer(layer: Any) -> Layer:
    own = layer.attention

    def finish(attended: Tensor, x: Tensor) -> Tensor:
        x = layer.sa_layer_norm(own.out_lin(attended) + x)
        return layer.output_layer_norm(layer.ffn.ff_chunk(x) + x)

    return Layer(own, own.n_heads, own.q_lin, own.k_lin, own.v_lin, finish)


def _is_known_encoder(encoder: Any) -> bool:
    library = transformers()
    if int(library.__version__.split(".")[0]) < 5:  # whose layers return tuples
        return False
    for name, parts in ENCODERS.items():
        module = sys.modules.get(f"{library.__name__}.models.{name}.modeling_{name}")
        if type(encoder) is getattr(module, parts[0], None):
            own = {getattr(module, part) for part in parts}
            break
    else:
        return False
    activations = {library.activations.GELUActivation, library.activations.NewGELUActivation}
    return (
        {type(module) for module in encoder.modules()} <= own | ENCODER_PARTS | activations
        and encoder.config.num_hidden_layers > 1
        and encoder.config._attn_implementation in {"eager", "sdpa"}
        and not getattr(encoder.config, "is_decoder", False)
    )
