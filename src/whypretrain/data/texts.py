"""From sentences to a text network's input: token ids, and which word each token belongs to."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from whypretrain.data.batches import Inputs
from whypretrain.data.table import Split
from whypretrain.files.artifacts import ArtifactError, damaged, verified
from whypretrain.settings.models import TextArchitecture

NO_WORD = -1
NO_TOKEN = -1
"""What pads sentences where the feature is the last token's: decoders have no token for it alone,
and one that stands for padding and in sentences, too, would leave open where these end."""
CONFIG, TOKENIZER = "config.json", "tokenizer.json"  # the workflow makes them together


class Tokens(NamedTuple):
    """One sentence.

    `ids`: token ids, (length,) int64. `word_of_token`: the word of each token, -1 for special
    tokens and for words without a letter or digit. `words`: the words. `cut`: whether the end is
    missing.
    """

    ids: NDArray[np.int64]
    word_of_token: NDArray[np.int64]
    words: list[str]
    cut: bool


class Tokenizer:
    """A transformers tokenizer, with words split at white space.

    Raises
    ------
    ArtifactError
        If the folder holds no fast tokenizer, or one without the padding token that is needed.
    ValueError
        If the configured baseline token is not one token that is in use for nothing else, or there
        is none and no mask token either.

    Attributes
    ----------
    mask : what replaces every token of a masked word
    padding : what stands behind a sentence that is shorter than others of its batch
    """

    def __init__(self, architecture: TextArchitecture) -> None:
        folder = Path(architecture.folder)
        check_folder(folder)
        if not (folder / TOKENIZER).is_file():  # the library would make one up that knows no word
            raise damaged(folder, f"{TOKENIZER} is missing", made_with=folder / CONFIG)
        try:
            self._tokenizer = transformers().AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # the library below raises nothing more special
            reason = f"no tokenizer ({' '.join(str(error).split())})"
            raise damaged(folder, reason, made_with=folder / CONFIG) from error
        self.max_tokens = architecture.max_tokens
        found = self._tokenizer
        found.model_max_length = architecture.max_tokens
        reads_last = architecture.feature == "last_token"
        if not found.is_fast or (found.pad_token_id is None and not reads_last):
            message = (
                f"{folder}: masking words needs a fast tokenizer, with a padding token where "
                f"feature = '{architecture.feature}'"
            )
            raise ArtifactError(message)
        self.padding: int = NO_TOKEN if reads_last else found.pad_token_id
        if reads_last:
            found.pad_token = None  # which the network would take for text
        try:
            self.mask = baseline_id(found, architecture.baseline_token, padding=self.padding)
        except ValueError as error:
            message = f"{folder}: {error}"
            raise ValueError(message) from error

    def __len__(self) -> int:
        return len(self._tokenizer)

    @property
    def of_transformers(self) -> Any:
        """The library's own tokenizer, which knows the largest number of tokens."""
        return self._tokenizer

    def ids(self, sentence: str) -> NDArray[np.int64]:
        """Token ids of one sentence, (length,), with the special tokens of the model."""
        found = self._tokenizer(sentence, truncation=True, max_length=self.max_tokens)
        return np.array(found["input_ids"], dtype=np.int64)

    def __call__(self, sentence: str) -> Tokens:
        """Tokens of one sentence, with the special tokens of the model."""
        return tokenise(self._tokenizer, sentence, self.max_tokens)


def baseline_id(tokenizer: Any, text: str | None, *, padding: int | None) -> int:
    """The token that replaces every token of a masked word.

    Parameters
    ----------
    tokenizer : a fast tokenizer of transformers'
    text : the text of that token; None for the tokenizer's mask token
    padding : the token that the network takes for padding, if it takes one for that

    Raises
    ------
    ValueError
        If the text is not one token, is padding, or there is neither a text nor a mask token.
    """
    ids, given, reason = [tokenizer.mask_token_id], "null", ""
    if text is not None:
        ids, given = tokenizer(text, add_special_tokens=False)["input_ids"], f"'{text}'"
        if len(ids) != 1 or (ids[0] == tokenizer.unk_token_id and text != tokenizer.unk_token):
            reason = f"the tokenizer makes {tokenizer.convert_ids_to_tokens(ids)} of it"
    elif ids == [None]:
        reason = "the tokenizer has no mask token"
    if ids == [padding]:
        reason = "that is padding, which the network is not shown"
    if reason:
        remedy = "set baseline_token to a text that is one token, such as '_'"
        message = f"baseline_token = {given}: {reason}; {remedy}"
        raise ValueError(message)
    return int(ids[0])


