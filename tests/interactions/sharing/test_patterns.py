"""Patterns of positions, against sets of coalitions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from whypretrain.interactions import sharing
from whypretrain.interactions.sharing import PositionPatterns, count_rows, layout


@pytest.mark.parametrize("bits", [2, 10])  # several look-ups, and one
@given(st.integers(1, 6), st.integers(1, 7), st.integers(0, 99))
def test_coalitions_share_a_row_where_they_agree_on_who_reaches(
    bits: int, n_players: int, n_positions: int, seed: int
) -> None:
    masks = np.random.default_rng(seed).integers(1 << n_players, size=n_positions)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sharing, "BITS", bits)
        patched.setattr(sharing, "LOW", (1 << bits) - 1)
        patterns = PositionPatterns.of(masks, n_players)
        coalitions = torch.arange(2**n_players)
        rows = patterns.rows(torch.arange(n_positions), coalitions[:, None])
        assert patterns.coalitions.dtype == patterns.positions.dtype == torch.int32
    assert rows.shape == (2**n_players, n_positions)
    assert rows.dtype == torch.int32
    expected: dict[tuple[int, int], int] = {}
    for position in range(n_positions):
        reaching = int(masks[position])
        for coalition in range(2**n_players):
            pair = position, coalition & reaching
            row = expected.setdefault(pair, int(rows[coalition, position]))
            assert rows[coalition, position] == row
            assert (int(patterns.positions[row]), int(patterns.coalitions[row])) == pair
    assert sorted(expected.values()) == list(range(count_rows(masks)))
    assert patterns.n_rows == count_rows(masks)


@pytest.mark.parametrize("n_players", [4, 12, 36])
def test_windows_read_the_rows_of_their_taps(n_players: int) -> None:
    generator = np.random.default_rng(0)
    # Few players at a time reach a position, whatever their numbers are.
    source = 1 << generator.integers(n_players, size=9)
    taps = torch.from_numpy(generator.integers(10, size=(5, 4)).astype(np.int32))  # 9 is padding
    masks = np.bitwise_or.reduce(np.append(source, 0)[taps.numpy()], axis=1)
    read, others = (PositionPatterns.of(of, n_players) for of in (source, masks))
    found = read.rows_of_windows(taps, others)
    assert found.shape == (others.n_rows, 4)
    for row, position in enumerate(others.positions.tolist()):
        for tap, place in enumerate(taps[position].tolist()):
            place_row = read.rows(torch.tensor(place), others.coalitions[row])
            assert found[row, tap] == (place_row if place < 9 else read.n_rows)


@pytest.mark.parametrize(("n_players", "dtype"), [(31, np.int32), (32, np.int64)])
def test_masks_take_as_many_bits_as_players(n_players: int, dtype: type) -> None:
    highest = np.array([1 << (n_players - 1)])
    assert layout(highest).dtype == dtype
    assert layout(highest).tolist() == [[highest[0], 0], [0, 2]]
