"""Text networks: the penultimate feature of each family, masking of padding, loading of weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import write_encoder
from whypretrain.files.artifacts import ArtifactError
from whypretrain.networks.build import build, classifier, head_keys, penultimate
from whypretrain.networks.convert import read_encoder
from whypretrain.settings.models import TextArchitecture

TOKENS = torch.tensor([[2, 9, 10, 11, 3], [2, 9, 3, 0, 0]])


def test_the_feature_is_berts_pooled_output_or_distilberts_first_token(
    encoder: TextArchitecture,
) -> None:
    torch.manual_seed(0)
    model = build(encoder, 2).eval()
    mask = (TOKENS != 0).long()
    outputs = model.encoder(input_ids=TOKENS, attention_mask=mask)  # type: ignore[operator]
    pooled = encoder.feature == "pooler"
    expected = outputs.pooler_output if pooled else outputs.last_hidden_state[:, 0]
    torch.testing.assert_close(penultimate(model, TOKENS), expected)
    torch.testing.assert_close(classifier(model)(expected), model(TOKENS))
    assert head_keys(model) == {"head.weight", "head.bias"}


def test_bert_without_its_pooler(tmp_path: Path) -> None:
    architecture = write_encoder(tmp_path / "bert", "bert")
    plain = architecture.model_copy(update={"feature": "first_token"})
    weights = read_encoder(Path(plain.folder), feature="first_token")
    model = build(plain, 2)
    assert weights.keys() == model.state_dict().keys() - head_keys(model)
    assert not [name for name in weights if "pooler" in name]


def test_padding_changes_nothing(encoder: TextArchitecture) -> None:
    model = build(encoder, 2).eval()
    torch.testing.assert_close(model(TOKENS)[1:], model(TOKENS[1:, :3]), atol=1e-6, rtol=1e-5)


def test_weights_of_a_masked_language_model_fit_but_for_its_head(
    encoder: TextArchitecture,
) -> None:
    weights = read_encoder(Path(encoder.folder), feature=encoder.feature)
    model = build(encoder, 2)
    assert weights.keys() == model.state_dict().keys() - head_keys(model)
    stored = load_file(Path(encoder.folder) / "model.safetensors")
    kind = "bert" if encoder.feature == "pooler" else "distilbert"
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(weights[f"encoder.{name}"], stored[f"{kind}.{name}"])


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_any_other_difference_is_an_error(change: str, tmp_path: Path) -> None:
    architecture = write_encoder(tmp_path / "bert", "bert")
    file = Path(architecture.folder) / "model.safetensors"
    tensors = load_file(file)
    if change == "missing":
        del tensors["bert.encoder.layer.1.output.dense.weight"]
    else:
        tensors["bert.encoder.layer.9.output.dense.weight"] = torch.zeros(2)
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ArtifactError, match=rf"{change} \['.*output\.dense\.weight'\]"):
        read_encoder(Path(architecture.folder), feature="pooler")


def test_a_feature_that_the_encoder_lacks_is_refused(tmp_path: Path) -> None:
    architecture = write_encoder(tmp_path / "d", "distilbert")
    wrong = architecture.model_copy(update={"feature": "pooler"})
    with pytest.raises(ValueError, match=r"DistilBertModel has no pooler.*`feature: first_token`"):
        build(wrong, 2)
    with pytest.raises(ArtifactError, match="no transformers configuration"):
        build(architecture.model_copy(update={"folder": str(tmp_path / "nothing")}), 2)
