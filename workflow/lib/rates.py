"""What networks take, counted, and what this machine does in a second, timed.

Rates are CPU time, so that what else runs does not count, of random weights and inputs.
"""

import io
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from whypretrain.networks.build import build, classifier
from whypretrain.networks.numerics import configure
from whypretrain.settings.models import Architecture, ImageArchitecture
from workflow.lib.resources import BACKWARD

TIMED = {"cnn": ("whypretrain_resnet", 28), "transformer": ("vit_tiny_patch16_224", 224)}
"""The network that is timed for a family, and its pixels."""
EACH = 0.6
"""Seconds of one measurement."""
N_TOKENS, PHOTO = 32, (500, 375)
"""Assumed length of a sentence, and pixels of a photograph."""


class Network(NamedTuple):
    """FLOP of one forward pass, a multiply-add counting as 2; bytes; and what classifies.

    `activations` of one input are the outputs of all layers, `widest` the largest of them.
    """

    flops: int
    weights: int
    activations: int
    widest: int
    features: int
    family: str


class Rates(NamedTuple):
    """Seconds of a process's start and of decoding; FLOP/s by family, and whether it is trained.

    `card` is none, here or stated; records of earlier runs do not hold for a stated one.
    """

    start: float
    decoding: float
    flops: dict[tuple[str, bool], float]
    card: str = "none"


def count(architecture: Architecture, n_classes: int) -> Network:
    """Count a network's parameters, operations and activations, without computing anything."""
    sizes: list[int] = []
    # Of texts without the mask of padding, as transformers looks at its values; a decoder is given
    # the whole mask, which it would make of values, too.
    masks: dict[str, Tensor] = {}
    with torch.device("meta"):
        model = build(architecture, n_classes).eval()
        if isinstance(architecture, ImageArchitecture):
            side = architecture.image_size
            inputs = torch.empty(1, architecture.channels, side, side)
        else:
            n_tokens = min(N_TOKENS, architecture.max_tokens)
            inputs = torch.empty(1, n_tokens, dtype=torch.long)
            if architecture.feature == "last_token":
                masks["attention_mask"] = torch.empty(1, 1, n_tokens, n_tokens)
    called: Any = model if isinstance(architecture, ImageArchitecture) else model.encoder
    for layer in model.modules():
        if not list(layer.children()):
            layer.register_forward_hook(
                lambda _, __, out: sizes.append(out.nbytes if isinstance(out, Tensor) else 0)
            )
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), counter:
        called(inputs, **masks)
    weights = sum(tensor.nbytes for tensor in model.state_dict().values())
    convolutional = sum(isinstance(part, nn.Conv2d) for part in model.modules()) > 1
    family, features = "cnn" if convolutional else "transformer", classifier(model).in_features
    flops = counter.get_total_flops()
    return Network(flops, weights, sum(sizes), max(sizes), int(features), family)


def measure(start: float, card: str, tflops: float) -> Rates:
    """What this machine does, or a stated card of so many TFLOP/s."""
    kinds = [(family, train) for family in TIMED for train in (False, True)]
    place = configure(threads=1, device="cuda" if card == "here" else "cpu")
    flops = {kind: 1e12 * tflops if card == "stated" else _flops(*kind, place) for kind in kinds}
    noise, buffer = np.random.default_rng(0).integers(256, size=(94, 125, 3)), io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).resize(PHOTO).save(buffer, "JPEG")

    def decode() -> None:
        picture = Image.open(buffer).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
        torch.from_numpy(np.asarray(picture, np.float32)).permute(2, 0, 1).contiguous().sub_(0.5)

    return Rates(start, _seconds(decode, time.process_time), flops, card)


def _flops(family: str, train: bool, device: torch.device) -> float:
    """FLOP/s of a small network: of a training step, or of a forward pass."""
    name, side = TIMED[family]
    small = ImageArchitecture(timm=name, image_size=side)
    model: Any = build(small, 10).train(train)
    model.to(device, memory_format=torch.channels_last)
    n_items = {28: 64, 224: 4}[side] * (16 if device.type == "cuda" else 1)
    inputs = torch.randn(n_items, 3, side, side, device=device)
    half = torch.autocast("cuda", torch.bfloat16, enabled=train and device.type == "cuda")

    def step() -> None:
        with half, torch.inference_mode(not train):
            loss = model(inputs).float().square().mean()
        if train:
            loss.backward()
        if device.type == "cuda":
            torch.cuda.synchronize()

    clock = time.perf_counter if device.type == "cuda" else time.process_time
    passes = n_items * (BACKWARD if train else 1)
    return passes * count(small, 10).flops / _seconds(step, clock)


def _seconds(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Mean time of some work, after once to warm up."""
    work()
    begun, times = clock(), 0
    while clock() < begun + EACH or times < 2:
        work()
        times += 1
    return (clock() - begun) / times
