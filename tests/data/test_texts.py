"""Tokens, words and padding."""

import numpy as np
import pytest
import torch

from tests.conftest import SENTENCES
from whypretrain.data.table import Split
from whypretrain.data.texts import Texts, Tokenizer
from whypretrain.settings.models import TextArchitecture

CPU = torch.device("cpu")
SPLIT = Split(
    task="text",
    classes=["negative", "positive"],
    ids=[str(index) for index in range(len(SENTENCES))],
    images=[],
    texts=[text for text, _ in SENTENCES],
    labels=[label for _, label in SENTENCES],
    annotations=[""] * len(SENTENCES),
)


def test_sub_tokens_belong_to_their_word_and_punctuation_to_none(
    encoder: TextArchitecture,
) -> None:
    found = Tokenizer(encoder)("a lovely film , full")
    assert found.words == ["a", "lovely", "film", ",", "full"]
    assert found.word_of_token.tolist() == [-1, 0, 1, 1, 2, -1, 4, -1]
    assert len(found.ids) == 8
    assert not found.cut


def test_a_sentence_that_is_cut_says_so(encoder: TextArchitecture) -> None:
    short = encoder.model_copy(update={"max_tokens": 5})
    found = Tokenizer(short)("a lovely film , full of warmth")
    assert found.cut
    assert len(found.ids) == 5


def test_batches_are_padded_to_their_longest(encoder: TextArchitecture) -> None:
    texts = Texts(SPLIT, encoder, device=CPU)
    ids = texts.batch(torch.tensor([4, 5]), None)
    assert ids.shape == (2, 5)
    assert ids[1].tolist()[3:] == [0, 0]
    assert ids.dtype == torch.int64
    assert {int(length) for length in texts.lengths} == {
        len(i) for i in map(texts.tokenizer.ids, SPLIT.texts)
    }


def test_labels_go_with_their_sentences(encoder: TextArchitecture) -> None:
    texts = Texts(SPLIT, encoder, device=CPU)
    expected = {tuple(texts.tokenizer.ids(text).tolist()): label for text, label in SENTENCES}
    for seed in (None, 1):
        found = {
            tuple(i for i in row.tolist() if i): int(label)
            for ids, labels in texts.batches(4, seed=seed)
            for row, label in zip(ids, labels, strict=True)
        }
        assert found == expected


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_sentences_of_like_length_share_a_batch(
    encoder: TextArchitecture, seed: int | None
) -> None:
    lengths = np.random.default_rng(0).integers(1, 9, size=640)
    sentences = [" ".join(["film"] * length) for length in lengths]
    split = SPLIT._replace(texts=sentences, labels=[0] * 640, ids=[""] * 640)
    texts = Texts(split, encoder, device=CPU)

    def order() -> list[int]:
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return texts.order(4, generator).tolist()

    assert sorted(order()) == list(range(640))
    in_batches = lengths[order()].reshape(-1, 4)
    padding = (in_batches.max(axis=1, keepdims=True) - in_batches).sum()
    as_they_come = lengths.reshape(-1, 4)
    assert padding < (as_they_come.max(axis=1, keepdims=True) - as_they_come).sum() / 3
    assert order() == order()
