"""Short measurements of what a suite does for long: the stages' own code on random inputs.

Networks with random weights on random inputs take as long as trained ones on real data. Training
is `fit` itself, on items that note when they are asked for; extraction is `evaluate` itself.
Where one batch would take too long, a smaller one is measured and counted up.
"""

import contextlib
import io
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from whypretrain.data.images import CACHE_BYTES, Images
from whypretrain.data.shifts import shifted
from whypretrain.data.table import Split
from whypretrain.interactions.evaluate import evaluate
from whypretrain.interactions.forward import Assemble, Forward, PlainForward
from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.memory import fitting_batch_size
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.sharing.choose import choose_forward
from whypretrain.networks import checkpoints
from whypretrain.networks import train as training
from whypretrain.networks.build import build
from whypretrain.settings.interactions import ExtractSettings, Sampling
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.settings.robustness import RobustnessSettings
from whypretrain.settings.training import Augmentation, Recipe
from whypretrain.stages.extract import N_CHECKED
from workflow.lib.plan.inputs import random_inputs, random_masked
from workflow.lib.plan.network import micro_batch

SECONDS = 2.0  # a measurement
AT_ONCE = 2e11  # operations that one measured step may need; about 5 s of a core


class TrainingTime(NamedTuple):
    """Seconds of a step, `fixed` and for each item of its batch, and of evaluating an item.

    Inputs are ready: loading them comes on top.
    """

    fixed: float
    each: float
    evaluated: float


class ExtractionTime(NamedTuple):
    """Seconds and operations of measuring one sample under one snapshot.

    `planned`: seconds once for a sample, however many snapshots; `sample`: all its coalitions,
    with what they share and the check against plain passes; `plain`: all of them without sharing,
    for the noise floor. `flops`, `plain_flops`: operations of the last two.
    """

    planned: float
    sample: float
    plain: float
    flops: float
    plain_flops: float


class _EnoughError(Exception):
    """The time for a measurement is up."""


class _Watched:
    """Ready inputs that note when each was asked for."""

    def __init__(
        self, inputs: Tensor, name: str, moments: list[tuple[str, float]], until: float
    ) -> None:
        self.inputs, self.name, self.moments, self.until = inputs, name, moments, until

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        now = time.perf_counter()
        self.moments.append((self.name, now))
        # Only between epochs, and after one that was not the first, as that one warms up.
        begins = self.name == "train" and self.moments[-2][0] == "test"
        if begins and now > self.until and _epochs(self.moments) > 1:
            raise _EnoughError
        return self.inputs[index], index % 2


def _epochs(moments: list[tuple[str, float]]) -> int:
    return sum(a[0] == "test" and b[0] == "train" for a, b in pairwise(moments))