def tokenise(tokenizer: Any, sentence: str, max_tokens: int) -> Tokens:
    """Tokens of one sentence under a fast tokenizer of transformers', cut to `max_tokens`.

    A token belongs to the word of the first character in its span that is no space: tokenizers
    with a Metaspace (DeBERTa-v3, ALBERT, XLNet, T5) count the space before a word to its token.

    Raises
    ------
    ValueError
        If a word could not be masked by itself: it has no token, or shares one with its neighbour.
    """
    encoded = tokenizer(
        sentence, truncation=True, max_length=max_tokens, return_offsets_mapping=True
    )
    words = list(re.finditer(r"\S+", sentence))
    masked = [re.search(r"\w", word[0]) is not None for word in words]
    word_at = np.full(len(sentence), NO_WORD)
    for index, word in enumerate(words):
        word_at[word.start() : word.end()] = index
    of_token = []
    for start, end in encoded["offset_mapping"]:
        touched = [index for index in np.unique(word_at[start:end]).tolist() if index != NO_WORD]
        if len(touched) > 1 and any(masked[index] for index in touched):
            shared = " ".join(words[index][0] for index in touched)
            message = (
                f"sentence '{_shortened(sentence)}': the words '{shared}' share a token, so that "
                "none of them can be masked alone; use a tokenizer that splits at white space"
            )
            raise ValueError(message)
        of_token.append(touched[0] if touched and masked[touched[0]] else NO_WORD)
    last = max((end for _, end in encoded["offset_mapping"]), default=0)
    cut = last < len(sentence.rstrip())
    bare = [words[i][0] for i in range(len(words)) if masked[i] and i not in of_token]
    if bare and not cut:
        message = (
            f"sentence '{_shortened(sentence)}': the tokenizer makes no token of '{bare[0]}', "
            "so that this word cannot be masked; remove the word or the sentence"
        )
        raise ValueError(message)
    return Tokens(
        ids=np.array(encoded["input_ids"], dtype=np.int64),
        word_of_token=np.array(of_token, dtype=np.int64),
        words=[word[0] for word in words],
        cut=cut,
    )


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= 80 else f"{sentence[:77]}..."


class Texts(Inputs):
    """Token ids of a split's sentences, (batch, longest) int64, padded to the longest in the batch.

    Attributes
    ----------
    ids : (n_items, longest), int64, on the device
    lengths : (n_items,), int64, on the CPU
    """

    def __init__(
        self, split: Split, architecture: TextArchitecture, *, device: torch.device
    ) -> None:
        self.device, self.tokenizer = device, Tokenizer(architecture)
        self.labels = torch.tensor(split.labels, device=device)
        tokens = [torch.from_numpy(self.tokenizer.ids(text)) for text in split.texts]
        self.lengths = torch.tensor([len(ids) for ids in tokens])
        padded = torch.nn.utils.rnn.pad_sequence(
            tokens, batch_first=True, padding_value=self.tokenizer.padding
        )
        self.ids = padded.to(device)

    def batch(self, index: Tensor, drawn: Tensor | None) -> Tensor:
        """Token ids."""
        del drawn
        longest = int(self.lengths[index].max())
        return self.ids[index.to(self.device), :longest]

    def order(self, batch_size: int, generator: torch.Generator | None) -> Tensor:
        """An order in which sentences of like length share a batch, so that few tokens are padding.

        Random with a generator (transformers calls it `group_by_length`), else longest first. With
        SST-2 an epoch takes less than half the time.
        """
        if generator is None:
            return torch.argsort(self.lengths, descending=True, stable=True)
        grouped = transformers().trainer_pt_utils.LengthGroupedSampler
        return torch.tensor(
            list(grouped(batch_size, lengths=self.lengths.tolist(), generator=generator))
        )


def check_folder(folder: Path) -> None:
    """Check the files of a configuration and tokenizer against their sums.

    Raises
    ------
    ArtifactError
        If one is another than was written.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            verified(path, made_with=folder / CONFIG)


def transformers() -> Any:
    """The library, imported on first use: image stages need not wait for it."""
    import transformers as library  # noqa: PLC0415  (it takes seconds)

    return library
