"""Masking and evaluation: against a loop, and on networks whose interactions are known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from whypretrain.interactions.coalitions import members
from whypretrain.interactions.evaluate import evaluate_coalitions
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.players import grid_players

N_PLAYERS = 6


@pytest.fixture
def players() -> Tensor:
    generator = np.random.default_rng(0)
    drawn = grid_players(12, 12, cells=4, margin=0, n_players=N_PLAYERS, generator=generator)
    return torch.from_numpy(drawn)


@pytest.fixture
def image() -> Tensor:
    return torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def baseline() -> Tensor:
    return torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(2))


class Planted(nn.Module):
    """Two logits whose log-odds are a sum of products of region indicators, with known weights."""

    def __init__(self, players: Tensor, weights: dict[int, float]) -> None:
        super().__init__()
        self.players, self.weights = players, weights

    def forward(self, images: Tensor) -> Tensor:
        # The image is 1 everywhere and the baseline 0, so a region's mean is its indicator.
        present = [
            images[:, 0, self.players == player].mean(dim=1).double() for player in range(N_PLAYERS)
        ]
        value = torch.zeros(len(images), dtype=torch.float64)
        for coalition, weight in self.weights.items():
            term = torch.full_like(value, weight)
            for player in members(coalition):
                term = term * present[player]
            value = value + term
        return torch.stack([value, torch.zeros_like(value)], dim=1)


def test_planted_interactions_come_back(players: Tensor) -> None:
    weights = {0b0: 0.5, 0b1: 1.0, 0b110: -2.0, 0b10101: 3.0, 0b111111: -0.25}
    outputs, logits = evaluate_coalitions(
        Planted(players, weights),
        torch.ones(1, 12, 12),
        torch.zeros(1, 12, 12),
        players,
        label=0,
        n_players=N_PLAYERS,
        batch_size=7,
    )
    expected = np.zeros(2**N_PLAYERS)
    for coalition, weight in weights.items():
        expected[coalition] = weight
    np.testing.assert_allclose(mobius(outputs), expected, atol=1e-12)
    np.testing.assert_allclose(logits, [sum(weights.values()), 0])


def test_the_batch_size_changes_nothing_but_rounding(
    players: Tensor, image: Tensor, baseline: Tensor
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 5)).eval()
    results = [
        evaluate_coalitions(
            network, image, baseline, players, 2, n_players=N_PLAYERS, batch_size=size
        )[0]
        for size in (1, 5, 64, 1000)
    ]
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], atol=1e-5)


def test_refuses_outputs_that_are_not_finite(
    players: Tensor, image: Tensor, baseline: Tensor
) -> None:
    class Broken(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.new_full((len(images), 2), float("nan"))

    with pytest.raises(FloatingPointError, match="64 of 64 outputs are not finite"):
        evaluate_coalitions(
            Broken(), image, baseline, players, 0, n_players=N_PLAYERS, batch_size=64
        )


def test_words_are_masked_by_a_token() -> None:
    """A bag of words: the network counts the tokens of players that are still there."""

    class Counts(nn.Module):
        def forward(self, tokens: Tensor) -> Tensor:
            values = (tokens * (tokens != 103)).sum(dim=1).double()
            return torch.stack([values, torch.zeros_like(values)], dim=1)

    tokens = torch.tensor([7, 20, 300, 4000, 8])
    players = torch.tensor([-1, 0, 1, 1, -1])
    outputs, logits = evaluate_coalitions(
        Counts(), tokens, torch.full_like(tokens, 103), players, 0, n_players=2, batch_size=3
    )
    np.testing.assert_allclose(outputs, [15, 35, 4315, 4335])
    np.testing.assert_allclose(logits, [4335, 0])
