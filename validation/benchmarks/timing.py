"""Timing side by side: alternating repeats, medians, and the machine they were taken on."""

import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def alternate(*works: Callable[[], object], repeats: int) -> list[float]:
    """Median seconds of each of several works, each called in turn, after one turn of warming up.

    In turn, so that a machine that slows down or speeds up does so for all of them.
    """
    for work in works:
        work()
    times = [[seconds(work) for work in works] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def machine() -> dict[str, str]:
    """What the figures depend on besides the code."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return {
        "processor": told.partition("model name\t: ")[2].partition("\n")[0],
        "threads": str(torch.get_num_threads()),
        "card": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "timm", "transformers", "numpy", "shapiq")},
    }
