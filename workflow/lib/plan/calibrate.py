"""Calibration: what this machine does in a second, measured for a few seconds.

Random weights and inputs take as long as trained weights and real data.
"""

import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch
from PIL import Image

from whypretrain.data.images import Images
from whypretrain.data.table import Split
from whypretrain.files.progress import Progress
from whypretrain.networks.build import build
from whypretrain.networks.numerics import configure
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.settings.training import Augmentation
from workflow.lib.plan.network import random_inputs

IMPORTS = {"tables": "pandas, scipy.stats", "networks": "pandas, whypretrain.networks.train"}
"""What stages import that compute tables, or with networks."""
SECONDS, EACH = 8.0, 0.4
"""For all rates, beyond which the most similar one stands for a rate, and for a measurement."""
AT_ONCE = {"cpu": 5e10, "cuda": 1e13}
"""FLOP of a measured step; of larger batches a part is measured."""
PHOTO = (500, 375)
"""Pixels of the photograph that is decoded."""


class Request(NamedTuple):
    """A network to time: a training step of `batch` inputs, or, with batch 0, a forward pass."""

    model: str
    batch: int
    architecture: Architecture
    flops: int


class Calibration(NamedTuple):
    """What was measured.

    `starts`: seconds of a process that imports what `IMPORTS` says. `rates`: FLOP/s by model and
    batch. `loading`: seconds of making an input of a `photo`, of a `small` image, which is kept
    decoded, and of a small image `augmented`. `share`: of a core that measurements got; what it
    lacks of 1, others took. `resident`: bytes of a process with all imports.
    """

    starts: dict[str, float]
    rates: dict[tuple[str, int], float]
    loading: dict[str, float]
    share: float
    resident: float


def at_once(batch: int, flops: int, device: str) -> int:
    """How many inputs of a batch (0: of a forward pass) a measured step takes."""
    return max(1, min(batch or 256, int(AT_ONCE[device] / flops / (3 if batch else 1))))


def calibrate(requests: list[Request], device: str) -> Calibration:
    """Measure imports, loading and rates, the most important rates first."""
    place, used, begun = configure(threads=1, device=device), sum(os.times()[:4]), time.monotonic()
    progress = Progress("calibration", len(requests) + 2, "measurement")
    with ThreadPoolExecutor() as pool:  # side by side, as jobs start
        starts = dict(zip(IMPORTS, pool.map(_start, IMPORTS.values()), strict=True))
    progress.update()
    loading = {
        "photo": _loading(PHOTO, 224, crop_min_scale=0.25, flip=True),
        "small": _loading((8, 8), 28),
        "augmented": _loading((8, 8), 28, rotate=10, translate=0.1, scale=0.1),
    }
    progress.update()
    rates: dict[tuple[str, int], float] = {}
    until = time.monotonic() + SECONDS
    for request in requests:
        if not rates or time.monotonic() < until:
            rates[request.model, request.batch] = _rate(request, place)
        progress.update(note=request.model)
    share = (sum(os.times()[:4]) - used) / (time.monotonic() - begun)
    return Calibration(starts, rates, loading, min(share, 1.0), psutil.Process().memory_info().rss)


def _start(imports: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {imports}"], check=True)  # noqa: S603  (ours)
    return time.perf_counter() - begun


def _rate(request: Request, device: torch.device) -> float:
    """FLOP/s of a network."""
    model: Any = build(request.architecture, 10).to(device)
    if isinstance(request.architecture, ImageArchitecture) and device.type == "cpu":
        model.to(memory_format=torch.channels_last)
    size = at_once(request.batch, request.flops, device.type)
    inputs = random_inputs(request.architecture, size, device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    half = torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")

    def train() -> None:
        with half:
            loss = model(inputs).float().square().mean()
        loss.backward()
        if size == request.batch:  # of larger batches the optimiser is a small part
            optimizer.step()
        model.zero_grad()

    model.train(request.batch > 0)
    with torch.inference_mode(request.batch == 0):
        seconds = _seconds(train if request.batch else lambda: model(inputs))
    return size * request.flops * (3 if request.batch else 1) / seconds


def _loading(pixels: tuple[int, int], side: int, **changes: Any) -> float:
    """Seconds of making an input of one grey small, or coloured large, image."""
    noise = np.random.default_rng(0).integers(256, size=(94, 125, 3), dtype=np.uint8)
    buffer, small = io.BytesIO(), side < 64
    Image.fromarray(noise).resize(pixels).convert("L" if small else "RGB").save(buffer, "JPEG")
    split = Split("image", ["a"], ["0"], [buffer.getvalue()], [], [0], [""])
    few: dict[str, Any] = {"channels": 1, "mean": [0.5], "std": [0.5]} if small else {}
    architecture = ImageArchitecture(timm="any", image_size=side, **few)
    images = Images(split, architecture, Augmentation(**changes))
    images.cached = small
    return _seconds(lambda: images[0])


def _seconds(work: Callable[[], Any]) -> float:
    """Median time of some work, after once to warm up."""
    times: list[float] = []
    while len(times) < 2 or sum(times) < EACH:
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])
