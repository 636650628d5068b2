"""Exact sharing: what the 2**n_players masked versions of an input have in common, once.

That is patterns: each position of a value under each choice of the players that reach it. Which
players those are is a bit mask for each position, as a coalition is one for all.
"""

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BITS = 10
"""Players whose bits are moved by one look-up, in a table of 2 MB; there are rarely more."""
LOW = (1 << BITS) - 1


class PositionPatterns:
    """All pairs of a position and a pattern of the players that reach it: by position, by pattern.

    A position that k players reach has 2**k patterns; bit j of one says that the j-th of those
    players is kept.

    Parameters
    ----------
    masks : int32 tensor of shape (n_positions + 1,)
        Which players reach each position, as bits. The last entry, 0, is no position: its row
        stands behind all others, for what lies in the padding.
    first : int32 tensor of shape (n_positions + 1,)
        The first row of each position, and at last how many rows there are.
    n_rows : the last entry of `first`, which a card would have to be asked for

    >>> patterns = PositionPatterns.of(np.array([0b01, 0b11]), n_players=2)
    >>> patterns.positions.tolist(), patterns.coalitions.tolist()
    ([0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 2, 3])
    >>> patterns.rows(torch.tensor([0, 1]), torch.tensor(0b10)).tolist()
    [0, 4]
    """

    def __init__(self, masks: Tensor, first: Tensor, *, n_rows: int, n_players: int) -> None:
        self._masks, self._first, self._n_players = masks, first, n_players
        self.n_rows = n_rows

    @classmethod
    def of(
        cls, masks: NDArray[Any], n_players: int, device: torch.device | str = "cpu"
    ) -> "PositionPatterns":
        """Patterns of positions, from a bit mask of players for each, (n_positions,)."""
        table = layout(masks)
        rows = torch.from_numpy(table).to(device)
        return cls(*rows, n_rows=int(table[1, -1]), n_players=n_players)

    @cached_property
    def positions(self) -> Tensor:
        """The position of every row: int32 tensor of shape (n_rows,)."""
        return torch.repeat_interleave(self._first.diff(), output_size=self.n_rows)

    @cached_property
    def coalitions(self) -> Tensor:
        """The players of every row that are kept, as bits: int32 tensor of shape (n_rows,)."""
        every = torch.arange(self.n_rows, dtype=self._first.dtype, device=self._first.device)
        masks, first = (
            table.index_select(0, self.positions) for table in (self._masks, self._first)
        )
        return _spread(masks, every.sub_(first), self._n_players).to(masks.dtype)

    def rows(self, positions: Tensor, coalitions: Tensor) -> Tensor:
        """Rows of positions under coalitions: int32 tensor of the shape the two broadcast to."""
        return self._compressed(self._masks[positions], self._first[positions], coalitions)

    def rows_of_windows(self, taps: Tensor, others: "PositionPatterns") -> Tensor:
        """Rows that the windows of others read, each under the other's pattern.

        Parameters
        ----------
        taps : int32 tensor of shape (n_other_positions, n_taps)
            Positions that each of the others' positions reads; n_positions is the padding.

        Returns
        -------
        int32 tensor of shape (n_other_rows, n_taps)
        """
        # Looked up once a position: rows then copy whole windows.
        masks, first = (
            table.index_select(0, taps.flatten()).view(taps.shape).index_select(0, others.positions)
            for table in (self._masks, self._first)
        )
        return self._compressed(masks, first, others.coalitions[:, None])

    def _compressed(self, masks: Tensor, first: Tensor, coalitions: Tensor) -> Tensor:
        pattern = _compress(masks, coalitions.to(masks.dtype), self._n_players)
        return pattern.to(first.dtype).add_(first)


def layout(masks: NDArray[Any]) -> NDArray[Any]:
    """What :class:`PositionPatterns` takes, masks and first rows: (2, n_positions + 1)."""
    table = np.zeros((2, len(masks) + 1), dtype=mask_type(int(masks.max(initial=0)).bit_length()))
    table[0, :-1] = masks
    np.cumsum(_n_patterns(masks), out=table[1, 1:])
    return table


def mask_type(n_players: int) -> type[np.int32 | np.int64]:
    """The smallest type that holds a bit for every player."""
    return np.int32 if n_players < 32 else np.int64


def count_rows(masks: NDArray[Any]) -> int:
    """How many rows the patterns of a map have, from a bit mask of players for each position."""
    return int(_n_patterns(masks).sum())


def _n_patterns(masks: NDArray[Any]) -> NDArray[np.int64]:
    return np.left_shift(1, np.bitwise_count(masks), dtype=np.int64)


def _compress(masks: Tensor, coalitions: Tensor, n_players: int) -> Tensor:
    """The bits of coalitions at the players of masks, moved together: the number of a pattern."""
    if n_players <= BITS:
        return _look_up(0, masks, coalitions, n_players)
    low = masks & LOW
    n_low = 1 + _look_up(0, low, low, BITS).int()
    high = _compress(masks >> BITS, coalitions >> BITS, n_players - BITS)
    return _look_up(0, low, coalitions & LOW, BITS) + n_low * high


def _spread(masks: Tensor, patterns: Tensor, n_players: int) -> Tensor:
    """The inverse: bits of patterns, moved to where their players stand in masks."""
    if n_players <= BITS:
        return _look_up(1, masks, patterns, n_players)
    low = masks & LOW
    n_low = 1 + _look_up(0, low, low, BITS).int()
    high = _spread(masks >> BITS, patterns // n_low, n_players - BITS)
    return _look_up(1, low, patterns % n_low, BITS) | high.int() << BITS


def _look_up(which: int, masks: Tensor, bits: Tensor, n_bits: int) -> Tensor:
    table = _tables(n_bits, masks.device)[which]
    index = (masks << n_bits) | bits
    return table.index_select(0, index.flatten()).view(index.shape)


@lru_cache(maxsize=4 * BITS)
def _tables(n_bits: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Bits moved together and apart, for every mask and what it is applied to.

    Returns
    -------
    compressed, spread : int16 tensors of shape (4**n_bits,), entry mask << n_bits | bits
    """
    compressed = np.zeros((1, 1), dtype=np.int16)
    for bit in range(n_bits):
        # A mask with this bit adds it to what has it, above all bits that the mask has so far.
        above = np.left_shift(1, np.bitwise_count(np.arange(1 << bit)), dtype=np.int16)[:, None]
        compressed = np.block([[compressed, compressed], [compressed, compressed + above]])
    every = np.arange(1 << n_bits, dtype=np.int16)
    spread = np.zeros_like(compressed)
    spread[every[:, None], compressed] = every[:, None] & every
    tables = (torch.from_numpy(table.ravel()).to(device) for table in (compressed, spread))
    return next(tables), next(tables)


def is_plain(network: nn.Module) -> bool:
    """Whether all modules are in eval mode and do what their classes say, with no hook on them."""
    return not any(
        module.training
        or module._forward_hooks
        or module._forward_pre_hooks
        or "forward" in vars(module)
        for module in network.modules()
    )
