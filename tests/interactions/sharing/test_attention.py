"""Patterns of tokens against masking itself; one query's attention against all queries'."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from whypretrain.interactions.forward import Background, MaskedInput
from whypretrain.interactions.sharing import is_plain
from whypretrain.interactions.sharing.attention import (
    TokenPatterns,
    attend_once,
)


@pytest.mark.parametrize("background", ["keep", "mask"])
@pytest.mark.parametrize("n_players", range(1, 9))
def test_looked_up_tokens_are_those_of_the_masked_input(
    n_players: int, background: Background
) -> None:
    generator = torch.Generator().manual_seed(n_players)
    players = torch.randint(-1, n_players, (7, 4), generator=generator)
    players[2] = -1
    inputs, baseline = torch.randn(2, 7, 4, generator=generator)
    patterns = TokenPatterns(players.short(), n_players)
    kept, token = patterns.kept(background), patterns.positions
    look_up = patterns.lookup(torch.where(kept, inputs[token], baseline[token]))
    coalitions = torch.arange(2**n_players)
    masked = MaskedInput(inputs, baseline, players, n_players, background)
    assert torch.equal(look_up(coalitions), masked.versions(coalitions))


def test_there_is_one_row_a_pattern() -> None:
    players = torch.tensor([[-1, -1, -1], [0, 0, -1], [0, 2, 1], [2, 2, 1]])
    patterns = TokenPatterns(players, 3)
    assert len(patterns.positions) == 1 + 2 + 8 + 4
    assert patterns.positions.tolist() == [0] + [1] * 2 + [2] * 8 + [3] * 4
    assert patterns.kept("keep")[:3].tolist() == [[True] * 3, [False, False, True], [True] * 3]
    # All rows are used, and the empty coalition has the first of every token.
    assert patterns.rows(torch.arange(4), torch.arange(8)[:, None]).unique().tolist() == list(
        range(15)
    )
    assert patterns.rows(torch.arange(4), torch.tensor(0)).tolist() == [0, 1, 3, 11]


@pytest.mark.parametrize("bias", [True, False])
def test_one_query_attends_as_all_of_them_do(bias: bool) -> None:
    torch.manual_seed(0)
    states = torch.randn(5, 11, 12, dtype=torch.float64)
    keys, values = (nn.Linear(12, 6, bias=bias, dtype=torch.float64) for _ in range(2))
    query = torch.randn(5, 3, 2, dtype=torch.float64)
    k, v = (part(states).unflatten(-1, (3, 2)).transpose(1, 2) for part in (keys, values))
    expected = functional.scaled_dot_product_attention(query[:, :, None], k, v, scale=1.0)
    found = attend_once(query, states, keys.weight, values.weight, values.bias)
    torch.testing.assert_close(found, expected.transpose(1, 2).flatten(2), atol=1e-14, rtol=1e-12)


def _hook(*_: object) -> None:
    return None


def _replace_forward(module: nn.Module) -> None:
    def forward(x: Tensor) -> Tensor:
        return x

    module.forward = forward


@pytest.mark.parametrize(
    "change",
    [
        lambda module: module.train(),
        lambda module: module.register_forward_hook(_hook),
        lambda module: module.register_forward_pre_hook(_hook),
        _replace_forward,
    ],
)
def test_a_network_that_does_more_than_its_classes_say_is_not_plain(
    change: Callable[[nn.Module], object],
) -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU())).eval()
    assert is_plain(network)
    change(network[1][0])  # type: ignore[index]
    assert not is_plain(network)
