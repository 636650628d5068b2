"""Pictures of players: everything is there, and nothing is told by colour alone."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageDraw

from whypretrain.data.samples import BACKGROUND
from whypretrain.interactions.players import grid_players
from whypretrain.report.player_sheet import (
    GAP,
    LINE,
    NUMBER,
    SIDE,
    draw_image_players,
    draw_text_players,
)

Written = list[tuple[str, float, float]]


def recorded(patch: pytest.MonkeyPatch) -> Written:
    """What is written from now on, and where."""
    found: Written = []
    original = ImageDraw.ImageDraw.text

    def text(self: Any, xy: tuple[float, float], text: str, **options: Any) -> None:
        found.append((text, *xy))
        original(self, xy, text, **options)

    patch.setattr(ImageDraw.ImageDraw, "text", text)
    return found


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    return recorded(monkeypatch)


@pytest.fixture
def players() -> NDArray[np.int16]:
    generator = np.random.default_rng(0)
    return grid_players(32, 32, cells=4, margin=0, n_players=12, generator=generator)


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)


def test_the_sample_stands_unchanged_beside_its_players(
    image: NDArray[np.uint8], players: NDArray[np.int16]
) -> None:
    sheet = draw_image_players(image, players)
    assert sheet.dtype == np.uint8
    factor = SIDE // 32
    assert sheet.shape == (2 * GAP + SIDE, 3 * GAP + 2 * SIDE + 3 * NUMBER, 3)
    plain = sheet[GAP : GAP + SIDE, GAP : GAP + SIDE]
    np.testing.assert_array_equal(plain[::factor, ::factor], image.transpose(1, 2, 0))
    np.testing.assert_array_equal(sheet, draw_image_players(image, players))


def test_a_number_stands_in_every_player(
    image: NDArray[np.uint8], players: NDArray[np.int16], written: Written
) -> None:
    draw_image_players(image, players)
    assert sorted(text for text, _, _ in written) == sorted(str(player) for player in range(12))
    for text, x, y in written:
        row, column = int(y - GAP) * 32 // SIDE, int(x - 2 * GAP - SIDE) * 32 // SIDE
        assert players[row, column] == int(text)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_players_are_told_apart_without_colour(value: int) -> None:
    """Between any two areas runs a black line with white on its sides, on any ground."""
    image = np.full((1, 32, 32), value, dtype=np.uint8)
    players = np.full((32, 32), BACKGROUND, dtype=np.int16)
    players[:, :16], players[:16, 16:] = 0, 1
    sheet = draw_image_players(image, players)[GAP : GAP + SIDE, 2 * GAP + SIDE :]
    middle = SIDE // 2
    for across in (sheet[40, middle - 3 : middle + 3], sheet[-40, middle - 3 : middle + 3]):
        assert (across[[2, 3]] == 0).all()
        assert (across[[1, 4]] == 255).all()
    assert (sheet[middle - 1 : middle + 1, -3 * NUMBER - 60] == 0).all()
    # What is no player is darker than what is.
    assert sheet[-30, SIDE - 30].sum() < sheet[30, SIDE - 30].sum()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 18), st.integers(0, 99))
def test_players_too_small_for_a_number_have_it_in_the_margin(n_players: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    players = np.full(224 * 224, BACKGROUND, dtype=np.int16)
    chosen = generator.choice(players.size, size=n_players, replace=False)
    players[chosen] = np.arange(n_players)
    image = np.full((1, 224, 224), 128, dtype=np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        found = recorded(patch)
        sheet = draw_image_players(image, players.reshape(224, 224))
    assert len(found) == n_players
    heights = sorted(y for _, _, y in found)
    assert np.all(np.diff(heights) > 1.6 * NUMBER)
    for _, x, y in found:
        assert x > sheet.shape[1] - GAP - 3 * NUMBER
        assert NUMBER <= y <= sheet.shape[0] - NUMBER


def test_images_of_any_shape() -> None:
    for shape in ((1, 1, 1), (3, 2, 9), (3, 30, 4), (3, 900, 700)):
        image = np.zeros(shape, dtype=np.uint8)
        sheet = draw_image_players(image, np.zeros(shape[1:], dtype=np.int16))
        assert sheet.shape[2] == 3


def test_a_sentence_is_written_with_its_players_numbers(written: Written) -> None:
    words = ["[CLS]", "naïve", "charm", "un", "##believ", "##able", "[SEP]"]
    players = np.array([-1, 0, -1, 1, 1, 1, -1])
    sheet = draw_text_players(words, players)
    assert sheet.dtype == np.uint8
    assert sheet.shape[2] == 3
    texts = [text for text, _, _ in written]
    assert [text for text in texts if not text.isdigit()] == [
        "[CLS]",
        "naïve",
        "charm",
        "un ##believ ##able",  # neighbours of one player share a box
        "[SEP]",
    ]
    assert [text for text in texts if text.isdigit()] == ["0", "1"]


def test_boxes_are_told_apart_without_colour() -> None:
    framed = draw_text_players(["a", "b"], np.array([0, -1]))
    bare = draw_text_players(["a", "b"], np.array([-1, -1]))
    assert framed.shape == bare.shape
    # A frame is black from one side of the word to the other.
    assert (framed.sum(axis=2) == 0).sum() > (bare.sum(axis=2) == 0).sum() + 100


def test_long_sentences_are_broken_and_long_words_are_whole(written: Written) -> None:
    sheet = draw_text_players(["word"] * 60, np.arange(60))
    assert sheet.shape[1] <= LINE + GAP
    assert all(x < sheet.shape[1] - GAP and y < sheet.shape[0] for _, x, y in written)
    assert draw_text_players(["w" * 300], np.array([0])).shape[1] > LINE
    assert draw_text_players([], np.array([], dtype=int)).size > 0
