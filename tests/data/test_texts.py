"""Tokens, words and padding."""

import torch

from tests.conftest import SENTENCES
from whypretrain.config.models import TextArchitecture
from whypretrain.data.table import Split
from whypretrain.data.texts import Texts, Tokenizer

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
    texts = Texts(SPLIT, encoder)
    ids, labels = texts.collate([texts[4], texts[5]])
    assert ids.shape == (2, 5)
    assert ids[1].tolist()[3:] == [0, 0]
    assert labels.tolist() == [1, 0]
    assert ids.dtype == torch.int64
