"""Tokens, words and padding."""

import numpy as np
import pytest
import torch

from tests.conftest import SENTENCES
from whypretrain.data.table import Split
from whypretrain.data.texts import Texts, Tokenizer
from whypretrain.settings.models import TextArchitecture

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


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_sentences_of_like_length_share_a_batch(
    encoder: TextArchitecture, seed: int | None
) -> None:
    lengths = np.random.default_rng(0).integers(1, 9, size=640)
    sentences = [" ".join(["film"] * length) for length in lengths]
    split = SPLIT._replace(texts=sentences, labels=[0] * 640, ids=[""] * 640)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    order = list(Texts(split, encoder).sampler(4, generator))
    assert sorted(order) == list(range(640))
    in_batches = lengths[order].reshape(-1, 4)
    padding = (in_batches.max(axis=1, keepdims=True) - in_batches).sum()
    as_they_come = lengths.reshape(-1, 4)
    assert padding < (as_they_come.max(axis=1, keepdims=True) - as_they_come).sum() / 3
    again = None if seed is None else torch.Generator().manual_seed(seed)
    assert order == list(Texts(split, encoder).sampler(4, again))
