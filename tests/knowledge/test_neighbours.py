"""Pairs of players by distance, on images and sentences whose distances are known."""

import numpy as np
import pytest

from whypretrain.data.samples import Sample
from whypretrain.knowledge.neighbours import FARTHEST, content, neighbours_table, places

CELL = 7
GRID = np.arange(16).reshape(4, 4).repeat(CELL, 0).repeat(CELL, 1)  # cells of a 28 × 28 image


def image(cells: list[int], intensity: np.ndarray, name: str = "a") -> Sample:
    """Players on cells of the grid; each cell is of one intensity above a baseline of 1/5."""
    players = np.full(GRID.shape, -1, dtype=np.int16)
    for player, cell in enumerate(cells):
        players[cell == GRID] = player
    pixels = (51 + 10 * intensity[GRID])[None].astype(np.uint8)
    baseline = np.full((1, 28, 28), 0.2, dtype=np.float32)
    return Sample(name, 0, pixels, baseline, players, [], [])


def sentence(word_players: list[int]) -> Sample:
    players = np.array([-1, *word_players, -1], dtype=np.int16)
    return Sample("t", 0, players, players, players, ["w"] * len(word_players), word_players)


def test_content_is_what_stands_out_from_the_baseline() -> None:
    intensity = np.arange(16) % 7
    found = content(image([3, 12], intensity), 2)
    assert found == pytest.approx([10 * 3 / 255, 10 * 5 / 255], abs=1e-6)


def test_a_grid_is_measured_in_cells_and_a_sentence_in_words() -> None:
    at = places(image([0, 1, 5, 15], np.zeros(16)), 4)
    apart = np.linalg.norm(at - at[0], axis=1)
    assert apart == pytest.approx([0, 1, np.sqrt(2), 3 * np.sqrt(2)])
    assert places(sentence([-1, 1, -1, 0]), 2).tolist() == [[3.0], [1.0]]


def test_strengths_are_those_of_the_pairs_at_each_distance() -> None:
    samples = [image([0, 1, 2], np.arange(16)), image([12, 4, 8], np.arange(16))]
    own = np.zeros((2, 8))
    own[:, [0b011, 0b101, 0b110]] = [[1, 2, -3], [4, -5, 6]]
    own[:, [0, 1, 2, 4, 7]] = 99  # not pairs
    table = neighbours_table(samples, 3, {"probe": own, "scratch": 2 * own})
    rows = table.set_index(["variant", "distance"])
    # First sample: {0, 1} and {1, 2} are neighbours. Second: {1, 2} and {0, 2}; {0, 1} is far.
    assert rows.loc[("probe", 1), "strength"] == pytest.approx((1 + 3 + 5 + 6) / 4)
    assert rows.loc[("probe", 2), "strength"] == pytest.approx((2 + 4) / 2)
    assert rows.loc[("scratch", 2), "strength"] == pytest.approx(2 + 4)
    assert rows["n_pairs"].tolist() == [4, 4, 2, 2]


def test_the_correlation_is_that_over_pairs_of_a_distance() -> None:
    """Left and right halves of each image are of one intensity of their own."""
    generator = np.random.default_rng(0)
    samples, cells = [], [0, 1, 3]
    for number in range(400):
        left, right = generator.integers(0, 20, size=2)
        intensity = np.where(np.arange(16) % 4 < 2, left, right)
        samples.append(image(cells, intensity, str(number)))
    table = neighbours_table(samples, 3, {"probe": np.zeros((400, 8))}).set_index("distance")
    assert table.loc[1, "correlation"] == pytest.approx(1)
    assert table.loc[3, "correlation"] == pytest.approx(0, abs=0.1)
    assert list(table.index) == [1, 2, 3]


def test_words_have_distances_and_no_intensity() -> None:
    words = sentence([0, 1, -1, -1, -1, -1, -1, -1, -1, 2])
    own = np.arange(8.0)[None]
    table = neighbours_table([words], 3, {"probe": own})
    assert table["distance"].tolist() == [1, FARTHEST]
    assert table["strength"].tolist() == [3.0, (5 + 6) / 2]
    assert table["correlation"].isna().all()


def test_players_that_rise_together_but_differ_are_not_alike() -> None:
    samples = []
    for x in range(5):
        intensity = np.where(np.arange(16) == 0, x, x + 15)
        samples.append(image([0, 1], intensity, str(x)))
    table = neighbours_table(samples, 2, {"probe": np.zeros((5, 4))})
    # Intraclass: of deviations from one mean for both, 2 within ±2 and 7.5 between.
    assert table["correlation"].item() == pytest.approx((2 - 7.5**2) / (2 + 7.5**2))
