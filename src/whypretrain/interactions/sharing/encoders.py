"""BERT and DistilBERT: shared up to the first layer's attention, lean in the last layer."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from whypretrain.data.texts import transformers
from whypretrain.interactions.forward import Assemble
from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.sharing.tokens import (
    TokenPatterns,
    TokenTable,
    attend_once,
    is_plain,
    split_columns,
)
from whypretrain.networks.build import TextNetwork

# Types of all modules are compared exactly: a subclass may compute something else.
BERT = (
    "BertModel", "BertEmbeddings", "BertEncoder", "BertLayer", "BertAttention",
    "BertSelfAttention", "BertSelfOutput", "BertIntermediate", "BertOutput", "BertPooler",
)  # fmt: skip
DISTILBERT = (
    "DistilBertModel", "Embeddings", "Transformer", "TransformerBlock", "DistilBertSelfAttention",
    "FFN",
)  # fmt: skip
PARTS = {nn.ModuleList, nn.Embedding, nn.LayerNorm, nn.Linear, nn.Dropout}
ACTIVATIONS = {nn.GELU, nn.ReLU, nn.SiLU, nn.Tanh}


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


def share_encoder(model: nn.Module) -> "SharedEncoder | None":
    """The network cut at the first layer's attention; None if it is not known to allow that.

    Known are BERT and DistilBERT as version 5 of transformers writes them, within the package's
    own :class:`TextNetwork`. A network in training mode or with hooks is none either.
    """
    if type(model) is not TextNetwork or not is_plain(model) or model.padding is None:
        return None
    return SharedEncoder(model) if _is_known(model.encoder) else None


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
            library.models.bert.modeling_bert.eager_attention_forward,  # DistilBERT's is a copy
        )

    def prepare(self, masked: MaskedInput) -> Assemble:
        """Tokens [x|q|k|v] of all patterns, with the weights as they are now."""
        if (torch.stack([masked.inputs, masked.baseline]) == self._model.padding).any():
            return masked.versions
        patterns = TokenPatterns(masked.players[:, None], masked.n_players)
        position = patterns.positions
        kept = patterns.kept(masked.background)[:, 0]
        ids = torch.where(kept, masked.inputs[position], masked.baseline[position])
        x = self._encoder.embeddings(input_ids=ids[:, None], position_ids=position[:, None])[:, 0]
        first = self._cut(self._layers[0])
        values = torch.cat([x, first.query(x), first.key(x), first.value(x)], dim=1)
        return TokenTable(patterns, values)

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes)."""
        if not assembled.is_floating_point():
            return self._model(assembled)
        first, last = self._cut(self._layers[0]), self._cut(self._layers[-1])
        x, q, k, v = split_columns(assembled, assembled.shape[-1] // 4, first.n_heads)
        scale = first.attention.scaling
        attended, _ = self._attend(first.attention, q, k, v, None, dropout=0.0, scaling=scale)
        x = first.finish(attended.flatten(2), x)
        for layer in self._layers[1:-1]:
            x = layer(x)
        x = _first_token(last, x)
        feature = self._encoder.pooler(x) if self._model.from_pooler else x[:, 0]
        return self._model.head(self._model.dropout(feature))


def _first_token(layer: Layer, x: Tensor) -> Tensor:
    """The layer's output at the first token, of shape (batch, 1, width)."""
    query = layer.query(x[:, 0]) * layer.attention.scaling
    query = query.unflatten(1, (layer.n_heads, -1))
    attended = attend_once(query, x, layer.key.weight, layer.value.weight, layer.value.bias)
    return layer.finish(attended, x[:, :1])


def _bert_layer(layer: Any) -> Layer:
    attention = layer.attention.self

    def finish(attended: Tensor, x: Tensor) -> Tensor:
        return layer.feed_forward_chunk(layer.attention.output(attended, x))

    return Layer(
        attention,
        attention.num_attention_heads,
        attention.query,
        attention.key,
        attention.value,
        finish,
    )


def _distilbert_layer(layer: Any) -> Layer:
    attention = layer.attention

    def finish(attended: Tensor, x: Tensor) -> Tensor:
        x = layer.sa_layer_norm(attention.out_lin(attended) + x)
        return layer.output_layer_norm(layer.ffn.ff_chunk(x) + x)

    return Layer(
        attention, attention.n_heads, attention.q_lin, attention.k_lin, attention.v_lin, finish
    )


def _is_known(encoder: Any) -> bool:
    library = transformers()
    if int(library.__version__.split(".")[0]) < 5:  # whose layers return tuples
        return False
    bert, distilbert = library.models.bert.modeling_bert, library.models.distilbert
    activations = {library.activations.GELUActivation, library.activations.NewGELUActivation}
    known = PARTS | ACTIVATIONS | activations
    if type(encoder) is bert.BertModel:
        known |= {getattr(bert, name) for name in BERT}
        layers = encoder.encoder.layer
    elif type(encoder) is distilbert.modeling_distilbert.DistilBertModel:
        known |= {getattr(distilbert.modeling_distilbert, name) for name in DISTILBERT}
        layers = encoder.transformer.layer
    else:
        return False
    config = encoder.config
    return (
        {type(module) for module in encoder.modules()} <= known
        and len(layers) > 1
        and config._attn_implementation in {"eager", "sdpa"}
        and not getattr(config, "is_decoder", False)
    )
