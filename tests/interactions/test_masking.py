"""Masked inputs against site by site loops, for images and for words."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from whypretrain.interactions.coalitions import members
from whypretrain.interactions.masking import Background, mask_inputs

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
    masked = mask_inputs(
        image, baseline, players, coalitions, n_players=n_players, background=background
    )
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
    masked = mask_inputs(
        tokens, mask_token, players, coalitions, n_players=n_players, background=background
    )
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
    assert torch.equal(mask_inputs(image, baseline, players, full, n_players=3)[0], image)


@pytest.mark.parametrize(
    ("inputs", "baseline", "players"),
    [
        ((3, 4, 5), (3, 4, 5), (5, 4)),
        ((3, 4, 5), (3, 4, 4), (4, 5)),
        ((5,), (1,), (5,)),
        ((5,), (5,), (1, 5)),
    ],
)
def test_refuses_shapes_that_do_not_fit(
    inputs: tuple[int, ...], baseline: tuple[int, ...], players: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="the first two must be equal and end in the third"):
        mask_inputs(
            torch.zeros(inputs),
            torch.zeros(baseline),
            torch.zeros(players, dtype=torch.int16),
            torch.tensor([0]),
            n_players=1,
        )
