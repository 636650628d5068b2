"""Players of every kind on any input: a label map without an empty player, or a reason."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from whypretrain.data.samples import check_players
from whypretrain.interactions.players import (
    annotation_players,
    grid_players,
    part_players,
    superpixel_players,
    word_players,
)

KINDS = ("grid", "superpixels", "parts", "annotations", "words")


def drawn(kind: str, data: st.DataObject) -> Callable[[], NDArray[np.int16]]:
    """Players of a kind on an image or sentence of any size, wanted or impossible."""
    height, width = data.draw(st.integers(1, 24)), data.draw(st.integers(1, 24))
    n = data.draw(st.integers(0, 12))
    seed = data.draw(st.integers(0, 2**32))
    numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-30, 30)
    if kind == "grid":
        cells, margin = data.draw(st.integers(1, 12)), data.draw(st.integers(0, 6))
        return lambda: grid_players(
            height,
            width,
            cells=cells,
            margin=margin,
            n_players=n,
            generator=np.random.default_rng(seed),
        )
    if kind == "superpixels":
        shape = (min(height, 10), min(width, 10), data.draw(st.sampled_from([1, 3])))
        pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        return lambda: superpixel_players(pixels, n_players=n)
    if kind == "parts":
        points = data.draw(st.lists(st.tuples(numbers, numbers), max_size=8))
        box = data.draw(st.tuples(numbers, numbers, numbers, numbers))
        return lambda: part_players(
            points, box, height, width, n_players=n, generator=np.random.default_rng(seed)
        )
    if kind == "annotations":
        pixel = st.lists(st.integers(-1, 24), min_size=2, max_size=2)
        regions = data.draw(st.lists(st.lists(pixel, max_size=5), max_size=4))
        return lambda: annotation_players(regions, height, width, n_players=n)
    words = data.draw(st.lists(st.integers(-1, 12), max_size=20))
    return lambda: word_players(words, n_players=n, generator=np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_players_are_players_or_a_reason(kind: str, data: st.DataObject) -> None:
    draw = drawn(kind, data)
    try:
        players = draw()
    except ValueError as error:
        assert str(error)  # noqa: PT017  (most draws are possible, some are not)
        return
    # A label map: what it gives to one player it cannot give to another.
    assert players.dtype == np.int16
    n_players = int(players.max()) + 1
    assert n_players >= 1
    check_players(players, n_players)
    np.testing.assert_array_equal(players, draw())
