"""Numbers as the page holds them: few digits, and null where there is none."""

from collections.abc import Iterable
from typing import Any

import numpy as np

DIGITS = 4  # significant; the page shows three


def short(value: Any) -> float | None:
    """A number with four significant digits; None for NaN and for what is missing.

    >>> short(0.123456), short(-0.0), short(float("nan")), short(None)
    (0.1235, 0.0, None, None)
    """
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}") + 0.0


def shorts(values: Iterable[Any]) -> list[float | None]:
    """Several of them.

    >>> shorts([1.0, 2.00001])
    [1.0, 2.0]
    """
    return [short(value) for value in values]
