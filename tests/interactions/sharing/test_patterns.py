"""Patterns of positions, against sets of coalitions."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from whypretrain.interactions.sharing import PositionPatterns, count_rows


@given(st.integers(1, 6), st.integers(1, 7), st.integers(0, 99))
def test_coalitions_share_a_row_where_they_agree_on_who_reaches(
    n_players: int, n_positions: int, seed: int
) -> None:
    reached = torch.from_numpy(np.random.default_rng(seed).random((n_players, n_positions)) < 0.5)
    patterns = PositionPatterns(reached)
    coalitions = torch.arange(2**n_players)
    rows = patterns.rows(torch.arange(n_positions), coalitions[:, None])
    assert rows.shape == (2**n_players, n_positions)
    expected: dict[tuple[int, int], int] = {}
    for position in range(n_positions):
        reaching = sum(1 << i for i in range(n_players) if reached[i, position])
        for coalition in range(2**n_players):
            pair = position, coalition & reaching
            row = expected.setdefault(pair, int(rows[coalition, position]))
            assert rows[coalition, position] == row
            assert (int(patterns.positions[row]), int(patterns.coalitions[row])) == pair
    assert sorted(expected.values()) == list(range(count_rows(reached)))
