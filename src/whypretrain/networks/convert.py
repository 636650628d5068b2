"""Reading pre-trained weights from a hub's or a local folder, checked key by key."""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from whypretrain.data.texts import Tokenizer, transformers
from whypretrain.files.artifacts import FETCHED, ArtifactError, atomic_path, check_download
from whypretrain.networks.build import (
    build,
    check_feature,
    check_input,
    head_keys,
    misfit,
    misfit_of,
    not_finite,
)
from whypretrain.settings.base import configured_path
from whypretrain.settings.models import SET_HERE, Architecture, ImageArchitecture, TextArchitecture

PICKLES = {".pt", ".pth", ".bin", ".ckpt", ".tar", ".pkl", ".pickle"}
"""How files of pickled weights are called."""
HEADS = (
    *("cls.", "classifier.", "pre_classifier.", "vocab_", "lm_head.", "qa_outputs."),
    *("discriminator_predictions.", "generator_predictions.", "generator_lm_head."),  # ELECTRA's
    *("lm_predictions.", "mask_predictions.", "head.", "decoder."),  # DeBERTa's, ModernBERT's
    *("lm_loss.", "logits_proj.", "sequence_summary."),  # XLNet's
    *("predictions.", "sop_classifier."),  # ALBERT's
    "score.",  # of decoders that classify
)
"""Beginnings of keys that are heads of other tasks, which weights of an encoder may hold."""


def pretrained_weights(architecture: Architecture, source: str) -> dict[str, Tensor]:
    """Weights for an architecture but for its classifier, from a file or folder, checked.

    A text model's configuration and tokenizer are copied into the architecture's folder.

    Parameters
    ----------
    source : a configured path; environment variables in it are replaced

    Raises
    ------
    ArtifactError
        If the weights do not fit, are not finite, or are not as they were downloaded; or if the
        folder's config.json describes another timm model.
    ValueError
        If nothing is there, or a variable is not set.
    """
    path = configured_path(source, "weights.path")
    if not path.exists():
        message = f"weights.path = {source!r}: no file or folder is there"
        raise ValueError(message)
    if (path / FETCHED).is_file():
        check_download(path)
    if isinstance(architecture, ImageArchitecture):
        tensors = _image_weights(architecture, path)
    else:
        tensors = _text_weights(architecture, path)
    if broken := not_finite(tensors):
        message = f"{path}: weights that are not finite: {broken}"
        raise ArtifactError(message)
    return tensors


def _image_weights(architecture: ImageArchitecture, source: Path) -> dict[str, Tensor]:
    file = source / "model.safetensors" if source.is_dir() else source
    if source.is_dir() and (source / "config.json").exists():
        _check_local_dir(architecture, source / "config.json")
    try:
        tensors = load_file(file)
    except (SafetensorError, OSError) as error:
        message = f"{file}: cannot be read as weights ({error})"
        files = source.iterdir() if source.is_dir() else [source]
        if pickles := sorted(path.name for path in files if path.suffix in PICKLES):
            # Reading them could run what a stranger wrote.
            remedy = "which is never read: save the weights as safetensors"
            message += f"; {pickles[0]} is pickled, {remedy}"
        raise ArtifactError(message) from error
    with torch.device("meta"):
        model = build(architecture, 2)
    heads = head_keys(model)
    expected = {key: value for key, value in model.state_dict().items() if key not in heads}
    found = {key: value for key, value in tensors.items() if key not in heads}
    if reason := misfit(found, expected, architecture.timm):
        message = f"{file}: {reason}"
        raise ArtifactError(message)
    check_input(architecture)
    return {
        key: value.float() if value.is_floating_point() else value for key, value in found.items()
    }


def _check_local_dir(architecture: ImageArchitecture, path: Path) -> None:
    """Check timm's description of a folder: its name and options must give the same network.

    timm writes options that are defaults, too, and into some folders none: what counts is whether
    the described options change the configured network. Names and shapes are checked elsewhere.
    """
    plain = architecture.timm.split(".")[0]
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        name = described.get("architecture", plain)
        given = described.get("model_args") or {}
        options = {key: value for key, value in given.items() if key not in SET_HERE}
        both = architecture.model_copy(update={"options": {**architecture.options, **options}})
        with torch.device("meta"):
            same = name == plain and str(build(both, 2)) == str(build(architecture, 2))
    except (ValueError, AttributeError) as error:
        message = f"{path}: does not describe a timm model ({error})"
        raise ArtifactError(message) from error
    if not same:
        message = (
            f"{path}: describes timm = '{name}', options = {options}; the configuration says "
            f"timm = '{architecture.timm}', options = {architecture.options}"
        )
        raise ArtifactError(message)


def _text_weights(architecture: TextArchitecture, source: Path) -> dict[str, Tensor]:
    """Weights of an encoder; its configuration and tokenizer go into the architecture's folder."""
    if not any((source / name).exists() for name in ("tokenizer.json", "vocab.txt")):
        message = f"{source}: holds no tokenizer (tokenizer.json or vocab.txt)"
        raise ArtifactError(message)  # transformers would make one up that knows no word
    weights = read_encoder(source, feature=architecture.feature)
    target = Path(architecture.folder)
    library = transformers()
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".") as name:
        folder = Path(name)
        for kind in (library.AutoConfig, library.AutoTokenizer):
            found = kind.from_pretrained(source, local_files_only=True, trust_remote_code=False)
            found.save_pretrained(folder)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with atomic_path(target / path.relative_to(folder)) as temporary:
                shutil.copyfile(path, temporary)
    model, tokenizer = build(architecture, 2).eval(), Tokenizer(architecture)
    if model.padding != tokenizer.padding:
        message = (
            f"{source}: config.json has pad_token_id = {model.padding}, its tokenizer pads with "
            f"{tokenizer.padding}; set pad_token_id to that"
        )
        raise ArtifactError(message)
    # One sentence of the longest length and the last word.
    n_words = len(tokenizer)
    try:
        with torch.inference_mode():
            model(torch.full((1, architecture.max_tokens), n_words - 1))
    except (IndexError, RuntimeError, ValueError) as error:
        message = (
            f"{source}: the encoder does not take max_tokens = {architecture.max_tokens} tokens of "
            f"a tokenizer that has {n_words} ({error}); lower max_tokens, or give the encoder its "
            f"own tokenizer"
        )
        raise ArtifactError(message) from error
    return weights


def read_encoder(folder: Path, *, feature: str) -> dict[str, Tensor]:
    """Weights of a pre-trained encoder, float32, named as in :class:`TextNetwork`.

    Raises
    ------
    ArtifactError
        If a weight of the encoder is missing or of another shape, or the file holds a weight that
        is neither the encoder's nor another task's head. A missing pooler is fine where the feature
        does not come from it.
    ValueError
        If the encoder does not have the feature.
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
    check_feature(encoder, feature, folder)
    unused = ("pooler.",) if feature != "pooler" else ()
    missing = {key for key in found["missing_keys"] if not key.startswith(unused)}
    extra = {key for key in found["unexpected_keys"] if not key.startswith(HEADS + unused)}
    shapes = set(map(str, found["mismatched_keys"]))
    if reason := misfit_of(missing, extra, shapes, type(encoder).__name__):
        message = f"{folder}: {reason}"
        raise ArtifactError(message)
    return {
        f"encoder.{name}": value
        for name, value in encoder.state_dict().items()
        if not name.startswith(unused)
    }
