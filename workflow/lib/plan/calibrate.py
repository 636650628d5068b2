"""Calibration: processes measure side by side, as jobs run, what this machine does in a second.

Random weights and inputs take as long as trained weights and real data. Heavy imports stand in
functions, as a measuring process times them.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, NamedTuple

import psutil

from whypretrain.files.artifacts import ArtifactError
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.settings.training import Augmentation

SECONDS = 12.0
"""Time for measurements beside imports; what is not reached takes the rate of a similar one."""
EACH = 0.4
"""Seconds of a measurement, where one repeat does not take longer."""
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
    """What was measured; medians over processes.

    `starts`: seconds until a process has imported what `tables`, `figures` or `networks` need.
    `rates`: FLOP/s by model and batch. `loading`: seconds of making an input of a `photo`, of a
    `small` image, which is kept decoded, and of a small image `augmented`. `share`: of a core that
    measurements got; what it lacks of 1, others took. `resident`: bytes with all imports.
    """

    starts: dict[str, float]
    rates: dict[tuple[str, int], float]
    loading: dict[str, float]
    share: float
    resident: float


def at_once(batch: int, flops: int, device: str) -> int:
    """How many inputs of a batch a measured step takes."""
    return max(1, min(batch or 256, int(AT_ONCE[device] / flops / (3 if batch else 1))))


def calibrate(requests: list[Request], *, processes: int, device: str) -> Calibration:
    """Measure in several processes at once.

    Parameters
    ----------
    requests : the most important first

    Raises
    ------
    ArtifactError
        If a process was killed, as when memory runs out.
    """
    work, context = partial(_measure, requests, device), multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            found = list(pool.map(work, range(processes)))
    except BrokenProcessPool as error:
        message = "calibration was killed, maybe for want of memory: try --cores 1 or --gpu-tflops"
        raise ArtifactError(message) from error

    def middle(field: str) -> dict[Any, float]:
        tables = [getattr(one, field) for one in found]
        known = set.intersection(*map(set, tables))
        return {key: statistics.median(table[key] for table in tables) for key in known}

    share = statistics.mean(one.share for one in found)
    resident = max(one.resident for one in found)
    return Calibration(middle("starts"), middle("rates"), middle("loading"), share, resident)


def _measure(requests: list[Request], device: str, number: int) -> Calibration:
    process = psutil.Process()

    def elapsed() -> float:
        return time.time() - process.create_time()

    import h5py  # noqa: F401, PLC0415
    import pandas as pd  # noqa: F401, PLC0415
    import scipy.stats  # noqa: F401, PLC0415

    tables = elapsed()
    import matplotlib.pyplot as plt  # noqa: F401, PLC0415

    figures = elapsed()
    from whypretrain.files.progress import Progress  # noqa: PLC0415
    from whypretrain.networks import train  # noqa: F401, PLC0415

    starts = {"tables": tables, "figures": figures, "networks": elapsed() - figures + tables}
    until, rates, loading = time.monotonic() + SECONDS, {}, _loading()
    progress = Progress("calibration", len(requests), "measurement")
    for request in requests:
        if not rates or time.monotonic() < until:
            rates[request.model, request.batch] = _rate(request, device)
        if number == 0:
            progress.update(note=request.model)
    share = min(sum(os.times()[:4]) / elapsed(), 1.0)
    return Calibration(starts, rates, loading, share, float(process.memory_info().rss))


def _rate(request: Request, device: str) -> float:
    """FLOP/s of a network."""
    import torch  # noqa: PLC0415

    from whypretrain.networks.build import build  # noqa: PLC0415
    from whypretrain.networks.numerics import configure  # noqa: PLC0415
    from workflow.lib.plan.network import random_inputs  # noqa: PLC0415

    place = configure(threads=1, device=device)
    model = build(request.architecture, 10).to(place)
    if isinstance(request.architecture, ImageArchitecture) and device == "cpu":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    size = at_once(request.batch, request.flops, device)
    inputs = random_inputs(request.architecture, size, place)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6) if request.batch else None

    def step() -> None:
        if optimizer is None:
            with torch.inference_mode():
                model(inputs)
        else:
            with torch.autocast("cuda", torch.bfloat16, enabled=device == "cuda"):
                loss = model(inputs).float().square().mean()
            loss.backward()
            if size == request.batch:  # of larger batches the optimiser is a small part
                optimizer.step()
            model.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()

    model.train(mode=optimizer is not None)
    return size * request.flops * (3 if request.batch else 1) / _seconds(step)


def _loading() -> dict[str, float]:
    import io  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    from whypretrain.data.images import Images  # noqa: PLC0415
    from whypretrain.data.table import Split  # noqa: PLC0415

    def load(pixels: tuple[int, int], side: int, **changes: Any) -> float:
        noise = np.random.default_rng(0).integers(256, size=(94, 125, 3), dtype=np.uint8)
        buffer, mode = io.BytesIO(), "L" if side < 64 else "RGB"
        Image.fromarray(noise).resize(pixels).convert(mode).save(buffer, "JPEG")
        split = Split("image", ["a"], ["0"], [buffer.getvalue()], [], [0], [""])
        few = {"channels": 1, "mean": [0.5], "std": [0.5]} if side < 64 else {}
        architecture = ImageArchitecture(timm="any", image_size=side, **few)
        images = Images(split, architecture, Augmentation(**changes))
        images.cached = side < 64
        return _seconds(lambda: images[0])

    return {
        "photo": load(PHOTO, 224, crop_min_scale=0.25, flip=True),
        "small": load((8, 8), 28),
        "augmented": load((8, 8), 28, rotate=10, translate=0.1, scale=0.1),
    }


def _seconds(work: Callable[[], Any]) -> float:
    """Median time of some work, after once to warm up."""
    times: list[float] = []
    while len(times) < 2 or sum(times) < EACH:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])
