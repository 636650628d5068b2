"""Measurements by several processes at once, as jobs will run: neighbours slow each other down."""

import multiprocessing
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from whypretrain.artifacts import ArtifactError
from whypretrain.numerics import configure
from whypretrain.plan.measure import memory_now
from whypretrain.progress import Progress


class Request(NamedTuple):
    """A measurement: what it is called, and the function, which every process can import."""

    key: tuple[Any, ...]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Calibration(NamedTuple):
    """Medians over processes, and resident bytes of a process that has done nothing yet."""

    found: dict[tuple[Any, ...], Any]
    resident: int


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
    found = {
        request.key: _median([result[0][request.key] for result in results]) for request in requests
    }
    return Calibration(found, max(result[1] for result in results))


def _measure_all(requests: list[Request], talks: bool) -> tuple[dict[tuple[Any, ...], Any], int]:
    configure(threads=1, device="cpu")
    resident = memory_now()
    progress = Progress("plan", len(requests), "measurement")
    found = {}
    for request in requests:
        found[request.key] = request.function(*request.arguments)
        if talks:
            progress.update(note=request.key[0])
    return found, resident


def _median(values: list[Any]) -> Any:
    if isinstance(values[0], tuple):
        return type(values[0])(*[_median(list(column)) for column in zip(*values, strict=True)])
    return statistics.median(values)
