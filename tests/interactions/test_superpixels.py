"""Superpixels: exactly n connected regions that cover the image, of like colour, repeatable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import label

from whypretrain.data.samples import check_players
from whypretrain.interactions.players import superpixel_players


def check_cover(players: NDArray[np.int16], n_players: int) -> None:
    assert players.dtype == np.int16
    check_players(players, n_players)
    assert players.min() == 0  # no background
    for player in range(n_players):
        assert label(players == player)[1] == 1
    # Numbered in reading order.
    assert np.all(np.diff(np.unique(players, return_index=True)[1]) > 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_exactly_n_connected_regions(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    shape = (height, width, data.draw(st.sampled_from([1, 3])))
    values = st.sampled_from([0, 255]) | st.integers(0, 255)
    image = data.draw(arrays(np.uint8, shape, elements=values))
    n_players = data.draw(st.integers(1, height * width))
    check_cover(superpixel_players(image, n_players=n_players), n_players)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("n_players", [1, 2, 7, 10, 16, 40])
@pytest.mark.parametrize("kind", ["constant", "noise", "stripes"])
def test_on_images_without_regions_of_their_own(kind: str, n_players: int, channels: int) -> None:
    shape = (40, 56, channels)
    image = np.full(shape, 90, dtype=np.uint8)
    if kind == "noise":
        image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if kind == "stripes":
        image[::2] = 200
    check_cover(superpixel_players(image, n_players=n_players), n_players)


@pytest.mark.parametrize("channels", [1, 3])
def test_regions_follow_colours(channels: int) -> None:
    image = np.zeros((32, 32, channels), dtype=np.uint8)
    image[:, 10:] = 120
    image[20:, 10:] = 255
    players = superpixel_players(image, n_players=3)
    assert len({players[0, 0], players[0, 31], players[31, 31]}) == 3
    for region in (np.s_[2:-2, :8], np.s_[2:18, 12:-2], np.s_[22:-2, 12:-2]):
        assert len(np.unique(players[region])) == 1


def test_nothing_is_random() -> None:
    image = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    first, second = (superpixel_players(image, n_players=10) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("n_players", [0, 13])
def test_as_many_players_as_pixels_at_most(n_players: int) -> None:
    with pytest.raises(ValueError, match=f"n_players = {n_players}: the image has 12 pixels"):
        superpixel_players(np.zeros((3, 4, 1), dtype=np.uint8), n_players=n_players)


def test_refuses_channels_first() -> None:
    with pytest.raises(ValueError, match=r"\(3, 8, 8\) is not \(height, width, 1 or 3 channels\)"):
        superpixel_players(np.zeros((3, 8, 8), dtype=np.uint8), n_players=2)
