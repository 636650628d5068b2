"""Decoders, shared against plain, on every coalition and in float64."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from tests.conftest import DECODERS
from whypretrain.interactions.forward import Background, MaskedInput, PlainForward
from whypretrain.interactions.measure import Measure, choose_forward
from whypretrain.interactions.sharing import prefixes
from whypretrain.interactions.sharing.prefixes import SharedDecoder, share_decoder
from whypretrain.networks.build import TextNetwork
from whypretrain.settings.models import TextArchitecture

LENGTH = 12
SIZES: dict[str, Any] = {
    "vocab_size": 30,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "max_position_embeddings": 20,
    "bos_token_id": None,
    "eos_token_id": None,
    "initializer_range": 0.4,
}


def network(kind: str, *, feature: str = "last_token", **options: Any) -> TextNetwork:
    torch.manual_seed(0)
    wide = {} if kind == "GPT2" else {"intermediate_size": 24}
    given = SIZES | DECODERS[kind] | wide | options
    body = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**given))
    return wrap(body, feature)


def wrap(body: nn.Module, feature: str = "last_token") -> TextNetwork:
    architecture = TextArchitecture.model_validate(
        {"family": "transformers", "feature": feature, "folder": "none", "max_tokens": 20}
    )
    model = TextNetwork(body, architecture, 2).double().eval()
    return scatter(model)


def scatter(model: TextNetwork) -> TextNetwork:
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.1)
    return model


def sentence(
    n_players: int = 5, *, ends: int = -1, background: Background = "keep", shuffled: bool = False
) -> MaskedInput:
    """Words of one or more tokens; the first and the last belong to player `ends`, or to none."""
    generator = torch.Generator().manual_seed(n_players)
    ids = torch.randint(5, 30, (LENGTH,), generator=generator)
    players = torch.arange(LENGTH) * n_players // LENGTH
    if shuffled:
        players = players[torch.randperm(LENGTH, generator=generator)]
    players[LENGTH // 2 + 1] = -1
    if ends < 0:
        players[[0, -1]] = -1
    return MaskedInput(ids, torch.full_like(ids, 4), players.short(), n_players, background)


def shared_of(model: TextNetwork) -> SharedDecoder:
    shared = choose_forward(model)
    assert isinstance(shared, SharedDecoder)
    return shared


def check(model: TextNetwork, masked: MaskedInput) -> None:
    """Logits of all coalitions, equal either way."""
    shared, coalitions = shared_of(model), torch.arange(2**masked.n_players)
    with torch.inference_mode():
        assembled = shared.prepare(masked)(coalitions)
        expected = model(masked.versions(coalitions))
        torch.testing.assert_close(shared.rest(assembled), expected, atol=1e-12, rtol=1e-11)
        some = coalitions[torch.randperm(len(coalitions))[:3]]
        assert torch.equal(shared.prepare(masked)(some), assembled[some])
    assert expected.std(dim=0).min() > 1e-3  # masks do matter
    example = shared.example(masked)
    assert (example.shape, example.dtype) == (assembled[:1].shape, assembled.dtype)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("ends", [-1, 0])
@pytest.mark.parametrize("kind", DECODERS)
def test_all_families(kind: str, ends: int, attention: str) -> None:
    check(network(kind, attn_implementation=attention), sentence(ends=ends))


@pytest.mark.parametrize("background", ["keep", "mask"])
@pytest.mark.parametrize("n_players", range(2, 9))
@pytest.mark.parametrize("kind", ["GPT2", "Qwen3"])
def test_any_number_of_players(kind: str, n_players: int, background: Background) -> None:
    check(network(kind), sentence(n_players, ends=0, background=background))
    check(network(kind), sentence(n_players, background=background, shuffled=True))


@pytest.mark.parametrize("most", [1, 2, 4, 16])
@pytest.mark.parametrize("kind", DECODERS)
def test_parts_are_computed_in_pieces(
    kind: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "MAX_ROWS", most)
    model, masked = network(kind), sentence()
    asked = inputs_of(model)
    with torch.inference_mode():
        shared = SharedDecoder(model)
        found = shared.rest(shared.prepare(masked)(torch.arange(32)))
        assert max(rows for rows, _ in asked) == max(most, 2)
        expected = model(masked.versions(torch.arange(32)))
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-11)


def inputs_of(model: TextNetwork) -> list[tuple[int, int]]:
    """Shapes of the token ids that its decoder will be asked about."""
    asked: list[tuple[int, int]] = []
    model.encoder.register_forward_pre_hook(
        lambda _, __, given: asked.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    return asked


def test_every_beginning_is_read_once() -> None:
    model, masked = network("GPT2"), sentence(4, ends=0)
    asked = inputs_of(model)
    with torch.inference_mode():
        SharedDecoder(model).prepare(masked)
    assert asked == [(2, 3), (4, 3), (8, 3), (16, 3)]  # four words of three tokens


def test_weights_swapped_in_place_count_from_the_next_prepare() -> None:
    for kind in DECODERS:
        model = network(kind)
        shared, masked = shared_of(model), sentence()
        before = shared.prepare(masked)(torch.arange(4))
        model.load_state_dict(scatter(network(kind)).state_dict())
        assert not torch.equal(shared.prepare(masked)(torch.arange(4)), before)
        check(model, masked)


def test_single_precision_differs_by_rounding_alone() -> None:
    for kind in DECODERS:
        model = network(kind).float()
        (found,) = Measure(model, model.head, batch_size=8)([sentence()], [1], [0])
        plain = Measure(model, model.head, batch_size=8, sharing=False)
        assert isinstance(plain.forward, PlainForward)
        (expected,) = plain([sentence()], [1], [0])
        scale = abs(expected.outputs).max()
        assert abs(found.outputs - expected.outputs).max() < 1e-5 * scale
        assert Measure(model, model.head).batch_size == 1


ROPE = {"rope_theta": 10000.0, "rope_type": "dynamic", "factor": 2.0}
SLIDING: dict[str, Any] = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}


class Gpt2(transformers.GPT2Model):  # type: ignore[no-untyped-call]  # transformers has no types here
    """A subclass, which might compute anything."""


REFUSED: dict[str, Callable[[], nn.Module]] = {
    "decoder alone": lambda: network("GPT2").encoder,
    "training": lambda: network("GPT2").train(),
    "sliding window": lambda: network("Qwen2", **SLIDING),
    "rotations that depend on the length": lambda: network("Llama", rope_parameters=ROPE),
    "other attention": lambda: network("Llama", attn_implementation="flex_attention"),
    "subclass": lambda: wrap(Gpt2(transformers.GPT2Config(**SIZES))),
    "cross-attention": lambda: network("GPT2", add_cross_attention=True),
    "another family": lambda: wrap(
        transformers.PhiModel(transformers.PhiConfig(**SIZES, intermediate_size=24))
    ),
    "unknown part": lambda: _with("h.1.mlp.act", nn.Softmax(1)),
    "first token": lambda: network("GPT2", feature="first_token"),
    "encoder": lambda: wrap(
        transformers.BertModel(transformers.BertConfig(**SIZES, intermediate_size=24))
    ),
}


def _with(part: str, module: nn.Module) -> TextNetwork:
    model = network("GPT2")
    parent, _, name = part.rpartition(".")
    setattr(model.encoder.get_submodule(parent), name, module)
    return model.eval()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_computed_plainly(name: str) -> None:
    model = REFUSED[name]()
    assert share_decoder(model) is None
    assert isinstance(choose_forward(model), PlainForward)


@pytest.mark.parametrize("name", ["sliding window", "another family", "encoder"])
def test_and_that_is_right(name: str) -> None:
    """Against one masked sentence at a time."""
    model, masked = REFUSED[name](), sentence(4)
    forward = choose_forward(model)
    with torch.inference_mode():
        found = forward.rest(forward.prepare(masked)(torch.arange(16)))
        alone = [model(masked.versions(torch.tensor([one]))) for one in range(16)]
    torch.testing.assert_close(found, torch.cat(alone), atol=1e-12, rtol=1e-11)
