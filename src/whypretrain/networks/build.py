"""Building a network, its penultimate feature, and loading weights into it."""

import json
from pathlib import Path
from typing import Any, NamedTuple, cast

import timm
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import whypretrain.networks.small  # noqa: F401  (registers the small networks with timm)
from whypretrain.files.artifacts import ArtifactError, atomic_path, damaged, reading
from whypretrain.networks.text import TextNetwork, build_text
from whypretrain.settings.base import canonical_json
from whypretrain.settings.models import Architecture, ImageArchitecture

METADATA_KEY = "whypretrain"


class Loaded(NamedTuple):
    """Of a file of weights: how they were made, and the SHA-256 of its bytes."""

    metadata: dict[str, Any]
    sha256: str


def build(architecture: Architecture, n_classes: int) -> nn.Module:
    """A randomly initialised network with `n_classes` outputs (torch's generator decides).

    Raises
    ------
    ValueError
        If timm knows no such model or refuses an option.
    ArtifactError
        If a text model's folder is not what it should be.
    """
    if not isinstance(architecture, ImageArchitecture):
        return build_text(architecture, n_classes)
    try:
        model: nn.Module = timm.create_model(
            architecture.timm,
            num_classes=n_classes,
            in_chans=architecture.channels,
            **architecture.options,
        )
    except Exception as error:  # networks raise anything about their options
        message = f"timm = '{architecture.timm}', options = {architecture.options}: {error}"
        raise ValueError(message) from error
    return model


def penultimate(model: nn.Module, inputs: Tensor) -> Tensor:
    """The feature f(x) that the classifier sees (eq. 5): tensor of shape (batch, n_features)."""
    if isinstance(model, TextNetwork):
        return model.features(inputs)
    timm_model = cast("Any", model)  # nn.Module declares none of timm's methods
    return timm_model.forward_head(timm_model.forward_features(inputs), pre_logits=True)


def classifier(model: nn.Module) -> nn.Linear:
    """The last linear layer, which maps the penultimate feature to logits."""
    return model.head if isinstance(model, TextNetwork) else cast("Any", model).get_classifier()


def head_keys(model: nn.Module) -> set[str]:
    """Names of the classifier's weights within the network."""
    head = classifier(model)
    prefix = next(name for name, module in model.named_modules() if module is head)
    return {f"{prefix}.{name}" for name, _ in head.named_parameters()}


def save_weights(path: Path, model: nn.Module, metadata: dict[str, Any]) -> None:
    """Write all weights and buffers as safetensors, with how they were made as JSON metadata."""
    save_tensors(path, model.state_dict(), metadata)


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write named tensors as :func:`save_weights` does.

    Raises
    ------
    FloatingPointError
        If a weight is not finite: a reader would refuse the file, and no rerun mend it.
    """
    if broken := _not_finite(tensors):
        message = f"{path}: not written, as weights are not finite: {', '.join(broken)}"
        raise FloatingPointError(message)
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        # One entry: safetensors writes several in an order that differs from run to run.
        save_file(plain, temporary, metadata={METADATA_KEY: canonical_json(metadata)})


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and metadata of a safetensors file.

    Raises
    ------
    ArtifactError
        If the file is damaged or a weight is not finite.
    """
    tensors, loaded = _read(path)
    return tensors, loaded.metadata


def _read(path: Path) -> tuple[dict[str, Tensor], Loaded]:
    with reading(path, "a file of weights") as sha256:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if not isinstance(metadata, dict):
            message = f"metadata {metadata!r}"
            raise TypeError(message)
        if broken := _not_finite(tensors):
            message = f"weights that are not finite: {', '.join(broken)}"
            raise ValueError(message)
    return tensors, Loaded(metadata, sha256)


def check_finite(tensors: dict[str, Tensor], source: Path) -> None:
    """Raise ArtifactError if a weight that a person gave is not finite."""
    if broken := _not_finite(tensors):
        message = f"{source}: weights that are not finite: {', '.join(broken)}"
        raise ArtifactError(message)


def check_input(architecture: ImageArchitecture) -> None:
    """Check that a network takes images of the configured size, without computing anything.

    Raises
    ------
    ValueError
        If it does not.
    """
    side, channels = architecture.image_size, architecture.channels
    try:
        with torch.device("meta"), torch.inference_mode():
            build(architecture, 2).eval()(torch.empty(1, channels, side, side))
    except NotImplementedError:
        return  # a network that asks for numbers, of which there are none
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        message = (
            f"timm = '{architecture.timm}': takes no images of image_size = {side} "
            f"({' '.join(str(error).split())})"
        )
        raise ValueError(message) from error


def _not_finite(tensors: dict[str, Tensor]) -> list[str]:
    return [name for name, value in tensors.items() if not torch.isfinite(value).all()]


def load_all(model: nn.Module, path: Path) -> Loaded:
    """Load weights that must match the network exactly.

    Raises
    ------
    ArtifactError
        If the file is damaged, or a key is missing or extra, or a shape or type differs.
    """
    tensors, loaded = _read(path)
    _load(model, tensors, path, replaced=set())
    return loaded


def load_backbone(model: nn.Module, path: Path) -> Loaded:
    """Load everything but the classifier, which keeps its fresh initialisation.

    Raises
    ------
    ArtifactError
        If the file is damaged, or any key but the classifier's is missing or extra, or a shape or
        type differs.
    """
    tensors, loaded = _read(path)
    _load(model, tensors, path, replaced=head_keys(model))
    return loaded


def check_keys(
    found: dict[str, Tensor], expected: dict[str, Tensor], source: Path, network: str
) -> None:
    """Check that weights have exactly the expected names and shapes.

    Raises
    ------
    ArtifactError
        Naming all that are missing, extra or of another shape.
    """
    if misfit := _misfit(found, expected, network):
        message = f"{source}: {misfit}"
        raise ArtifactError(message)


def _misfit(found: dict[str, Tensor], expected: dict[str, Tensor], network: str) -> str | None:
    missing, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
    both = expected.keys() & found.keys()
    shapes = [name for name in both if expected[name].shape != found[name].shape]
    if not (missing or extra or shapes):
        return None
    return (
        f"weights do not fit {network}: missing {sorted(missing)}, "
        f"extra {sorted(extra)}, of another shape {sorted(shapes)}"
    )


def _load(model: nn.Module, tensors: dict[str, Tensor], path: Path, replaced: set[str]) -> None:
    kept = {name: value for name, value in tensors.items() if name not in replaced}
    expected = {k: value for k, value in model.state_dict().items() if k not in replaced}
    if misfit := _misfit(kept, expected, "the network"):
        raise damaged(path, misfit)
    # torch would cast them, and what was measured would be another network.
    if others := sorted(name for name in kept if kept[name].dtype != expected[name].dtype):
        raise damaged(path, f"weights of another type than the network's: {others}")
    model.load_state_dict(kept, strict=False)
