"""BERT and its family, shared against plain, on every coalition and in float64."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from whypretrain.interactions.forward import Background, MaskedInput
from whypretrain.interactions.sharing.attention import SharedEncoder, share_transformer
from whypretrain.networks.build import TextNetwork
from whypretrain.settings.models import TextArchitecture

PADDING, MASK, LENGTH = 0, 4, 12
BERTS: dict[str, Any] = {
    "bert": (BertConfig, BertModel),
    "roberta": (RobertaConfig, RobertaModel),
    "xlm_roberta": (XLMRobertaConfig, XLMRobertaModel),
}
KINDS = [
    *[(kind, feature) for kind in BERTS for feature in ("pooler", "first_token")],
    ("distilbert", "first_token"),
]

BERT: dict[str, Any] = {
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 20,
}
DISTILBERT: dict[str, Any] = {
    "dim": 8,
    "n_heads": 2,
    "hidden_dim": 12,
    "max_position_embeddings": 20,
}


def encoder(kind: str, *, layers: int = 3, attention: str = "sdpa", **options: Any) -> nn.Module:
    shared = {"vocab_size": 30, "attn_implementation": attention, **options}
    shared.setdefault("pad_token_id", PADDING)
    if kind in BERTS:
        config, model = BERTS[kind]
        return model(config(num_hidden_layers=layers, **BERT, **shared))
    return DistilBertModel(DistilBertConfig(n_layers=layers, **DISTILBERT, **shared))


def network(kind: str, feature: str = "first_token", **options: Any) -> TextNetwork:
    torch.manual_seed(0)
    return wrap(encoder(kind, **options), feature)


def wrap(body: nn.Module, feature: str = "first_token") -> TextNetwork:
    """A text network whose weights are all random, those that start as constants too."""
    architecture = TextArchitecture.model_validate(
        {"family": "transformers", "feature": feature, "folder": "none", "max_tokens": 20}
    )
    return scatter(TextNetwork(body, architecture, 2).double().eval())


def scatter(model: TextNetwork) -> TextNetwork:
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.3)
    return model


def sentence(n_players: int = 5, *, background: Background = "keep") -> MaskedInput:
    """Words of one or more tokens; the first, a middle and the last token are no player."""
    generator = torch.Generator().manual_seed(n_players)
    ids = torch.randint(5, 30, (LENGTH,), generator=generator)
    players = torch.sort(torch.randint(0, n_players, (LENGTH,), generator=generator))[0]
    players[[0, LENGTH // 2, -1]] = -1
    return MaskedInput(ids, torch.full_like(ids, MASK), players.short(), n_players, background)


def check(model: TextNetwork, shared: SharedEncoder, masked: MaskedInput) -> Tensor:
    """Logits of all coalitions, equal either way; returns what was assembled."""
    coalitions = torch.arange(2**masked.n_players)
    with torch.inference_mode():
        assembled = shared.prepare(masked)(coalitions)
        expected = model(masked.versions(coalitions))
        torch.testing.assert_close(shared.rest(assembled), expected, atol=1e-12, rtol=1e-11)
    assert expected.std(dim=0).min() > 1e-4  # masks do matter
    return assembled


def shared_of(model: TextNetwork) -> SharedEncoder:
    shared = share_transformer(model)
    assert isinstance(shared, SharedEncoder)
    return shared


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize(("kind", "feature"), KINDS)
def test_all_families(kind: str, feature: str, layers: int, attention: str) -> None:
    model = network(kind, feature, layers=layers, attention=attention)
    assembled = check(model, shared_of(model), sentence())
    assert assembled.shape == (32, LENGTH, 4 * 8)
    example = shared_of(model).example(sentence())
    assert (example.shape, example.dtype) == (assembled[:1].shape, assembled.dtype)


@pytest.mark.parametrize("background", ["keep", "mask"])
@pytest.mark.parametrize("n_players", range(1, 9))
@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_any_number_of_players(kind: str, n_players: int, background: Background) -> None:
    model = network(kind)
    check(model, shared_of(model), sentence(n_players, background=background))


def test_feed_forward_in_chunks() -> None:
    for kind in (*BERTS, "distilbert"):
        model = network(kind, chunk_size_feed_forward=3)
        check(model, shared_of(model), sentence())


@pytest.mark.parametrize("kind", ["roberta", "xlm_roberta"])
@pytest.mark.parametrize("padding", [1, 3])
def test_positions_that_begin_beyond_the_padding_token(kind: str, padding: int) -> None:
    model = network(kind, pad_token_id=padding)
    check(model, shared_of(model), sentence())


def test_single_precision_differs_by_rounding_alone() -> None:
    for kind, feature in KINDS:
        model = network(kind, feature).float()
        shared, masked, coalitions = shared_of(model), sentence(), torch.arange(32)
        with torch.inference_mode():
            found = shared.rest(shared.prepare(masked)(coalitions))
            expected = model(masked.versions(coalitions))
        assert (found - expected).abs().max() < 2e-6 * expected.abs().max()


def test_weights_swapped_in_place_count_from_the_next_prepare() -> None:
    for kind, feature in KINDS:
        model = network(kind, feature)
        shared, masked = shared_of(model), sentence()
        before = check(model, shared, masked)
        model.load_state_dict(scatter(network(kind, feature)).state_dict())
        assert not torch.equal(check(model, shared, masked), before)


def test_assembled_batches_of_two_sentences_may_be_joined() -> None:
    model = network("bert", "pooler")
    shared, coalitions = shared_of(model), torch.arange(4)
    inputs = sentence(3), sentence(2, background="mask")
    with torch.inference_mode():
        assembled = torch.cat([shared.prepare(masked)(coalitions) for masked in inputs])
        expected = torch.cat([model(masked.versions(coalitions)) for masked in inputs])
        torch.testing.assert_close(shared.rest(assembled), expected, atol=1e-12, rtol=1e-11)


@pytest.mark.parametrize("where", ["inputs", "baseline"])
@pytest.mark.parametrize(("kind", "feature"), KINDS)
def test_a_sentence_with_padding_is_not_shared(kind: str, feature: str, where: str) -> None:
    model, masked = network(kind, feature), sentence()
    getattr(masked, where)[4:6] = PADDING
    assembled = check(model, shared_of(model), masked)
    assert assembled.shape == (32, LENGTH)
    assert torch.equal(shared_of(model).example(masked)[0], masked.inputs)


class Bert(BertModel):  # type: ignore[no-untyped-call]
    """A subclass, which might compute anything."""


class Roberta(RobertaModel):  # type: ignore[no-untyped-call]
    """Another one."""


REFUSED: dict[str, Callable[[], nn.Module]] = {
    "encoder alone": lambda: encoder("bert").eval(),
    "training": lambda: network("bert").train(),
    "one layer of BERT": lambda: network("bert", layers=1),
    "one layer of DistilBERT": lambda: network("distilbert", layers=1),
    "decoder": lambda: network("bert", is_decoder=True),
    "other attention": lambda: network("bert", attention="flex_attention"),
    "subclass": lambda: wrap(Bert(BertConfig(**BERT))),
    "subclass of RoBERTa": lambda: wrap(Roberta(RobertaConfig(**BERT))),
    "one layer of RoBERTa": lambda: network("roberta", layers=1),
    "another family": lambda: wrap(AlbertModel(AlbertConfig(vocab_size=9, **BERT))),
    "unknown map": lambda: _with("layer.2.output.dense", nn.Sequential(nn.Linear(12, 8))),
    "unknown activation": lambda: _with("layer.2.intermediate.intermediate_act_fn", nn.Softmax(1)),
    "norm over tokens": lambda: _with("layer.0.output.LayerNorm", nn.BatchNorm1d(8)),
}


def _with(part: str, module: nn.Module) -> TextNetwork:
    model = network("bert", "pooler")
    parent, _, name = part.rpartition(".")
    setattr(model.get_submodule(f"encoder.encoder.{parent}"), name, module)
    return model.eval()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused(name: str) -> None:
    assert share_transformer(REFUSED[name]()) is None
