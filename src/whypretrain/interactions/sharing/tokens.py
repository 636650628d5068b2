"""Tokens of masked inputs: one row for each pattern of the players in them; one query's attention.

What a transformer does to a token before the first attention depends only on the players that have
a site in it (pixels of a patch, or the token itself): on one of 2**k patterns for k players. And
where the head reads one token, the last attention answers one query.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from whypretrain.interactions.masking import Background
from whypretrain.interactions.sharing.patterns import PositionPatterns


class TokenPatterns(PositionPatterns):
    """All pairs of a token and a pattern of the players in it; a token is a position.

    Parameters
    ----------
    players : integer tensor of shape (n_tokens, n_sites)
        The player of every site of every token; -1 where there is none.
    n_players : how many players there are
    """

    def __init__(self, players: Tensor, n_players: int) -> None:
        super().__init__(torch.stack([(players == i).any(dim=1) for i in range(n_players)]))
        self._sites, self._n_players = players.long(), n_players
        self.n_tokens = len(players)

    def kept(self, background: Background) -> Tensor:
        """Which sites of its token every row keeps, bool of shape (n_rows, n_sites)."""
        each = torch.arange(self._n_players, device=self.positions.device)
        present = (self.coalitions[:, None] >> each & 1).bool()
        rest = torch.full_like(present[:, :1], background == "keep")
        column = torch.where(self._sites < 0, self._n_players, self._sites)
        return torch.cat([present, rest], dim=1).gather(1, column[self.positions])


@dataclass(frozen=True)
class TokenTable:
    """Tokens of any masked version of one input, looked up in `values`, (n_rows, n_columns)."""

    patterns: TokenPatterns
    values: Tensor

    def __call__(self, coalitions: Tensor) -> Tensor:
        """Tokens of shape (batch, n_tokens, n_columns), for int64 coalitions (batch,)."""
        tokens = torch.arange(self.patterns.n_tokens, device=coalitions.device)
        return functional.embedding(self.patterns.rows(tokens, coalitions[:, None]), self.values)


def split_columns(tokens: Tensor, width: int, n_heads: int) -> tuple[Tensor, ...]:
    """States, queries, keys and values of tokens [x|q|k|v], (batch, n_tokens, n_columns).

    Returns
    -------
    x : view of shape (batch, n_tokens, width)
    q, k, v : views of shape (batch, n_heads, n_tokens, depth)
    """
    heads = tokens[..., width:].unflatten(-1, (3, n_heads, -1)).permute(2, 0, 3, 1, 4)
    return tokens[..., :width], *heads.unbind(0)


def attend_once(
    query: Tensor, states: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None
) -> Tensor:
    """Attention of one query to all states, without a key or a value for each.

    As q·(K s) = (Kᵀ q)·s and Σ a (V s + b) = V (Σ a s) + b, both maps act on one vector a head, not
    on every token. The keys' bias adds the same number to all scores, and the softmax drops it.

    Parameters
    ----------
    query : tensor of shape (batch, n_heads, depth), scaled
    states : tensor of shape (batch, n_tokens, width), which keys and values are made from
    keys, values : weights of shape (n_heads · depth, width)
    bias : the values' bias of shape (n_heads · depth,), or None

    Returns
    -------
    tensor of shape (batch, 1, n_heads · depth)
    """
    n_heads = query.shape[1]
    keys, values = (weight.unflatten(0, (n_heads, -1)) for weight in (keys, values))
    scores = torch.einsum("bhd,hdw->bhw", query, keys) @ states.transpose(1, 2)
    means = scores.softmax(dim=-1) @ states
    attended = torch.einsum("bhw,hdw->bhd", means, values).flatten(1)
    return (attended if bias is None else attended + bias)[:, None]


def is_plain(network: nn.Module) -> bool:
    """Whether all modules are in eval mode and do what their classes say, with no hook on them."""
    return not any(
        module.training
        or module._forward_hooks
        or module._forward_pre_hooks
        or "forward" in vars(module)
        for module in network.modules()
    )
