"""Every letter of a word is masked with it, whatever the tokenizer."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from whypretrain.data.texts import NO_WORD, tokenise

CORPUS = [
    "the plot is dull and the jokes are painfully unfunny",
    "naïve café, déjà vu: 😀 a good 👍🏽 film",
    "这部 电影 很好",
    "电影很好看",
    "don't stop; it's (really) great!",
]
UNKNOWN = "[UNK]"
SPECIAL = [UNKNOWN, "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    *("the", "plot", "unseen", "Zebra", "don't", "(really)", "film,", "café", "e\u0301tude"),
    *(
        "déjà",
        "ﬁne",
        "😀",
        "good👍🏽",
        "👩\u200d👧",
        "电影",
        "很好看",
        "好",
        "2026",
        "a",
        ",",
        "...",
        "—",
    ),
]


FAST: Any = PreTrainedTokenizerFast


def trained(kind: str) -> Any:
    """A small tokenizer of a kind that encoders use."""
    trainer: Any
    if kind.startswith("byte-level BPE"):
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(
            add_prefix_space="prefix" in kind, trim_offsets=False
        )
        made.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )
    elif kind == "WordPiece":
        made = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
        made.normalizer = normalizers.BertNormalizer()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=SPECIAL)
    else:
        made = Tokenizer(models.Unigram())
        # As SentencePiece does by default: compatibility forms, and any white space is a space.
        made.normalizer = normalizers.Sequence(
            [normalizers.NFKC(), normalizers.Replace(Regex(r"\s"), " ")]
        )
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        size = 120 if kind == "Unigram" else 70
        trainer = trainers.UnigramTrainer(
            vocab_size=size, special_tokens=SPECIAL, unk_token=UNKNOWN, show_progress=False
        )
    made.train_from_iterator(CORPUS * 5, trainer)
    names = dict(zip(("unk", "pad", "cls", "sep", "mask"), SPECIAL, strict=True))
    return FAST(tokenizer_object=made, **{f"{name}_token": token for name, token in names.items()})


KINDS = ("byte-level BPE", "byte-level BPE with prefix", "WordPiece", "Unigram", "short Unigram")
TOKENIZERS = {kind: trained(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_masking_a_word_leaves_no_letter_of_it(kind: str, data: st.DataObject) -> None:
    tokenizer = TOKENIZERS[kind]
    words = data.draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))
    spaces = data.draw(
        st.lists(
            st.sampled_from([" ", "  ", "\u00a0", "\t"]),
            min_size=len(words),
            max_size=len(words),
        )
    )
    sentence = "".join(map("".join, zip(words, spaces, strict=True)))
    found = tokenise(tokenizer, sentence, 1000)
    assert found.words == words
    spans = tokenizer(sentence, return_offsets_mapping=True)["offset_mapping"]
    for index, match in enumerate(re.finditer(r"\S+", sentence)):
        own = np.flatnonzero(found.word_of_token == index)
        if not re.search(r"\w", match[0]):
            assert own.size == 0
            continue
        hidden = {at for token in own for at in range(*spans[token])}
        shown = {
            at
            for token in np.flatnonzero(found.word_of_token != index)
            for at in range(*spans[token])
        }
        letters = {at for at in range(*match.span()) if re.match(r"\w", sentence[at])}
        assert letters <= hidden
        assert not shown & set(range(*match.span()))


def test_the_space_before_a_word_is_counted_to_it() -> None:
    tokenizer = TOKENIZERS["Unigram"]
    found = tokenise(tokenizer, "the plot is dull", 100)
    shown = tokenizer.convert_ids_to_tokens(found.ids[found.word_of_token == NO_WORD].tolist())
    assert not re.search(r"[a-z]", "".join(shown))
    assert set(found.word_of_token.tolist()) - {NO_WORD} == {0, 1, 2, 3}


def test_a_word_without_a_token_is_an_error() -> None:
    bare = Tokenizer(models.WordLevel({UNKNOWN: 0, "[MASK]": 1, "film": 2}, unk_token=UNKNOWN))
    bare.normalizer = normalizers.Replace("ʰ", "")
    bare.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = FAST(tokenizer_object=bare, unk_token=UNKNOWN)
    assert tokenise(tokenizer, "a film", 10).word_of_token.tolist() == [0, 1]
    with pytest.raises(ValueError, match="sentence 'a ʰ film': the tokenizer makes no token of"):
        tokenise(tokenizer, "a ʰ film", 10)


def test_words_that_share_a_token_are_an_error() -> None:
    whole = Tokenizer(models.WordLevel({UNKNOWN: 0}, unk_token=UNKNOWN))
    tokenizer = FAST(tokenizer_object=whole, unk_token=UNKNOWN)
    with pytest.raises(ValueError, match="the words 'a film' share a token"):
        tokenise(tokenizer, "a film", 10)
