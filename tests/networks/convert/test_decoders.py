"""Decoders as classifiers: which token is read, padding, masked words, and all stages in turn."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.conftest import DECODERS, END, write_decoder, write_encoder
from tests.data.test_texts import SPLIT
from tests.networks.convert.conftest import beside
from tests.networks.test_train import run_in
from whypretrain import explain_text, load_snapshot
from whypretrain.data.shifts import shifted
from whypretrain.data.texts import NO_TOKEN, Texts, Tokenizer
from whypretrain.interactions.forward import log_odds
from whypretrain.interactions.measure import Extractor
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.sampling import make_samples
from whypretrain.interactions.sharing.prefixes import SharedDecoder
from whypretrain.networks.build import (
    TextNetwork,
    build,
    classifier,
    load_all,
    load_backbone,
    penultimate,
    save_weights,
)
from whypretrain.networks.convert import read_encoder
from whypretrain.networks.probe import fit_classifier
from whypretrain.networks.train import evaluate, fit
from whypretrain.settings.interactions import ExtractSettings, SamplesSettings, Sampling
from whypretrain.settings.models import TextArchitecture
from whypretrain.settings.training import Probe, Recipe

CPU = torch.device("cpu")
LONG, SHORT = [1, 9, 10, 11, 0, 5], [1, 9, 0]
PADDED = torch.tensor([LONG, [*SHORT, NO_TOKEN, NO_TOKEN, NO_TOKEN]])


def network(architecture: TextArchitecture, n_classes: int = 3) -> TextNetwork:
    torch.manual_seed(0)
    model = build(architecture, n_classes).eval()
    assert isinstance(model, TextNetwork)
    return model


def test_the_feature_is_what_classifiers_of_transformers_read(decoder: TextArchitecture) -> None:
    """Theirs takes the last token that is not padding, which here is a token of no sentence."""
    model = network(decoder)
    config = transformers.AutoConfig.from_pretrained(decoder.folder)
    config.num_labels, config.pad_token_id = 3, 250
    classes: Any = transformers.AutoModelForSequenceClassification
    theirs = classes.from_config(config).eval()
    theirs.base_model.load_state_dict(model.encoder.state_dict())
    theirs.score.weight.data = model.head.weight.data
    assert not model.head.bias.any()
    shown = PADDED != NO_TOKEN
    with torch.inference_mode():
        expected = theirs(input_ids=PADDED.where(shown, 250), attention_mask=shown.long()).logits
        torch.testing.assert_close(model(PADDED), expected)
        torch.testing.assert_close(classifier(model)(penultimate(model, PADDED)), expected)


def test_padding_changes_nothing(decoder: TextArchitecture) -> None:
    model = network(decoder)
    with torch.inference_mode():
        alone = torch.cat([model(torch.tensor([ids])) for ids in (LONG, SHORT)])
        torch.testing.assert_close(model(PADDED), alone, atol=1e-6, rtol=1e-5)
        model.double()
        alone = torch.cat([model(torch.tensor([ids])) for ids in (LONG, SHORT)])
        torch.testing.assert_close(model(PADDED), alone, atol=1e-12, rtol=1e-11)
    assert (alone[0] - alone[1]).abs().max() > 1e-2


def test_not_a_bit_depends_on_what_stands_in_the_padding(decoder: TextArchitecture) -> None:
    model, shown = network(decoder), PADDED != NO_TOKEN
    with torch.inference_mode():
        feature = penultimate(model, PADDED)
        for filled in (0, 5, 250):
            ids = PADDED.where(shown, filled)
            states = model.encoder(input_ids=ids, attention_mask=shown.long()).last_hidden_state
            assert torch.equal(feature, torch.stack([states[0, 5], states[1, 2]]))


@pytest.mark.parametrize("kind", ["bert", "distilbert", "xlnet"])
def test_of_an_encoder_too(kind: str, tmp_path: Path) -> None:
    """Whose last token sees all others, so that padding must be hidden from it."""
    written = write_encoder(tmp_path / kind, kind)
    if kind == "xlnet":  # whose class token is the last
        size: dict[str, Any] = {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32}
        config = transformers.XLNetConfig(vocab_size=40, pad_token_id=0, **size)
        config.save_pretrained(written.folder)
    model = network(written.model_copy(update={"feature": "last_token"})).double()
    with torch.inference_mode():
        alone = torch.cat([model(torch.tensor([ids])) for ids in (LONG, SHORT)])
        torch.testing.assert_close(model(PADDED), alone, atol=1e-12, rtol=1e-11)


def test_masked_words_change_no_length_and_the_last_token_is_read(
    decoder: TextArchitecture,
) -> None:
    """The baseline token is also what tokenizers pad with: it must not be taken for padding."""
    texts = Texts(SPLIT, decoder, device=CPU)
    tokenizer = texts.tokenizer
    masked = shifted(texts, SPLIT, "masked_words", 1.0, 0)
    assert isinstance(masked, Texts)
    shortest = int(texts.lengths.argmin())
    chosen = torch.tensor([0, shortest])
    ids = masked.batch(chosen, None)
    lengths = texts.lengths[chosen]
    assert lengths[0] > lengths[1]
    assert (ids != NO_TOKEN).sum(dim=1).tolist() == lengths.tolist()
    assert tokenizer.mask == 0
    assert ids[1, lengths[1] - 1] == 0
    model = network(decoder).double()
    with torch.inference_mode():
        for row, length, found in zip(ids, lengths, penultimate(model, ids), strict=True):
            states = model.encoder(input_ids=row[None, :length]).last_hidden_state
            torch.testing.assert_close(found, states[0, -1], atol=1e-12, rtol=1e-11)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "baseline_token = null: the tokenizer has no mask token"),
        ("film noir", r"baseline_token = 'film noir': the tokenizer makes \['.*', '.*'.*\] of it"),
        ("é", r"baseline_token = 'é': the tokenizer makes \['.', '.'\] of it"),
    ],
)
def test_a_baseline_that_is_not_one_token(
    text: str | None,
    reason: str,
    decoder: TextArchitecture,
    target: Path,
    mistake: Callable[..., str],
) -> None:
    wrong = decoder.model_copy(update={"baseline_token": text})
    remedy = "; set baseline_token to a text that is one token, such as '_'"
    with pytest.raises(ValueError, match=rf"{decoder.folder}: {reason}{remedy}$"):
        Tokenizer(wrong)
    assert remedy in mistake(beside(target, wrong), wrong.folder)
    assert Tokenizer(wrong.model_copy(update={"baseline_token": "_"})).mask > 1


def test_an_encoders_baseline_may_be_chosen_but_not_as_padding(tmp_path: Path) -> None:
    bert = write_encoder(tmp_path / "bert", "bert")
    assert Tokenizer(bert).mask == 4
    assert Tokenizer(bert.model_copy(update={"baseline_token": "[UNK]"})).mask == 1
    assert Tokenizer(bert.model_copy(update={"baseline_token": "dull"})).mask > 4
    with pytest.raises(ValueError, match=r"baseline_token = '\[PAD\]': that is padding"):
        Tokenizer(bert.model_copy(update={"baseline_token": "[PAD]"}))
    with pytest.raises(ValueError, match=r"'nowhere': the tokenizer makes \['\[UNK\]'\] of it"):
        Tokenizer(bert.model_copy(update={"baseline_token": "nowhere"}))


@pytest.mark.parametrize("feature", ["pooler", "first_token"])
def test_other_features_of_a_decoder_are_refused(
    feature: str, decoder: TextArchitecture, target: Path, mistake: Callable[..., str]
) -> None:
    wrong = decoder.model_copy(update={"feature": feature})
    reason = "Model has no pooler" if feature == "pooler" else "Model is a decoder, whose first"
    message = rf"{reason}.* which feature = '{feature}' asks for; set `feature: last_token`"
    with pytest.raises(ValueError, match=message):
        build(wrong, 2)
    assert "set `feature: last_token`" in mistake(beside(target, wrong), decoder.folder)


@pytest.mark.parametrize("kind", DECODERS)
def test_heads_and_masks_of_published_files_are_passed_over(kind: str, tmp_path: Path) -> None:
    """The head of a classifier, and in GPT-2's file the triangles that its attention once used."""
    decoder = write_decoder(tmp_path / kind, kind)
    file = Path(decoder.folder) / "model.safetensors"
    tensors = load_file(file) | {"score.weight": torch.zeros(2, 16)}
    if kind == "GPT2":
        tensors |= {f"transformer.h.{i}.attn.bias": torch.ones(1, 1, 40, 40) for i in (0, 1)}
        tensors = {name.removeprefix("transformer."): value for name, value in tensors.items()}
    save_file(tensors, file, metadata={"format": "pt"})
    found = read_encoder(Path(decoder.folder), feature="last_token")
    assert found.keys() == network(decoder).state_dict().keys() - {"head.weight", "head.bias"}
    name = {"GPT2": "wte"}.get(kind, "embed_tokens")
    stored = {key.rpartition(f"{name}.")[2]: value for key, value in tensors.items() if name in key}
    assert torch.equal(found[f"encoder.{name}.weight"], stored["weight"])


