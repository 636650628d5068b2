"""Masking and evaluation: against a loop, and on networks whose interactions are known."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from whypretrain.interactions import measure
from whypretrain.interactions.forward import Assemble, MaskedInput, PlainForward
from whypretrain.interactions.measure import (
    Evaluation,
    check_outputs,
    evaluate,
    fitting_batch_size,
)
from whypretrain.interactions.mobius import members, mobius
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
    masked = MaskedInput(torch.ones(1, 12, 12), torch.zeros(1, 12, 12), players, N_PLAYERS)
    forward = PlainForward(Planted(players, weights))
    ((outputs, logits),) = evaluate(forward, [masked], [0], batch_size=7)
    expected = np.zeros(2**N_PLAYERS)
    for coalition, weight in weights.items():
        expected[coalition] = weight
    np.testing.assert_allclose(mobius(outputs), expected, atol=1e-12)
    np.testing.assert_allclose(logits, [sum(weights.values()), 0])


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 5)).eval()


@pytest.fixture
def masked(players: Tensor, image: Tensor, baseline: Tensor) -> MaskedInput:
    return MaskedInput(image, baseline, players, N_PLAYERS)


def test_the_batch_size_changes_nothing_but_rounding(
    network: nn.Module, masked: MaskedInput
) -> None:
    results = [
        evaluate(PlainForward(network), [masked], [2], batch_size=size)[0].outputs
        for size in (1, 5, 64, 1000)
    ]
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], atol=1e-5)


@pytest.mark.parametrize("batch_size", [2, 7, 128, 1000])
def test_inputs_that_share_batches_do_not_mix(
    network: nn.Module, masked: MaskedInput, batch_size: int
) -> None:
    other = MaskedInput(masked.baseline, masked.inputs, masked.players, N_PLAYERS)
    forward = PlainForward(network)
    together = evaluate(forward, [masked, other], [2, 4], batch_size=batch_size)
    for one, found, label in zip([masked, other], together, [2, 4], strict=True):
        (alone,) = evaluate(forward, [one], [label], batch_size=64)
        np.testing.assert_allclose(found.outputs, alone.outputs, atol=1e-5)
        np.testing.assert_allclose(found.logits, alone.logits, atol=1e-5)


def test_running_out_of_memory_halves_the_batch_and_loses_nothing(
    network: nn.Module, masked: MaskedInput
) -> None:
    sizes = []

    class Small(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            sizes.append(len(images))
            if len(images) > 10:
                raise torch.OutOfMemoryError
            return network(images)

    (found,) = evaluate(PlainForward(Small()), [masked], [2], batch_size=32)
    assert sizes[:3] == [32, 16, 8]
    assert set(sizes[3:]) == {8}
    (expected,) = evaluate(PlainForward(network), [masked], [2], batch_size=64)
    np.testing.assert_allclose(found.outputs, expected.outputs, atol=1e-5)


def test_refuses_outputs_that_are_not_finite(masked: MaskedInput) -> None:
    class Broken(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.new_full((len(images), 2), float("nan"))

    with pytest.raises(FloatingPointError, match="64 of 64 outputs are not finite"):
        evaluate(PlainForward(Broken()), [masked], [0], batch_size=64)


def test_outputs_that_differ_from_plain_ones_are_refused(
    network: nn.Module, masked: MaskedInput
) -> None:
    class Wrong(PlainForward):
        def prepare(self, masked: MaskedInput) -> Assemble:
            # Player 2 is never masked: what a mistaken colouring could do.
            return lambda coalitions: masked.versions(coalitions | 4)

    plain = PlainForward(network)

    def check(found: Evaluation) -> None:
        some = torch.tensor([0, 63])
        check_outputs(plain, network[-1], masked, 1, found.outputs, coalitions=some, tolerance=1e-5)  # type: ignore[index]

    (right,) = evaluate(plain, [masked], [1], batch_size=9)
    check(right)
    (wrong,) = evaluate(Wrong(network), [masked], [1], batch_size=64)
    with pytest.raises(FloatingPointError, match=r"set extraction\.sharing to false"):
        check(wrong)


def test_rounding_of_products_that_cancel_is_no_difference(masked: MaskedInput) -> None:
    """The head's products are large and cancel, so the rounding of logits near 0 is large."""

    class Cancelling(nn.Module):
        def __init__(self, size: float) -> None:
            super().__init__()
            self.head = nn.Linear(2, 2, bias=False)
            self.head.weight.data = torch.tensor([[size, -size], [-size, size]])

        def forward(self, images: Tensor) -> Tensor:
            mean = images.mean(dim=(1, 2, 3))
            return self.head(torch.stack([mean + 1, mean.detach() + 1], dim=1))

    for size, is_rounding in ((100.0, True), (1.0, False)):
        network = Cancelling(size)
        plain = PlainForward(network)
        (found,) = evaluate(plain, [masked], [0], batch_size=64)
        assert np.abs(found.outputs).max() < 1e-3
        some = torch.arange(4)
        expected = (
            nullcontext() if is_rounding else pytest.raises(FloatingPointError, match="rounding")
        )
        with expected:
            check_outputs(
                plain,
                network.head,
                masked,
                0,
                found.outputs + 1e-3,
                coalitions=some,
                tolerance=1e-5,
            )


