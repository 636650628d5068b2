"""A network without numbers: what its weights and passes need, counted on the meta device."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from whypretrain.networks.build import build, classifier
from whypretrain.settings.models import Architecture, ImageArchitecture, Weights

N_TOKENS = 32
"""Assumed length of a sentence."""


class Network(NamedTuple):
    """Sizes of a network: FLOP of one forward pass, a multiply-add counting as 2, and bytes.

    `weights`; `activations` of one input, which training keeps; `widest`: input and output of the
    layer where they are largest. `features` are those that the classifier sees.
    """

    flops: int
    weights: int
    activations: int
    widest: int
    features: int
    family: str


@contextmanager
def located(
    architecture: Architecture, weights: Weights, name: str
) -> Iterator[tuple[Architecture, bool]]:
    """An architecture that can be built, and whether it is assumed to be a base-sized encoder."""
    if isinstance(architecture, ImageArchitecture):
        yield architecture, False
        return
    from transformers import BertConfig, DistilBertConfig  # noqa: PLC0415  # slow

    with tempfile.TemporaryDirectory() as folder:
        places = [architecture.folder, f"resources/weights/{name}", weights.path or ""]
        there = [place for place in places if place and Path(place, "config.json").is_file()]
        if not there:
            distilled = "distil" in (weights.hub.repo if weights.hub else name)
            (DistilBertConfig if distilled else BertConfig)().save_pretrained(folder)
        yield architecture.model_copy(update={"folder": [*there, folder][0]}), not there


def random_inputs(architecture: Architecture, n_items: int, device: torch.device) -> Tensor:
    """What a network takes: images (n_items, channels, side, side), or tokens (n_items, length)."""
    if isinstance(architecture, ImageArchitecture):
        side = architecture.image_size
        return torch.randn(n_items, architecture.channels, side, side, device=device)
    length = min(N_TOKENS, architecture.max_tokens)
    return torch.randint(1000, 2000, (n_items, length), device=device)


def count(architecture: Architecture, n_classes: int) -> Network:
    """Count a network's parameters, operations and activations, without computing anything."""
    sizes: list[tuple[int, int]] = []

    def see(_: nn.Module, inputs: Any, output: Any) -> None:
        taken, every = _storages(inputs), _storages(inputs) | _storages(output)
        sizes.append((sum(every.values()) - sum(taken.values()), sum(every.values())))

    with torch.device("meta"):
        model = build(architecture, n_classes).eval()
        inputs = random_inputs(architecture, 1, torch.device("meta"))
    image = isinstance(architecture, ImageArchitecture)
    # Of texts without the mask of padding, as transformers looks at its values.
    called: Any = model if image else model.encoder
    for layer in model.modules():
        if not list(layer.children()):
            layer.register_forward_hook(see)
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), counter:
        called(inputs)
    made, around = zip(*sizes, strict=True)
    weights = sum(tensor.nbytes for tensor in model.state_dict().values())
    convolutional = sum(isinstance(part, nn.Conv2d) for part in model.modules()) > 1
    family = "cnn" if convolutional else "transformer"
    features = int(classifier(model).in_features)
    return Network(counter.get_total_flops(), weights, sum(made), max(around), features, family)


def _storages(value: Any) -> dict[int, int]:
    parts = value if isinstance(value, (tuple, list)) else [value]
    return {p.untyped_storage()._cdata: p.nbytes for p in parts if isinstance(p, Tensor)}