def brute_force(model: TextNetwork, ids: Tensor, players: Tensor, mask: int, label: int) -> Any:
    """Interactions by eq. 2 as it stands, of outputs of one masked sentence at a time."""
    n = int(players.max()) + 1
    v = []
    for coalition in range(1 << n):
        pairs = zip(ids.tolist(), players.tolist(), strict=True)
        row = [mask if p >= 0 and not coalition >> p & 1 else token for token, p in pairs]
        v.append(float(log_odds(model(torch.tensor([row])), label)))
    return np.array(v), np.array(
        [
            sum((-1) ** (s.bit_count() - t.bit_count()) * v[t] for t in range(1 << n) if t & s == t)
            for s in range(1 << n)
        ]
    )


def test_from_a_folder_to_interactions(
    decoder: TextArchitecture, target: Path, run: Callable[..., None], tmp_path: Path
) -> None:
    architecture = beside(target, decoder)
    run(architecture, decoder.folder)
    data = Texts(SPLIT, architecture, device=CPU)

    probe = network(architecture, 2)
    load_backbone(probe, target)
    fitted = fit_classifier(probe, data, data, Probe(), label="probe")
    assert fitted.gradient_norm < 1e-8
    assert fitted.train.loss < math.log(2)
    assert evaluate(probe, data).loss == pytest.approx(fitted.train.loss, abs=1e-4)

    trained: dict[str, Any] = {}
    for variant in ("finetune", "scratch"):
        torch.manual_seed(1)
        one = build(architecture, 2)
        if variant == "finetune":
            load_backbone(one, target)
        before = {name: value.clone() for name, value in one.named_parameters()}
        recipe = Recipe(epochs=4, batch_size=3, learning_rate=0.01)
        start = evaluate(one, data).loss
        fit(one, data, data, run_in(tmp_path / variant, recipe, (0.0, 0.5, 1.0)))
        # GPT-2 has positions that no sentence reaches; all tensors move all the same.
        assert all(not value.equal(before[name]) for name, value in one.named_parameters())
        again = build(architecture, 2)
        load_all(again, tmp_path / variant / "1.0.safetensors")
        assert evaluate(again, data).loss == pytest.approx(evaluate(one, data).loss)
        assert evaluate(again, data).loss < start
        trained[variant] = again.eval()

    chosen: dict[str, Any] = {
        "per_class": 1,
        "players": {"kind": "words", "n": 6},
        "baseline": "mask_token",
    }
    sampling = Sampling.model_validate(chosen)
    samples = make_samples(
        SPLIT, SPLIT, SamplesSettings(sampling=sampling, architecture=architecture)
    )
    settings = ExtractSettings.model_validate(
        {"architecture": architecture.model_dump(), "background": "keep", "extraction": {}}
    )
    for model in (probe, *trained.values()):
        extractor = Extractor(model, samples, settings, CPU)
        assert isinstance(extractor.measured_by.forward, SharedDecoder)
        for position, sample in enumerate(samples.samples):
            assert set(sample.baseline.tolist()) == {0}
            (found,) = extractor.measure([position], ["0" * 16])
            with torch.inference_mode():
                ids, players = (torch.from_numpy(a) for a in (sample.inputs, sample.players))
                v, expected = brute_force(model, ids, players, 0, sample.label)
            np.testing.assert_allclose(found.outputs, v, atol=2e-5)
            np.testing.assert_allclose(mobius(found.outputs), expected, atol=1e-3)
            assert v.std() > 1e-2