def training_time(
    architecture: Architecture,
    recipe: Recipe,
    *,
    n_classes: int,
    n_items: tuple[int, int],
    flops: float,
    device: torch.device,
) -> TrainingTime:
    """Time `fit` on random inputs.

    Parameters
    ----------
    n_items : of the training and the test split
    flops : operations of a forward pass of one input
    """
    measured = batch_at_once(recipe, flops)
    whole = measured == micro_batch(recipe)
    if whole:
        n_train = min(n_items[0], 20 * recipe.batch_size)
        n_test = min(n_items[1], max(int(AT_ONCE / flops), 1), 2048)
        kept = recipe.model_copy(update={"epochs": 1000})
    else:  # batches of two sizes, which tell what a step costs and what an item costs
        n_train = 2 * measured + (measured // 2 if measured > 3 else 0)
        n_test = measured
        changes = {"epochs": 3, "batch_size": measured, "micro_batch_size": None}
        kept = recipe.model_copy(update=changes | {"warmup_epochs": 0.0})
    moments: list[tuple[str, float]] = []
    until = time.perf_counter() + SECONDS
    inputs = random_inputs(architecture, max(n_train, n_test))
    with tempfile.TemporaryDirectory() as folder, _unheard(), contextlib.suppress(_EnoughError):
        training.fit(
            build(architecture, n_classes),
            _Watched(inputs[:n_train], "train", moments, until),
            _Watched(inputs[:n_test], "test", moments, until),
            training.Outputs({}, Path(folder, "history.csv")),
            recipe=kept,
            seed=0,
            device=device,
            label="",
            identity="",
            metadata={},
        )
    passes = _passes(moments, time.perf_counter())
    trained = [times for name, times in passes if name == "train"]
    tested = [times for name, times in passes if name == "test"][1:]  # the first warms up
    evaluated = statistics.median(times[-1] - times[0] for times in tested) / n_test
    if whole:
        n_steps = training.n_batches(n_train, recipe)
        epochs = [times[-1] - times[0] for times in trained[1:]] or [trained[0][-1] - trained[0][0]]
        return TrainingTime(statistics.median(epochs) / n_steps, 0.0, evaluated)
    marks = [trained[-1][start] for start in range(0, len(trained[-1]) - 1, measured)]
    steps = np.diff([*marks, trained[-1][-1]])
    each, fixed = steps[0] / measured, 0.0
    if len(steps) > 2:
        each = max(float(steps[1] - steps[2]) / (measured - measured // 2), 0.5 * each)
        fixed = max(float(steps[1]) - each * measured, 0.0)
    return TrainingTime(fixed, float(each), evaluated)


def _passes(moments: list[tuple[str, float]], end: float) -> list[tuple[str, list[float]]]:
    """Each pass over a split: when its items were asked for, and when the next pass began."""
    found: list[tuple[str, list[float]]] = []
    for name, moment in moments:
        if not found or found[-1][0] != name:
            if found:
                found[-1][1].append(moment)
            found.append((name, []))
        found[-1][1].append(moment)
    if len(found[-1][1]) == 1:  # an item that came too late
        return found[:-1]
    found[-1][1].append(end)
    return found


def batch_at_once(recipe: Recipe, flops: float) -> int:
    """How many items a measured step takes: a micro-batch, or what does not take too long."""
    return max(1, min(micro_batch(recipe), int(AT_ONCE / (3 * flops))))


def loading_time(
    encoded: list[bytes],
    architecture: ImageArchitecture,
    augmentation: Augmentation | None,
    n_items: int,
) -> float:
    """Seconds of making one input of an image, decoded anew where a split is too large to keep."""
    images = Images(_split(encoded), architecture, augmentation)
    images.cached = n_items * architecture.channels * images.side**2 <= CACHE_BYTES
    return _each(images, len(encoded))


def shifting_time(encoded: list[bytes], settings: RobustnessSettings) -> float:
    """Seconds of making one shifted input, mean over the shifts."""
    split = _split(encoded)
    found = [
        _each(shifted(split, settings.architecture, *shift, settings.robustness.seed), len(encoded))
        for shift in settings.shifts()
    ]
    return statistics.mean(found)


def startup_time(module: str) -> float:
    """Seconds until a stage has imported all that it needs."""
    start = time.perf_counter()
    command = [sys.executable, "-m", f"whypretrain.{module}", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  (our own command)
    return time.perf_counter() - start


class _Timed:
    """A forward that notes when batches are asked for, and ends after some seconds."""

    def __init__(self, forward: Forward, device: torch.device) -> None:
        self.forward, self.device = forward, device
        self.moments: list[float] = []
        self.n_done = 0

    def prepare(self, masked: MaskedInput) -> Assemble:
        assemble = self.forward.prepare(masked)
        self.moments.append(self._now())
        return assemble

    def rest(self, assembled: Tensor) -> Tensor:
        logits = self.forward.rest(assembled)
        self.n_done += len(assembled)
        self.moments.append(self._now())
        if self.moments[-1] - self.moments[0] > SECONDS:
            raise _EnoughError
        return logits

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def extraction_time(
    settings: ExtractSettings,
    sampling: Sampling,
    *,
    n_samples: int,
    flops: float,
    device: torch.device,
    by_clock: bool = True,
) -> ExtractionTime:
    """Time `evaluate` on a random input with players as the experiment draws them.

    Parameters
    ----------
    flops : operations of a forward pass of one input
    by_clock : False counts operations and leaves seconds at zero
    """
    model = build(settings.architecture, 2).eval()
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    model.to(device, memory_format=layout)  # type: ignore[call-overload]
    plain: Forward = PlainForward(model)
    forward = choose_forward(model) if settings.extraction.sharing else plain
    masked = random_masked(settings, sampling, device)
    n_coalitions = 1 << masked.n_players
    fitting = settings.extraction.batch_size or fitting_batch_size(forward, model, masked)
    largest = max(1, min(fitting, int(AT_ONCE / flops)))
    with torch.inference_mode():
        start = time.perf_counter()
        if by_clock:
            forward.prepare(masked)  # the first time, the computation is planned
        first = time.perf_counter() - start
        counter = FlopCounterMode(display=False)
        with counter:
            assemble = forward.prepare(masked)
            shared = counter.get_total_flops()
            n_few = min(largest, 4, n_coalitions)
            forward.rest(assemble(torch.arange(n_few, device=device)))
        each = (counter.get_total_flops() - shared) / n_few
    operations = shared + each * n_coalitions + N_CHECKED * flops
    if not by_clock:
        return ExtractionTime(0.0, 0.0, 0.0, operations, n_coalitions * flops)
    group = [masked] * max(1, min(largest // n_coalitions, n_samples))
    prepared, rest = _evaluated(forward, group, largest, device)
    _, of_plain = (
        (prepared, rest)
        if forward is plain
        else _evaluated(plain, [masked], max(min(fitting * 3 // 8, largest), 1), device)
    )
    start = time.perf_counter()
    mobius(np.zeros(n_coalitions))
    transformed = time.perf_counter() - start
    checked = 0.0 if forward is plain else N_CHECKED * of_plain
    return ExtractionTime(
        max(first - prepared, 0.0),
        prepared + rest * n_coalitions + checked + transformed,
        of_plain * n_coalitions,
        operations,
        n_coalitions * flops,
    )


def _evaluated(
    forward: Forward, group: list[MaskedInput], batch_size: int, device: torch.device
) -> tuple[float, float]:
    """Seconds of preparing an input, and of each coalition."""
    prepared: list[float] = []
    each: list[float] = []
    begun = time.perf_counter()
    while not each or time.perf_counter() - begun < SECONDS / 2:
        timed = _Timed(forward, device)
        start = time.perf_counter()
        with contextlib.suppress(_EnoughError, FloatingPointError):
            evaluate(timed, group, [0] * len(group), batch_size=batch_size)
        ready = timed.moments[len(group) - 1]
        prepared.append((ready - start) / len(group))
        each.append((timed.moments[-1] - ready) / timed.n_done)
    return statistics.median(prepared), statistics.median(each)


def _split(encoded: list[bytes]) -> Split:
    count = len(encoded)
    names = [str(index) for index in range(count)]
    return Split("image", ["a", "b"], names, encoded, [], [0] * count, [""] * count)


def _each(items: object, count: int) -> float:
    """Seconds of an item, once each was made before."""
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        for index in range(count):
            items[index]  # type: ignore[index]
        best = min(best, (time.perf_counter() - start) / count)
    return best


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Without the stages' lines, and without checkpoints, which measurements do not need."""
    interval = checkpoints.INTERVAL
    checkpoints.INTERVAL = math.inf
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        checkpoints.INTERVAL = interval


def memory_now() -> int:
    """Resident bytes of this process."""
    return int(psutil.Process().memory_info().rss)
