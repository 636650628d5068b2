"""Encoders without a pooler: one clear error, and what `feature: first_token` does with each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.conftest import write_encoder
from tests.data.test_texts import SPLIT
from tests.networks.convert.conftest import beside
from tests.networks.test_train import run_in
from whypretrain.data.texts import Texts
from whypretrain.explain import explain_text
from whypretrain.interactions.forward import MaskedInput, log_odds
from whypretrain.interactions.measure import Measure, choose_forward
from whypretrain.networks.build import build, classifier, load_all, load_backbone
from whypretrain.networks.train import evaluate, fit
from whypretrain.settings.models import TextArchitecture
from whypretrain.settings.training import Recipe

CPU = torch.device("cpu")
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "pad_token_id": 0,
    "initializer_range": 0.5,  # so that masks matter
}
RELATIVE = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8}
OPTIONS: dict[str, dict[str, Any]] = {
    "Electra": {"embedding_size": 8},
    "Deberta": RELATIVE,
    "DebertaV2": {**RELATIVE, "share_att_key": True, "conv_kernel_size": 3},
    "ModernBert": {"local_attention": 4, "global_attn_every_n_layers": 2},
    "ConvBert": {"embedding_size": 16, "head_ratio": 1, "conv_kernel_size": 3},
    "XLNet": {"d_inner": 32, "n_head": 2, "d_head": 8},
}
TOKENS = torch.tensor([[2, 9, 10, 11, 3, 5], [2, 9, 3, 0, 0, 0], [2, 7, 3, 0, 0, 0]])


@pytest.fixture(params=OPTIONS)
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> TextArchitecture:
    """A tiny random encoder of a kind that has no pooler, with a head of another task."""
    written = write_encoder(tmp_path / "encoder", "bert")
    folder, kind = Path(written.folder), request.param
    size = len(transformers.AutoTokenizer.from_pretrained(folder))
    config = getattr(transformers, f"{kind}Config")(vocab_size=size, **SIZES, **OPTIONS[kind])
    torch.manual_seed(0)
    getattr(transformers, f"{kind}ForSequenceClassification")(config).save_pretrained(folder)
    return written.model_copy(update={"feature": "first_token"})


def test_a_pooler_is_asked_for(
    bare: TextArchitecture,
    target: Path,
    mistake: Callable[..., str],
) -> None:
    wanted = bare.model_copy(update={"feature": "pooler"})
    clear = r"Model has no pooler, which feature = 'pooler' asks for; set `feature: first_token`"
    with pytest.raises(ValueError, match=clear):
        build(wanted, 2)
    message = mistake(beside(target, wanted), bare.folder)
    assert message.startswith(f"error: {bare.folder}: ")
    assert message.count("`feature: first_token`") == 1
    assert "max_tokens" not in message


def test_padding_changes_nothing(bare: TextArchitecture) -> None:
    torch.manual_seed(0)
    model = build(bare, 2).double().eval()
    with torch.inference_mode():
        found, long, short = model(TOKENS), model(TOKENS[:1]), model(TOKENS[1:, :3])
    torch.testing.assert_close(found, torch.cat([long, short]), atol=1e-12, rtol=1e-10)
    assert found.std(dim=0).min() > 1e-3


def test_it_is_converted_trained_and_measured(
    bare: TextArchitecture,
    target: Path,
    run: Callable[..., None],
    tmp_path: Path,
) -> None:
    architecture = beside(target, bare)
    run(architecture, bare.folder)
    torch.manual_seed(0)
    model = build(architecture, 2)
    load_backbone(model, target)
    data = Texts(SPLIT, architecture, device=CPU)
    before = {name: value.clone() for name, value in model.named_parameters()}
    recipe = Recipe(epochs=1, batch_size=len(SPLIT.labels), learning_rate=0.01)
    fit(model, data, data, run_in(tmp_path, recipe, (0.0, 1.0)))
    moved = [name for name, value in model.named_parameters() if not value.equal(before[name])]
    assert len(moved) > 0.7 * len(before)  # XLNet has weights that serve other tasks alone
    again = build(architecture, 2)
    load_all(again, tmp_path / "1.0.safetensors")
    assert evaluate(again, data).loss == pytest.approx(evaluate(model, data).loss)

    players = torch.tensor([-1, 0, 0, 1, 2, -1], dtype=torch.int16)
    masked = MaskedInput(TOKENS[0], torch.full((6,), 4), players, 3)
    again.eval()
    assert type(choose_forward(again)).__name__ == "PlainForward"
    measure = Measure(again, classifier(again), batch_size=3)
    with torch.inference_mode():
        (found,) = measure([masked], [1], [0])
        for coalition, output in enumerate(found.outputs):
            ids = [
                4 if player >= 0 and not coalition >> player & 1 else token
                for token, player in zip(TOKENS[0].tolist(), players.tolist(), strict=True)
            ]
            expected = log_odds(again(torch.tensor([ids])), 1).item()
            assert output == pytest.approx(expected, abs=1e-5)
    assert found.outputs.std() > 1e-3


def test_in_a_notebook_an_encoder_alone_is_no_classifier(bare: TextArchitecture) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(bare.folder)
    encoder = transformers.AutoModel.from_pretrained(bare.folder)
    with pytest.raises(TypeError, match=r"no logits .*Classification.*`feature: first_token`"):
        explain_text(encoder, tokenizer, "a truly lovely film")
    trained = explain_text(build(bare, 2), tokenizer, "a truly lovely film")
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(bare.folder)
    assert explain_text(theirs, tokenizer, "a truly lovely film").n_players == trained.n_players
