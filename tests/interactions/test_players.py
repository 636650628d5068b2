"""Grid players: disjoint, non-empty, inside the margin, repeatable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whypretrain.interactions.players import (
    BACKGROUND,
    check_players,
    grid_capacity,
    grid_players,
)


@given(st.data())
def test_players_are_whole_cells_inside_the_margin(data: st.DataObject) -> None:
    cells = data.draw(st.integers(1, 9))
    margin = data.draw(st.integers(0, (cells - 1) // 2))
    n_players = data.draw(st.integers(1, grid_capacity(cells, margin)))
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
