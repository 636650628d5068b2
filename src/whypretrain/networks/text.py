"""Text networks: a transformers encoder, its penultimate feature and a linear classifier.

One head for all encoders, so that the three models of an experiment are the same network and the
linear probe sees the feature that fine-tuning starts from.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from whypretrain.data.texts import CONFIG, check_folder, transformers
from whypretrain.files.artifacts import ArtifactError, damaged
from whypretrain.settings.models import TextArchitecture

HEADS = ("cls.", "classifier.", "pre_classifier.", "vocab_", "lm_head.", "qa_outputs.")
"""Beginnings of keys that are heads of other tasks, which weights of an encoder may hold."""


class TextNetwork(nn.Module):
    """From token ids, int64 of shape (batch, length), to logits of shape (batch, n_classes)."""

    def __init__(self, encoder: nn.Module, architecture: TextArchitecture, n_classes: int) -> None:
        super().__init__()
        settings: Any = encoder.config
        self.encoder = encoder
        self.padding = settings.pad_token_id
        self.from_pooler = architecture.feature == "pooler"
        self.dropout = nn.Dropout(getattr(settings, "hidden_dropout_prob", 0.1))
        self.head = nn.Linear(settings.hidden_size, n_classes)
        nn.init.normal_(self.head.weight, std=getattr(settings, "initializer_range", 0.02))
        nn.init.zeros_(self.head.bias)

    def features(self, tokens: Tensor) -> Tensor:
        """Penultimate feature, shape (batch, n_features): pooled output or first token's state."""
        outputs = self.encoder(input_ids=tokens, attention_mask=(tokens != self.padding).long())
        if self.from_pooler:
            return outputs.pooler_output
        return outputs.last_hidden_state[:, 0]

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.dropout(self.features(tokens)))


def build_text(architecture: TextArchitecture, n_classes: int) -> TextNetwork:
    """A randomly initialised text network.

    Raises
    ------
    ArtifactError
        If the folder holds no configuration that transformers knows, or a file in it is damaged.
    ValueError
        If the encoder has no pooler and the feature is `pooler`.
    """
    folder = Path(architecture.folder)
    check_folder(folder)
    try:
        config = transformers().AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        encoder = transformers().AutoModel.from_config(config, trust_remote_code=False)
    except Exception as error:  # the library raises what it comes upon
        reason = f"no transformers configuration ({' '.join(str(error).split())})"
        raise damaged(folder, reason, made_with=folder / CONFIG) from error
    if architecture.feature == "pooler" and getattr(encoder, "pooler", None) is None:
        message = f"feature = 'pooler': {type(encoder).__name__} has none; use 'first_token'"
        raise ValueError(message)
    if architecture.feature == "first_token" and hasattr(encoder, "pooler"):
        encoder.pooler = None  # weights that nothing uses would only have to be found
    return TextNetwork(encoder.float(), architecture, n_classes)


def read_encoder(folder: Path, *, with_pooler: bool) -> dict[str, Tensor]:
    """Weights of a pre-trained encoder, float32, named as in :class:`TextNetwork`.

    Raises
    ------
    ArtifactError
        If a weight of the encoder is missing or of another shape, or the file holds a weight that
        is neither the encoder's nor another task's head. A missing pooler is fine where the feature
        does not come from it.
    """
    try:
        encoder, found = transformers().AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,  # a folder may name Python files of its own to run
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # named below
            dtype=torch.float32,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        message = f"{folder}: no transformers model ({' '.join(str(error).split())})"
        raise ArtifactError(message) from error
    missing = {key for key in found["missing_keys"] if with_pooler or not key.startswith("pooler.")}
    extra = {key for key in found["unexpected_keys"] if not key.startswith(HEADS)}
    if missing or extra or found["mismatched_keys"]:
        message = (
            f"{folder}: weights do not fit {type(encoder).__name__}: missing {sorted(missing)}, "
            f"extra {sorted(extra)}, of another shape {sorted(map(str, found['mismatched_keys']))}"
        )
        raise ArtifactError(message)
    weights = encoder.state_dict()
    return {
        f"encoder.{name}": value
        for name, value in weights.items()
        if with_pooler or not name.startswith("pooler.")
    }