def test_words_are_masked_by_a_token() -> None:
    """A bag of words: the network counts the tokens of players that are still there."""

    class Counts(nn.Module):
        def forward(self, tokens: Tensor) -> Tensor:
            values = (tokens * (tokens != 103)).sum(dim=1).double()
            return torch.stack([values, torch.zeros_like(values)], dim=1)

    tokens = torch.tensor([7, 20, 300, 4000, 8])
    players = torch.tensor([-1, 0, 1, 1, -1])
    masked = MaskedInput(tokens, torch.full_like(tokens, 103), players, 2)
    ((outputs, logits),) = evaluate(PlainForward(Counts()), [masked], [0], batch_size=3)
    np.testing.assert_allclose(outputs, [15, 35, 4315, 4335])
    np.testing.assert_allclose(logits, [4335, 0])


MASKED = MaskedInput(
    torch.zeros(3, 32, 32), torch.zeros(3, 32, 32), torch.zeros(32, 32, dtype=torch.int64), 1
)


@pytest.mark.parametrize("n_channels", [4, 64])
def test_the_largest_layer_decides_the_batch_size(
    monkeypatch: pytest.MonkeyPatch, n_channels: int
) -> None:
    network = nn.Sequential(nn.Conv2d(3, n_channels, 1), nn.Flatten(), nn.LazyLinear(2)).eval()
    monkeypatch.setattr(measure, "CPU_BYTES", 100 * measure.COPIES * 4 * 32**2 * (n_channels * 2))
    # The flattening keeps what it takes: twice the channels. 100 of them, rounded down to 64.
    assert fitting_batch_size(PlainForward(network), network, MASKED) == 64


def test_at_least_one_and_at_most_the_largest_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(2)).eval()
    assert (
        fitting_batch_size(PlainForward(network), network, MASKED) == measure.LARGEST_BATCH["cpu"]
    )
    monkeypatch.setattr(measure, "CPU_BYTES", 1)
    assert fitting_batch_size(PlainForward(network), network, MASKED) == 1


def test_groups_hold_inputs_of_one_shape_in_order(network: nn.Module) -> None:
    measured_by = measure.Measure(network, None, batch_size=32)
    shapes = [(5,), (5,), (5,), (7,), (5,)]
    assert measured_by.groups(shapes, n_players=4) == [[0, 1], [2], [3], [4]]
    assert measured_by.groups(shapes, n_players=8) == [[0], [1], [2], [3], [4]]
