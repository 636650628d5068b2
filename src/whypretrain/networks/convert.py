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
from whypretrain.files.artifacts import ArtifactError, atomic_path
from whypretrain.files.downloads import FETCHED, check_download
from whypretrain.networks.build import build, check_finite, check_input, check_keys, head_keys
from whypretrain.networks.text import build_text, read_encoder
from whypretrain.settings.base import configured_path
from whypretrain.settings.models import (
    SET_HERE,
    Architecture,
    ImageArchitecture,
    TextArchitecture,
)

PICKLES = {".pt", ".pth", ".bin", ".ckpt", ".tar", ".pkl", ".pickle"}
"""How files of pickled weights are called."""


def _locate(source: str) -> Path:
    """A configured path with environment variables replaced.

    Raises
    ------
    ValueError
        If a variable is not set or nothing is there.
    """
    path = configured_path(source, "weights.path")
    if not path.exists():
        message = f"weights.path = {source!r}: no file or folder is there"
        raise ValueError(message)
    return path


def pretrained_weights(architecture: Architecture, source: str) -> dict[str, Tensor]:
    """Weights for an architecture but for its classifier, from a file or folder, checked.

    A text model's configuration and tokenizer are copied into the architecture's folder.

    Raises
    ------
    ArtifactError
        If the weights do not fit, are not finite, or are not as they were downloaded.
    ValueError
        If nothing is there.
    """
    path = _locate(source)
    if (path / FETCHED).is_file():
        check_download(path)
    if isinstance(architecture, ImageArchitecture):
        tensors = _image_weights(architecture, path)
    else:
        tensors = _text_weights(architecture, path)
    check_finite(tensors, path)
    return tensors


def _image_weights(architecture: ImageArchitecture, source: Path) -> dict[str, Tensor]:
    """Weights of a timm model but for its classifier, checked against the architecture.

    Raises
    ------
    ArtifactError
        If any key but the classifier's is missing or extra, or a shape differs; or if the folder's
        config.json names another architecture or other options.
    """
    file = source / "model.safetensors" if source.is_dir() else source
    if source.is_dir() and (source / "config.json").exists():
        _check_local_dir(architecture, source / "config.json")
    try:
        tensors = load_file(file)
    except (SafetensorError, OSError) as error:
        message = f"{file}: cannot be read as weights ({error}){_way_out(source)}"
        raise ArtifactError(message) from error
    with torch.device("meta"):
        model = build(architecture, 2)
    heads = head_keys(model)
    expected = {key: value for key, value in model.state_dict().items() if key not in heads}
    found = {key: value for key, value in tensors.items() if key not in heads}
    check_keys(found, expected, file, architecture.timm)
    check_input(architecture)
    return {
        key: value.float() if value.is_floating_point() else value for key, value in found.items()
    }


def _way_out(source: Path) -> str:
    """What to do where weights are pickled: reading them could run what a stranger wrote."""
    files = source.iterdir() if source.is_dir() else [source]
    pickles = sorted(path.name for path in files if path.suffix in PICKLES)
    if not pickles:
        return ""
    return f"; {pickles[0]} is pickled, which is never read: save the weights as safetensors"


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
    weights = read_encoder(source, with_pooler=architecture.feature == "pooler")
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
    _check_tokens(architecture, source)
    return weights


def _check_tokens(architecture: TextArchitecture, source: Path) -> None:
    """Check with one sentence that an encoder takes the longest and knows the last word."""
    model = build_text(architecture, 2).eval()
    n_words = len(Tokenizer(architecture))
    longest = torch.full((1, architecture.max_tokens), n_words - 1)
    try:
        with torch.inference_mode():
            model(longest)
    except (IndexError, RuntimeError, ValueError) as error:
        message = (
            f"{source}: the encoder does not take max_tokens = {architecture.max_tokens} tokens of "
            f"a tokenizer that has {n_words} ({error}); lower max_tokens, or give the encoder its "
            f"own tokenizer"
        )
        raise ArtifactError(message) from error
