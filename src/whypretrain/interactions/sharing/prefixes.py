"""Decoders: every beginning of a sentence is computed once for each choice of the words in it.

A token of a decoder depends on those before it alone. Cut before the first token of each player,
the k-th part of a sentence has 2**k versions, not 2**n_players, and each version of a part goes on
from the keys and values of the part before, as in generating text.
"""

import sys
from typing import Any, cast

import torch
from torch import Tensor, nn

from whypretrain.data.texts import transformers
from whypretrain.interactions.forward import Assemble, MaskedInput
from whypretrain.interactions.sharing import is_plain
from whypretrain.networks.build import TextNetwork

MAX_ROWS = 256
"""Versions of a part that are computed together: 600 MB of GPT-2's keys and values, 32 tokens."""
DECODERS = {"gpt2": "GPT2", "llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3"}
"""Modules of transformers, and what the names of their classes begin with."""
PARTS = {
    nn.ModuleList, nn.Embedding, nn.LayerNorm, nn.Linear, nn.Dropout, nn.GELU, nn.SiLU, nn.ReLU,
    nn.Identity,
}  # fmt: skip
ROTATIONS = {"default", "linear", "llama3"}
"""Kinds of rotary positions that do not depend on the length of the text."""


def share_decoder(model: nn.Module) -> "SharedDecoder | None":
    """The network asked part by part; None if it is not known to allow that.

    Known are GPT-2, Llama, Qwen2 and Qwen3 with full attention as version 5 of transformers writes
    them, within :class:`TextNetwork`, whose feature is the last token's. A network in training mode
    or with hooks is none either.
    """
    if type(model) is not TextNetwork or model.feature != "last_token" or not is_plain(model):
        return None
    return SharedDecoder(model) if _is_known_decoder(model.encoder) else None


class SharedDecoder:
    """A :class:`Forward` that assembles features, (batch, n_features), computed in `prepare`."""

    def __init__(self, model: TextNetwork) -> None:
        self._model, self._decoder = model, cast("Any", model.encoder)

    def prepare(self, masked: MaskedInput) -> Assemble:
        """Features of all masked versions, with the weights as they are now."""
        players = masked.players.tolist()
        order = sorted(range(masked.n_players), key=players.index)
        ends = [*map(players.index, order), len(players)]
        found: list[tuple[Tensor, Tensor]] = []

        def go_on(coalitions: Tensor, cache: Any, start: int, part: int) -> None:
            """Compute a part, and all that follow, of versions that are known before its end."""
            states = torch.empty(0)
            if ends[part] > start:  # not so where a player begins the sentence
                ids = masked.versions(coalitions)[:, start : ends[part]]
                outputs = self._decoder(input_ids=ids, past_key_values=cache, use_cache=True)
                states, cache = outputs.last_hidden_state, outputs.past_key_values
            if part == len(order):
                found.append((coalitions, states[:, -1]))
                return
            every = torch.arange(len(coalitions), device=coalitions.device)
            for some in every.chunk(1 if 2 * len(every) <= MAX_ROWS else 2):
                both = torch.stack([coalitions[some], coalitions[some] | 1 << order[part]], dim=1)
                rows = some.repeat_interleave(2)
                go_on(both.flatten(), _rows_of(cache, rows), ends[part], part + 1)

        go_on(torch.zeros(1, dtype=torch.int64, device=masked.players.device), None, 0, 0)
        coalitions, features = map(torch.cat, zip(*found, strict=True))
        features = features[coalitions.argsort()]
        return lambda asked: features[asked]

    def example(self, masked: MaskedInput) -> Tensor:
        """A value of the shape and type of one assembled version; nothing is computed for it."""
        del masked
        weight = self._model.head.weight
        return weight.new_zeros(1, weight.shape[1])

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes)."""
        return self._model.head(self._model.dropout(assembled))


def _rows_of(cache: Any, rows: Tensor) -> Any:
    """Keys and values of some versions, in a cache of their own; None where there is none yet."""
    if cache is None:
        return None
    pairs = [(layer.keys[rows], layer.values[rows]) for layer in cache.layers]
    return transformers().DynamicCache(pairs)


def _is_known_decoder(decoder: Any) -> bool:
    library, config = transformers(), decoder.config
    if int(library.__version__.split(".")[0]) < 5:  # whose caches are others
        return False
    for name, start in DECODERS.items():
        module = sys.modules.get(f"{library.__name__}.models.{name}.modeling_{name}")
        if type(decoder) is getattr(module, f"{start}Model", None):
            own = {value for key, value in vars(module).items() if key.startswith(start)}
            break
    else:
        return False
    activations = library.activations
    own |= {library.pytorch_utils.Conv1D, activations.NewGELUActivation}
    own |= {activations.GELUActivation, activations.SiLUActivation}
    rotation = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    return (
        {type(part) for part in decoder.modules()} <= own | PARTS
        and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
        and rotation in ROTATIONS
        and config._attn_implementation in {"eager", "sdpa"}
        and not getattr(config, "add_cross_attention", False)
    )
