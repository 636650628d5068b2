"""Measurements by several processes at once, as jobs will run: neighbours slow each other down."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from whypretrain.files.artifacts import ArtifactError
from whypretrain.files.progress import Progress
from whypretrain.networks.numerics import configure
from workflow.lib.plan.measure import memory_now


class Request(NamedTuple):
    """A measurement: what it is called, and how it is made, which every process can import."""

    key: tuple[Any, ...]
    make: Callable[[], Any]


class Calibration(NamedTuple):
    """Medians over processes, as they are and as they would be if nothing else ran here.

    `resident`: bytes of a process that has done nothing yet. `share`: of a core that measurements
    got; what they lack of 1, others took (or a disk).
    """

    found: dict[tuple[Any, ...], Any]
    idle: dict[tuple[Any, ...], Any]
    resident: int
    share: float


def calibrate(requests: Sequence[Request], *, processes: int) -> Calibration:
    """Measure everything in each of the processes, in another order, at the same time.

    Raises
    ------
    ArtifactError
        If a process was killed, as when memory runs out.
    """
    context = multiprocessing.get_context("spawn")
    starts = [position * len(requests) // processes for position in range(processes)]
    orders = [[*requests[start:], *requests[:start]] for start in starts]
    try:
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            talks = [position == 0 for position in range(processes)]
            results = list(pool.map(_measure_all, orders, talks))
    except BrokenProcessPool as error:
        message = "a measurement was killed: too little memory? Give --gpu-tflops, or more of it"
        raise ArtifactError(message) from error
    merged = {
        request.key: _median([found[request.key] for found, _, _ in results])
        for request in requests
    }
    shares = {
        request.key: _median([shares[request.key] for _, shares, _ in results])
        for request in requests
    }
    idle = {key: _scaled(value, shares[key]) for key, value in merged.items()}
    resident = max(resident for _, _, resident in results)
    return Calibration(merged, idle, resident, statistics.mean(shares.values()))


Measured = tuple[dict[tuple[Any, ...], Any], dict[tuple[Any, ...], float], int]


def _measure_all(requests: list[Request], talks: bool) -> Measured:
    configure(threads=1, device="cpu")
    resident = memory_now()
    progress = Progress("plan", len(requests), "measurement")
    found, shares = {}, {}
    for request in requests:
        wall, used = time.perf_counter(), _cpu_seconds()
        found[request.key] = request.make()
        shares[request.key] = min((_cpu_seconds() - used) / (time.perf_counter() - wall), 1.0)
        if talks:
            progress.update(note=" ".join(map(str, request.key[:2])))
    return found, shares, resident


def _cpu_seconds() -> float:
    """Of this process and of those it waited for."""
    return sum(os.times()[:4])


def _median(values: list[Any]) -> Any:
    if isinstance(values[0], tuple):
        return type(values[0])(*[_median(list(column)) for column in zip(*values, strict=True)])
    return statistics.median(values)


def _scaled(value: Any, share: float) -> Any:
    """Seconds, alone or in a tuple, times a share; operations stay as they are."""
    if not isinstance(value, tuple):
        return value * share
    fields = zip(value._fields, value, strict=True)  # type: ignore[attr-defined]
    return type(value)(*[item if "flops" in name else item * share for name, item in fields])
