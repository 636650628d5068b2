"""Stage `convert` on transformers folders: what it writes, and its one line for a mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import write_encoder
from tests.networks.convert.conftest import beside
from whypretrain.networks.build import (
    build,
    head_keys,
    load_backbone,
    penultimate,
    read_weights,
)
from whypretrain.settings.models import (
    TextArchitecture,
)

TOKENS = torch.tensor([[2, 9, 10, 11, 3], [2, 9, 3, 0, 0]])


def test_an_encoder_comes_with_its_configuration_and_tokenizer(
    encoder: TextArchitecture, target: Path, run: Callable[..., None]
) -> None:
    from transformers import AutoModel, AutoTokenizer

    source, architecture = Path(encoder.folder), beside(target, encoder)
    run(architecture, source)
    copied = {path.name for path in Path(architecture.folder).iterdir()}
    assert {"config.json", "tokenizer.json", "tokenizer_config.json"} <= copied
    old, new = (AutoTokenizer.from_pretrained(f) for f in (source, architecture.folder))
    assert new.get_vocab() == old.get_vocab()
    assert new("a truly lovely film") == old("a truly lovely film")

    model = build(architecture, 5).eval()
    written, _ = read_weights(target)
    assert written.keys() == model.state_dict().keys() - head_keys(model)
    assert {value.dtype for value in written.values()} == {torch.float32}
    load_backbone(model, target)
    theirs = AutoModel.from_pretrained(source).eval()
    outputs = theirs(input_ids=TOKENS, attention_mask=(TOKENS != 0).long())
    pooled = encoder.feature == "pooler"
    expected = outputs.pooler_output if pooled else outputs.last_hidden_state[:, 0]
    torch.testing.assert_close(penultimate(model, TOKENS), expected)


def test_berts_file_on_the_hub_names_its_norms_as_tensorflow_does(
    tmp_path: Path, target: Path, run: Callable[..., None]
) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    file = Path(encoder.folder) / "model.safetensors"
    tensors = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value.half() + 0.25 * ("LayerNorm" in name)
        for name, value in load_file(file).items()
    }
    assert "bert.embeddings.LayerNorm.gamma" in tensors
    save_file(tensors, file, metadata={"format": "pt"})
    run(beside(target, encoder), encoder.folder)
    written, _ = read_weights(target)
    norm = written["encoder.embeddings.LayerNorm.weight"]
    assert torch.equal(norm, torch.full((16,), 1.25))
    assert norm.dtype == torch.float32


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_an_encoders_weights_that_do_not_fit(
    change: str, tmp_path: Path, target: Path, mistake: Callable[..., str]
) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    file = Path(encoder.folder) / "model.safetensors"
    tensors = load_file(file)
    layer = 1 if change == "missing" else 9
    name = f"encoder.layer.{layer}.output.dense.weight"
    if change == "missing":
        del tensors[f"bert.{name}"]
    else:
        tensors[f"bert.{name}"] = torch.zeros(2)
    save_file(tensors, file, metadata={"format": "pt"})
    message = mistake(beside(target, encoder), encoder.folder)
    assert f"{encoder.folder}: weights do not fit BertModel: " in message
    assert f"{name}']" in message.partition(f"{change} [")[2]


def test_an_encoders_weight_of_another_shape_is_named(
    tmp_path: Path, target: Path, mistake: Callable[..., str]
) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    file = Path(encoder.folder) / "model.safetensors"
    tensors = load_file(file)
    tensors["bert.pooler.dense.weight"] = torch.zeros(3, 16)
    save_file(tensors, file, metadata={"format": "pt"})
    message = mistake(beside(target, encoder), encoder.folder)
    assert "pooler.dense.weight" in message


@pytest.mark.parametrize("cut", [False, True], ids=["junk", "cut"])
def test_an_encoders_damaged_file(
    cut: bool, tmp_path: Path, target: Path, mistake: Callable[..., str]
) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    file = Path(encoder.folder) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100] if cut else b"not weights")
    assert encoder.folder in mistake(beside(target, encoder), encoder.folder)


def test_an_encoder_without_its_tokenizer(
    tmp_path: Path, target: Path, mistake: Callable[..., str]
) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    for name in ("tokenizer.json", "vocab.txt"):
        (Path(encoder.folder) / name).unlink()
    message = mistake(beside(target, encoder), encoder.folder)
    assert encoder.folder in message
    assert "tokenizer" in message


def test_an_encoder_of_an_unknown_kind(
    tmp_path: Path, target: Path, mistake: Callable[..., str]
) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    (Path(encoder.folder) / "config.json").write_text('{"model_type": "no_such_kind"}')
    assert "no_such_kind" in mistake(beside(target, encoder), encoder.folder)


def test_a_feature_that_the_encoder_lacks(
    tmp_path: Path, target: Path, mistake: Callable[..., str]
) -> None:
    encoder = write_encoder(tmp_path / "d", "distilbert")
    wrong = beside(target, encoder).model_copy(update={"feature": "pooler"})
    message = mistake(wrong, encoder.folder)
    assert message.startswith(f"error: {encoder.folder}: DistilBertModel has no pooler")
    assert "set `feature: first_token`" in message


def test_a_tokenizer_that_pads_with_another_token(
    tmp_path: Path, target: Path, mistake: Callable[..., str]
) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    config = Path(encoder.folder) / "config.json"
    config.write_text(config.read_text().replace('"pad_token_id": 0', '"pad_token_id": 1'))
    message = mistake(beside(target, encoder), encoder.folder)
    assert "config.json has pad_token_id = 1, its tokenizer pads with 0" in message
