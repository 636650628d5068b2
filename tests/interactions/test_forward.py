"""Masked inputs against loops site by site, for images and words; the log-odds of a class."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from whypretrain.interactions.forward import Background, MaskedInput, log_odds
from whypretrain.interactions.mobius import members

backgrounds = st.sampled_from(["keep", "mask"])


def kept(coalition: int, background: Background) -> set[int]:
    return set(members(coalition)) | ({-1} if background == "keep" else set())


def draw_players(data: st.DataObject, sites: tuple[int, ...], n_players: int) -> Tensor:
    n_sites = int(np.prod(sites))
    labels = st.lists(st.integers(-1, n_players - 1), min_size=n_sites, max_size=n_sites)
    return torch.tensor(data.draw(labels), dtype=torch.int16).reshape(sites)


@given(st.data(), backgrounds)
def test_images_pixel_by_pixel(data: st.DataObject, background: Background) -> None:
    n_players = data.draw(st.integers(1, 5))
    channels, height, width = (data.draw(st.integers(1, 4)) for _ in range(3))
    players = draw_players(data, (height, width), n_players)
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    image = torch.randn(channels, height, width, generator=generator)
    baseline = torch.randn(channels, height, width, generator=generator)
    coalitions = torch.arange(2**n_players)
    masked = MaskedInput(image, baseline, players, n_players, background).versions(coalitions)
    assert masked.shape == (2**n_players, channels, height, width)
    for coalition in range(2**n_players):
        for row, column in np.ndindex(height, width):
            present = int(players[row, column]) in kept(coalition, background)
            source = image if present else baseline
            assert torch.equal(masked[coalition, :, row, column], source[:, row, column])


@given(st.data(), backgrounds)
def test_words_token_by_token(data: st.DataObject, background: Background) -> None:
    n_players, length = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 12))
    players = draw_players(data, (length,), n_players)
    tokens = torch.tensor(
        data.draw(st.lists(st.integers(0, 2**40), min_size=length, max_size=length))
    )
    mask_token = torch.full_like(tokens, 103)
    coalitions = torch.tensor(
        data.draw(st.lists(st.integers(0, 2**n_players - 1), min_size=1, max_size=6))
    )
    masked = MaskedInput(tokens, mask_token, players, n_players, background).versions(coalitions)
    assert masked.shape == (len(coalitions), length)
    assert masked.dtype == torch.int64
    for row, coalition in enumerate(coalitions.tolist()):
        for site in range(length):
            present = int(players[site]) in kept(coalition, background)
            assert masked[row, site] == (tokens[site] if present else 103)


def test_all_players_present_is_the_input() -> None:
    image, baseline = torch.rand(3, 4, 4), torch.rand(3, 4, 4)
    players = torch.tensor([-1, 0, 1, 2]).expand(4, 4)
    full = torch.tensor([0b111])
    assert torch.equal(MaskedInput(image, baseline, players, 3).versions(full)[0], image)


def test_log_odds_equal_the_definition() -> None:
    logits = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p = torch.softmax(logits, dim=1)[:, 3]
    torch.testing.assert_close(log_odds(logits, 3), torch.log(p / (1 - p)))


def test_log_odds_do_not_saturate() -> None:
    logits = torch.tensor([[300.0, 0.0, -300.0], [-300.0, 0.0, 300.0]])
    assert log_odds(logits, 0).tolist() == [300.0, -600.0]


def test_log_odds_of_two_classes_are_a_difference_of_logits() -> None:
    assert log_odds(torch.tensor([[1.5, -2.0]]), 1).item() == -3.5


def test_log_odds_are_computed_in_float64() -> None:
    value = log_odds(torch.tensor([[0.1, 0.2, 0.3]]), 0)
    assert value.dtype == torch.float64
    z = [float(torch.tensor(x)) for x in (0.1, 0.2, 0.3)]
    assert value.item() == pytest.approx(
        z[0] - math.log(math.exp(z[1]) + math.exp(z[2])), abs=1e-15
    )


@pytest.mark.parametrize(("label", "n_classes"), [(5, 5), (-1, 5), (0, 1)])
def test_refuses_a_label_without_odds(label: int, n_classes: int) -> None:
    with pytest.raises(ValueError, match=f"label {label} with {n_classes} classes"):
        log_odds(torch.zeros(2, n_classes), label)