def test_in_a_notebook(decoder: TextArchitecture, tmp_path: Path) -> None:
    model = network(decoder)
    path = tmp_path / "run" / "snapshot-1.0000.safetensors"
    path.parent.mkdir()
    settings = f'{{"architecture": {decoder.to_json()}, "seed": 0}}'
    save_weights(path, model.state_dict(), {"fraction": 1.0, "settings": settings})
    snapshot = load_snapshot(path.parent)
    found = explain_text(snapshot, snapshot.tokenizer, "a truly lovely film", label=1)
    ids, players = Tokenizer(decoder).ids("a truly lovely film"), torch.from_numpy(found.players)
    with torch.inference_mode():
        v, _ = brute_force(model, torch.from_numpy(ids), players, 0, 1)
        np.testing.assert_allclose(found.outputs, v, atol=2e-5)
    underscore = {"baseline_token": "_"}
    other = explain_text(snapshot, snapshot.tokenizer, "a film", label=1, **underscore)
    assert other.outputs[-1] != other.outputs[0]
    with pytest.raises(ValueError, match="no mask token; set baseline_token"):
        explain_text(model, snapshot.tokenizer, "a truly lovely film")
    with pytest.raises(ValueError, match="not have a padding token"):
        snapshot.tokenizer(["a film", "a"], padding=True)


def test_classifiers_of_transformers_in_a_notebook(decoder: TextArchitecture) -> None:
    classes: Any = transformers.AutoModelForSequenceClassification
    model = classes.from_pretrained(decoder.folder).eval()
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(decoder.folder)
    model.config.pad_token_id = tokenizer.convert_tokens_to_ids("z")
    found = explain_text(model, tokenizer, "a lovely film", label=1, baseline_token=END)
    first = tokenizer("a")["input_ids"]
    rest = [0] * (len(tokenizer("a lovely film")["input_ids"]) - len(first))
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[*first, *rest]])).logits
    assert found.outputs[0b001] == pytest.approx(float(log_odds(logits, 1)), abs=1e-5)
    # The last token is then sought before the masked words.
    model.config.pad_token_id = 0
    with pytest.raises(ValueError, match="that is padding, which the network is not shown"):
        explain_text(model, tokenizer, "a lovely film", baseline_token=END)
