"""Players: disjoint, non-empty, where they belong, repeatable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import label

from whypretrain.data.samples import BACKGROUND, check_players
from whypretrain.interactions.players import (
    annotation_players,
    grid_players,
    part_players,
    superpixel_players,
    usable_parts,
    word_players,
)

coordinates = st.floats(-5, 35) | st.integers(0, 30)


@given(st.data())
def test_players_are_whole_cells_inside_the_margin(data: st.DataObject) -> None:
    cells = data.draw(st.integers(1, 9))
    margin = data.draw(st.integers(0, (cells - 1) // 2))
    n_players = data.draw(st.integers(1, max(cells - 2 * margin, 0) ** 2))
    height, width = data.draw(st.integers(cells, 40)), data.draw(st.integers(cells, 40))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    players = grid_players(
        height, width, cells=cells, margin=margin, n_players=n_players, generator=generator
    )
    assert players.shape == (height, width)
    check_players(players, n_players)
    seen = []
    for player in range(n_players):
        rows, columns = np.nonzero(players == player)
        # A cell is a full rectangle of one cell's size, wholly inside the margin.
        assert len(rows) == len(set(rows)) * len(set(columns))
        assert abs(len(set(rows)) - height / cells) < 1
        assert abs(len(set(columns)) - width / cells) < 1
        cell_rows, cell_columns = rows * cells // height, columns * cells // width
        assert margin <= cell_rows.min() == cell_rows.max() < cells - margin
        assert margin <= cell_columns.min() == cell_columns.max() < cells - margin
        seen.append((cell_rows[0], cell_columns[0]))
    assert seen == sorted(set(seen))


def test_the_seed_decides() -> None:
    def draw(seed: int) -> list[int]:
        generator = np.random.default_rng(seed)
        return (
            grid_players(24, 24, cells=8, margin=1, n_players=10, generator=generator)
            .ravel()
            .tolist()
        )

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


@pytest.mark.parametrize(
    ("cells", "margin", "n_players", "message"),
    [(8, 1, 37, "36 cells"), (2, 1, 1, "0 cells"), (4, 0, 0, "16 cells"), (30, 0, 3, "28×28")],
)
def test_refuses_the_impossible(cells: int, margin: int, n_players: int, message: str) -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message):
        grid_players(28, 28, cells=cells, margin=margin, n_players=n_players, generator=generator)


def test_check_names_missing_and_stray_players() -> None:
    check_players(np.array([[0, BACKGROUND], [1, 1]]), 2)
    with pytest.raises(ValueError, match=r"without a pixel: \[1\].*no player: \[2\]"):
        check_players(np.array([[0, 2]]), 2)


@given(st.data())
def test_parts_are_voronoi_cells_in_the_box(data: st.DataObject) -> None:
    points = data.draw(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8))
    left, top = data.draw(st.integers(-3, 20)), data.draw(st.integers(-3, 12))
    box = (left, top, data.draw(st.integers(4, 20)), data.draw(st.integers(4, 20)))
    height, width = 16, 24
    usable = usable_parts(points, box, height, width)
    n_players = data.draw(st.integers(1, usable))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    players = part_players(points, box, height, width, n_players=n_players, generator=generator)
    assert players.shape == (height, width)
    assert players.dtype == np.int16
    check_players(players, n_players)
    inside = np.zeros((height, width), dtype=bool)
    for row, column in np.ndindex(height, width):
        inside[row, column] = left <= column < left + box[2] and top <= row < top + box[3]
    np.testing.assert_array_equal(players != BACKGROUND, inside)
    if n_players == len(points):
        for row, column in zip(*np.nonzero(inside), strict=True):
            squared = [(column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2 for x, y in points]
            assert players[row, column] == squared.index(min(squared))


@given(st.data())
def test_of_more_parts_some_are_drawn_and_keep_their_order(data: st.DataObject) -> None:
    n_parts = data.draw(st.integers(2, 8))
    columns = data.draw(st.permutations(range(n_parts)))
    points = [(column + 0.5, 0.5) for column in columns]
    n_players = data.draw(st.integers(1, n_parts))
    seed = data.draw(st.integers(0, 99))
    box = (0, 0, n_parts, 1)
    generator = np.random.default_rng(seed)
    players = part_players(points, box, 1, n_parts, n_players=n_players, generator=generator)[0]
    # The recorded rule, replayed: the pixel under a drawn part belongs to it.
    chosen = np.random.default_rng(seed).choice(n_parts, size=n_players, replace=False)
    assert [players[columns[part]] for part in sorted(chosen)] == list(range(n_players))


def test_too_few_parts_are_counted_in_the_error() -> None:
    def draw(points: list[tuple[float, float]], n_players: int) -> None:
        generator = np.random.default_rng(0)
        part_players(points, (1, 1, 6, 6), 8, 8, n_players=n_players, generator=generator)

    with pytest.raises(ValueError, match=r"n_players = 3: the object has 2 visible parts$"):
        draw([(2, 2), (5, 5)], 3)
    with pytest.raises(ValueError, match="has 3 visible parts, of which 2 have a pixel"):
        draw([(2, 2), (5, 5), (5, 5)], 3)
    draw([(2, 2), (5, 5), (5, 5)], 2)
    with pytest.raises(ValueError, match=r"has 0 visible parts$"):
        draw([], 1)
    with pytest.raises(ValueError, match=r"has 1 visible parts$"):
        draw([(1, 1)], 0)
    with pytest.raises(ValueError, match="not finite"):
        draw([(1, float("nan"))], 1)


def test_usable_parts_of_an_object_without_parts_or_pixels() -> None:
    assert usable_parts(np.empty((0, 2)), (0, 0, 4, 4), 8, 8) == 0
    with pytest.raises(ValueError, match=r"\(9, 0, 4, 4\) has no pixel of an image of 8×8 pixels"):
        usable_parts([(1, 1)], (9, 0, 4, 4), 8, 8)


@given(st.data())
def test_annotated_pixels_are_the_players(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    n_players = data.draw(st.integers(1, height * width))
    # Every pixel is given to a player or to none; then every player gets one at least.
    labels = data.draw(
        st.lists(
            st.integers(-1, n_players - 1),
            min_size=height * width - n_players,
            max_size=height * width - n_players,
        )
    )
    drawn = data.draw(st.permutations([*range(n_players), *labels]))
    expected = np.array(drawn, dtype=np.int16).reshape(height, width)
    regions = [np.argwhere(expected == player).tolist() for player in range(n_players)]
    players = annotation_players(regions, height, width, n_players=n_players)
    assert players.dtype == np.int16
    np.testing.assert_array_equal(players, expected)


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ([[[0, 0]]], "n_players = 2: 1 regions are drawn"),
        ([[[0, 0]], []], "n_players = 2: 1 regions are drawn"),
        ([[[0, 0], [2, 3]], [[1, 1], [2, 3]]], r"players 0 and 1 overlap at pixel \[2, 3\]"),
        ([[[0, 0]], [[1, 1], [4, 0]]], r"player 1 has pixel \[4, 0\], outside the image of 4×5"),
        ([[[0, 0]], [[1, -1]]], r"player 1 has pixel \[1, -1\], outside"),
        ([[[0, 0]], [[0, 5]]], r"player 1 has pixel \[0, 5\], outside"),
    ],
)
def test_annotations_that_are_no_players(regions: list[list[list[int]]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        annotation_players(regions, 4, 5, n_players=2)


@given(st.data())
def test_sub_tokens_of_a_word_share_its_player(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=12))
    words = [word for word, length in enumerate(lengths) for _ in range(length)]
    word_of_token = np.array([-1, *words, -1, -1])
    n_players = data.draw(st.integers(1, len(lengths)))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    players = word_players(word_of_token, n_players=n_players, generator=generator)
    assert players.dtype == np.int16
    check_players(players, n_players)
    assert set(players[word_of_token == -1]) == {BACKGROUND}
    for word in range(len(lengths)):
        assert len(set(players[word_of_token == word])) == 1
    for player in range(n_players):
        assert len(set(word_of_token[players == player])) == 1
    # In the order of the sentence.
    firsts = [int(np.argmax(players == player)) for player in range(n_players)]
    assert firsts == sorted(firsts)


def test_the_seed_decides_which_words() -> None:
    def draw(seed: int) -> list[int]:
        generator = np.random.default_rng(seed)
        return word_players(np.arange(30), n_players=10, generator=generator).tolist()

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


@pytest.mark.parametrize("n_players", [0, 3])
def test_a_sentence_of_too_few_words(n_players: int) -> None:
    with pytest.raises(ValueError, match=f"n_players = {n_players}: the sentence has 2 words"):
        word_players([-1, 0, 1, 1], n_players=n_players, generator=np.random.default_rng(0))


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
def test_superpixels_are_exactly_n_connected_regions(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    shape = (height, width, data.draw(st.sampled_from([1, 3])))
    values = st.sampled_from([0, 255]) | st.integers(0, 255)
    image = data.draw(arrays(np.uint8, shape, elements=values))
    n_players = data.draw(st.integers(1, height * width))
    check_cover(superpixel_players(image, n_players=n_players), n_players)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("n_players", [1, 2, 7, 10, 16, 40])
@pytest.mark.parametrize("kind", ["constant", "noise", "stripes"])
def test_superpixels_of_images_without_regions_of_their_own(
    kind: str, n_players: int, channels: int
) -> None:
    shape = (40, 56, channels)
    image = np.full(shape, 90, dtype=np.uint8)
    if kind == "noise":
        image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if kind == "stripes":
        image[::2] = 200
    check_cover(superpixel_players(image, n_players=n_players), n_players)


@pytest.mark.parametrize("channels", [1, 3])
def test_superpixels_follow_colours(channels: int) -> None:
    image = np.zeros((32, 32, channels), dtype=np.uint8)
    image[:, 10:] = 120
    image[20:, 10:] = 255
    players = superpixel_players(image, n_players=3)
    assert len({players[0, 0], players[0, 31], players[31, 31]}) == 3
    for region in (np.s_[2:-2, :8], np.s_[2:18, 12:-2], np.s_[22:-2, 12:-2]):
        assert len(np.unique(players[region])) == 1


def test_nothing_about_superpixels_is_random() -> None:
    image = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    first, second = (superpixel_players(image, n_players=10) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("n_players", [0, 13])
def test_as_many_superpixels_as_pixels_at_most(n_players: int) -> None:
    with pytest.raises(ValueError, match=f"n_players = {n_players}: the image has 12 pixels"):
        superpixel_players(np.zeros((3, 4, 1), dtype=np.uint8), n_players=n_players)


def test_superpixels_refuse_channels_first() -> None:
    with pytest.raises(ValueError, match=r"\(3, 8, 8\) is not \(height, width, 1 or 3 channels\)"):
        superpixel_players(np.zeros((3, 8, 8), dtype=np.uint8), n_players=2)
