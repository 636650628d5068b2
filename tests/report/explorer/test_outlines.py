"""Outlines against the pixels they go around."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from whypretrain.report.explorer.sample import outline, outlines

Loop = list[tuple[int, int]]


def loops_of(path: str) -> list[Loop]:
    """Corners of each loop of a path that is written with M, h, v and z."""
    found = []
    for part in path.split("z")[:-1]:
        start, steps = re.fullmatch(r"M(\d+ \d+)(.*)", part).groups()  # type: ignore[union-attr]
        x, y = map(int, start.split())
        loop = [(x, y)]
        for kind, length in re.findall(r"([hv])(-?\d+)", steps):
            x, y = (x + int(length), y) if kind == "h" else (x, y + int(length))
            loop.append((x, y))
        found.append(loop)
    return found


def filled(path: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels inside a path by the rule evenodd: upright edges to the left of each are counted."""
    crossings = np.zeros(shape, dtype=int)
    for loop in loops_of(path):
        for (x0, y0), (x1, y1) in zip(loop, [*loop[1:], loop[0]], strict=True):
            assert x0 == x1 or y0 == y1
            for row in range(min(y0, y1), max(y0, y1)):
                crossings[row, x0:] += 1
    return crossings % 2 == 1


def test_a_ring_has_two_loops() -> None:
    region = np.ones((3, 3), dtype=bool)
    region[1, 1] = False
    assert outline(region) == "M0 0h3v3h-3zM1 1v1h1v-1z"


def test_no_pixel_has_no_outline() -> None:
    assert outline(np.zeros((2, 2), dtype=bool)) == ""


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=7)))
def test_the_outline_encloses_the_region_and_nothing_else(region: NDArray[np.bool_]) -> None:
    path = outline(region)
    assert (filled(path, region.shape) == region).all()
    for loop in loops_of(path):  # no corner that is none
        turns = [*loop, loop[0], loop[1]]
        for (x0, y0), (x1, y1), (x2, y2) in zip(turns, turns[1:], turns[2:], strict=False):
            assert not x0 == x1 == x2
            assert not y0 == y1 == y2


@given(st.integers(1, 6), st.integers(1, 6))
def test_a_number_stands_in_its_player(height: int, width: int) -> None:
    players = np.full((height + 2, width + 2), -1)
    players[1:-1, 1:-1] = 0
    (place,) = outlines(players, 1)
    assert players[int(place["y"]), int(place["x"])] == 0
    assert place["room"] == (min(height, width) + 1) // 2
