"""Exact sharing: what the 2**n_players masked versions of an input have in common, once.

That is patterns: each position of a value under each choice of the players that reach it.
"""

import torch
from torch import Tensor, nn


class PositionPatterns:
    """All pairs of a position and a pattern of the players that reach it: by position, by pattern.

    A position that k players reach has 2**k patterns; bit j of one says that the j-th of those
    players is kept.

    Parameters
    ----------
    reached : bool tensor of shape (n_players, n_positions)

    Attributes
    ----------
    positions : int64 tensor of shape (n_rows,)
        The position of every row.
    coalitions : int64 tensor of shape (n_rows,)
        The players of every row that are kept.

    >>> patterns = PositionPatterns(torch.tensor([[True, True], [False, True]]))
    >>> patterns.positions.tolist(), patterns.coalitions.tolist()
    ([0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 2, 3])
    >>> patterns.rows(torch.tensor([0, 1]), torch.tensor(0b10)).tolist()
    [0, 4]
    """

    def __init__(self, reached: Tensor) -> None:
        n_patterns = 1 << reached.sum(dim=0)
        first = n_patterns.cumsum(dim=0) - n_patterns
        rank = (reached.cumsum(dim=0) - 1).clamp(min=0)
        # 32 bits are enough for tables that fit into memory, and half the traffic.
        self._first = first.int()
        self._weight = (reached << rank).int()
        self.positions = torch.repeat_interleave(n_patterns)
        pattern = torch.arange(len(self.positions), device=reached.device) - first[self.positions]
        self.coalitions = torch.zeros_like(pattern)
        for player, weight in enumerate(self._weight):
            self.coalitions += (pattern & weight[self.positions] > 0).long() << player

    def rows(self, positions: Tensor, coalitions: Tensor) -> Tensor:
        """Rows of positions under coalitions: int32 tensor of the shape the two broadcast to."""
        rows = self._first[positions]
        for player, weight in enumerate(self._weight):
            rows = rows + weight[positions] * (coalitions >> player & 1).int()
        return rows


def count_rows(reached: Tensor) -> int:
    """How many rows the patterns of a map have, of bool (n_players, n_positions)."""
    return int((1 << reached.sum(dim=0)).sum())


def is_plain(network: nn.Module) -> bool:
    """Whether all modules are in eval mode and do what their classes say, with no hook on them."""
    return not any(
        module.training
        or module._forward_hooks
        or module._forward_pre_hooks
        or "forward" in vars(module)
        for module in network.modules()
    )
