"""Explanations that are estimates, and say so wherever they are shown."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from whypretrain import explain_image
from whypretrain.interactions import sparse
from whypretrain.report.explanation import EstimatedExplanation

PLAYERS = np.arange(20).reshape(4, 5)
IMAGE = torch.ones(1, 4, 5)
PLANTED = {0b11: 2.0, 1 << 19: -1.0, 0b11100: 0.5}


class Planted(nn.Module):
    """Log-odds with three interactions of the pixels of a black and white image."""

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.flatten(1)
        strong = 2.0 * pixels[:, 0] * pixels[:, 1] - pixels[:, 19]
        return strong + 0.5 * pixels[:, 2:5].prod(dim=1) + 1.0


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> EstimatedExplanation:
    """An estimate whose sets need not be searched for."""

    def recovered(ask: sparse.ValueFunction, n_players: int, *, budget: int, seed: int) -> object:
        drawn = np.random.default_rng(seed).integers(1 << n_players, size=budget)
        ask(drawn[:, None] >> np.arange(n_players) & 1)
        return np.array(list(PLANTED))

    monkeypatch.setattr(sparse, "_recovered", recovered)
    result = explain_image(Planted(), IMAGE, players=PLAYERS, masks=300, batch_size=64)
    assert isinstance(result, EstimatedExplanation)
    return result


def test_an_estimate_is_of_the_model_on_masked_images(found: EstimatedExplanation) -> None:
    assert (found.n_players, found.label, found.n_masks) == (20, 1, 300)
    assert found.explained == pytest.approx(1)
    np.testing.assert_allclose(found.outputs, [1.0, 2.5], atol=1e-6)  # of no player, and of all
    expected = {0: 1.0} | PLANTED
    assert found.sets.tolist() == sorted(expected)
    for one, value in zip(found.sets.tolist(), found.interactions, strict=True):
        assert value == pytest.approx(expected[one], abs=1e-6)


@pytest.mark.slow  # the library compiles a decoder
def test_the_sets_are_found() -> None:
    found = explain_image(Planted(), IMAGE, players=PLAYERS, masks=5000, seed=1)
    assert sorted(found.table().query("salient").index) == sorted(PLANTED)
    assert found.strongest(1)["interaction"].item() == pytest.approx(2.0, abs=1e-6)


def test_table_plots_and_values_for_shapiq_say_that_it_is_an_estimate(
    found: EstimatedExplanation,
) -> None:
    table = found.strongest(2)
    assert table.columns.tolist() == ["players", "order", "interaction", "salient", "estimated"]
    assert table["estimated"].all()
    assert table["players"].tolist() == ["{0, 1}", "{19}"]
    said = "ESTIMATE from 300 of 2^20 masks, 100.0 % of held-out variance"
    assert said in found.plot().axes[1].get_title()
    overlay = found.plot_sets(2)
    assert "ESTIMATE from" in " ".join(text.get_text() for text in overlay.texts)
    values = found.to_shapiq()
    assert values.estimated
    assert values[(0, 1)] == pytest.approx(2.0, abs=1e-6)
    with pytest.raises(ValueError, match="an estimate lacks; see `explained`"):
        found.rebuilt()


@pytest.mark.parametrize(
    ("players", "masks", "message"),
    [
        (21, None, r"21 players: 1 to 20 can be explained, .* estimate with `masks=20_000`"),
        (25, 1000, "25 players: 1 to 24 can be estimated"),
        (10, 2000, "masks = 2000: must be from 1 to 1023, fewer than all"),
    ],
)
def test_how_many_players_and_masks_is_said(players: int, masks: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain_image(Planted(), IMAGE, players=players, masks=masks)
    drawn = np.arange(100).reshape(10, 10) % players
    with pytest.raises(ValueError, match=message):
        explain_image(Planted(), torch.ones(1, 10, 10), players=drawn, masks=masks)
