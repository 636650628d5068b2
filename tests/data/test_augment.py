"""Random changes of a batch of images: what each does, and what it depends on."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode, functional

from whypretrain.data.affine import resample, turn, warp
from whypretrain.data.augment import N_DRAWN, affines, augment, draw
from whypretrain.settings.training import Augmentation

EVERYTHING = Augmentation(
    crop_min_scale=0.5, rotate=15, translate=0.1, scale=0.1, flip=True, jitter=0.3
)
AREA, ASPECT, LEFT, TOP, ANGLE, RIGHT, DOWN, ZOOM, MIRROR, BRIGHTNESS, CONTRAST, SATURATION = range(
    N_DRAWN
)


def images(n: int = 3, channels: int = 3, side: int = 16) -> Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0)) * 255


def drawn(n: int = 3, **values: float) -> Tensor:
    """Draws that change nothing, but for those named."""
    found = torch.full((n, N_DRAWN), 0.5)
    found[:, AREA] = 1.0
    for name, value in values.items():
        found[:, globals()[name.upper()]] = value
    return found


def test_draws_in_the_middle_change_nothing() -> None:
    torch.testing.assert_close(augment(images(), drawn(), EVERYTHING, 16), images())


@pytest.mark.parametrize("shift", [-2, 3])
def test_a_shift_moves_pixels_and_leaves_black(shift: int) -> None:
    of_side = Augmentation(translate=0.25)  # of 16 pixels: 4
    right = augment(images(), drawn(right=0.5 + shift / 8), of_side, 16)
    down = augment(images(), drawn(down=0.5 + shift / 8), of_side, 16)
    expected = torch.zeros_like(images())
    if shift > 0:
        expected[..., shift:] = images()[..., :-shift]
    else:
        expected[..., :shift] = images()[..., -shift:]
    torch.testing.assert_close(right, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(
        down, augment(images().mT, drawn(right=0.5 + shift / 8), of_side, 16).mT
    )


@pytest.mark.parametrize("side", [8, 40])
@pytest.mark.parametrize("size", [12, 40, 56])
def test_products_along_axes_are_the_same_map(side: int, size: int) -> None:
    settings = Augmentation(crop_min_scale=0.3, translate=0.2, scale=0.2, flip=True)
    affine = affines(draw(6, torch.Generator().manual_seed(2), settings), settings)
    pixels = images(6, side=side)
    torch.testing.assert_close(
        resample(pixels, affine, size), warp(pixels, affine, size), atol=0.05, rtol=0
    )


@pytest.mark.parametrize("degrees", [90, -90, 20])
def test_images_turn_as_torchvision_turns_them(degrees: int) -> None:
    found = warp(images(), turn(torch.full((3,), float(degrees))), 16)
    expected = functional.rotate(images(), degrees, InterpolationMode.BILINEAR)
    inside = functional.rotate(torch.ones(3, 1, 16, 16), degrees, InterpolationMode.BILINEAR)
    away = (inside == 1).expand_as(found)
    torch.testing.assert_close(found[away], expected[away], atol=0.03, rtol=0)
    if abs(degrees) == 90:
        torch.testing.assert_close(
            found, torch.rot90(images(), degrees // 90, dims=(2, 3)), atol=1e-3, rtol=0
        )


def test_mirrored_by_half_of_the_draws() -> None:
    mirror = torch.linspace(0, 0.999, 10)
    shaken = drawn(10)
    shaken[:, MIRROR] = mirror
    found = augment(images(10), shaken, Augmentation(flip=True), 16)
    flipped = images(10).flip(3)
    torch.testing.assert_close(found[:5], flipped[:5])
    torch.testing.assert_close(found[5:], images(10)[5:])


@given(area=st.floats(0, 1), aspect=st.floats(0, 1), left=st.floats(0, 1), top=st.floats(0, 1))
@settings(max_examples=40)
def test_a_crop_keeps_its_share_and_stays_inside(
    area: float, aspect: float, left: float, top: float
) -> None:
    """On an image whose values are its positions."""
    steps = (torch.arange(64) + 0.5) / 64
    here = torch.stack([steps.expand(64, 64), steps[:, None].expand(64, 64)])[None]
    shaken = drawn(1, area=area, aspect=aspect, left=left, top=top)
    found = augment(here, shaken, Augmentation(crop_min_scale=0.25), 32)[0]
    width, height = (float(part.max() - part.min()) * 33 / 32 for part in found)
    share = 0.25 + 0.75 * area
    ratio = (3 / 4) * (16 / 9) ** aspect
    assert width == pytest.approx(min((share * ratio) ** 0.5, 1), abs=0.04)
    assert height == pytest.approx(min((share / ratio) ** 0.5, 1), abs=0.04)
    assert found.min() > 0  # black would be 0


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_change_as_torchvision_changes_them(channels: int) -> None:
    pixels = images(1, channels)
    found = augment(
        pixels,
        drawn(1, brightness=0.9, contrast=0.2, saturation=0.7),
        Augmentation(jitter=0.5),
        16,
    )
    expected = functional.adjust_brightness(pixels / 255, 1.4)
    expected = functional.adjust_contrast(expected, 0.7)
    expected = functional.adjust_saturation(expected, 1.2) if channels == 3 else expected
    torch.testing.assert_close(found / 255, expected, atol=2e-4, rtol=0)


def test_an_image_changes_alike_in_any_batch() -> None:
    shaken = draw(6, torch.Generator().manual_seed(1), EVERYTHING)
    whole = augment(images(6), shaken, EVERYTHING, 12)
    for at in range(6):
        alone = augment(images(6)[at : at + 1], shaken[at : at + 1], EVERYTHING, 12)
        torch.testing.assert_close(alone, whole[at : at + 1])
    assert not torch.equal(whole[0], whole[1])


def test_enlarging_leaves_the_edge_as_bright_as_it_is() -> None:
    found = augment(torch.ones(1, 1, 8, 8), drawn(1), Augmentation(translate=0.1), 56)
    torch.testing.assert_close(found, torch.ones(1, 1, 56, 56))


def test_switching_a_change_on_leaves_the_other_draws() -> None:
    """One seed, one set of draws, whatever the settings."""
    first, second = (
        draw(4, torch.Generator().manual_seed(7), own) for own in (Augmentation(), EVERYTHING)
    )
    assert torch.equal(first, second)
    assert first.shape == (4, N_DRAWN)
