"""RandAugment: each operation against torchvision's, item by item, and what draws depend on."""

import math
from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import InterpolationMode, functional

from whypretrain.data.affine import warp
from whypretrain.data.augment import N_DRAWN, augment, draw
from whypretrain.data.images import Images
from whypretrain.data.randaugment import COLOURS, MOVES, OPERATIONS, moves, recolour
from whypretrain.data.table import Split
from whypretrain.settings.models import ImageArchitecture
from whypretrain.settings.training import LARGEST_TURN, Augmentation, RandAugment

N = 40
BY_NAME: dict[str, Any] = {
    "shear_x": lambda image, by: sheared(image, (0.3 * by, 0)),
    "shear_y": lambda image, by: sheared(image, (0, 0.3 * by)),
    "translate_x": lambda image, by: shifted(image, [by * 150 / 331 * image.shape[-1], 0]),
    "translate_y": lambda image, by: shifted(image, [0, by * 150 / 331 * image.shape[-1]]),
    "rotate": lambda image, by: functional.rotate(image, 30 * by, InterpolationMode.BILINEAR),
    "brightness": lambda image, by: functional.adjust_brightness(image, 1 + 0.9 * by),
    "colour": lambda image, by: functional.adjust_saturation(image, 1 + 0.9 * by),
    "contrast": lambda image, by: functional.adjust_contrast(image, 1 + 0.9 * by),
    "sharpness": lambda image, by: functional.adjust_sharpness(image, 1 + 0.9 * by),
    "posterize": lambda image, by: functional.posterize(image, round(8 - 4 * abs(by))),
    "solarize": lambda image, by: functional.solarize(image, 255 * (1 - abs(by))),
    "autocontrast": lambda image, _: functional.autocontrast(image),
    "equalize": lambda image, _: functional.equalize(image),
}
"""As torchvision's RandAugment calls them."""


def sheared(image: Tensor, by: tuple[float, float]) -> Tensor:
    degrees = [math.degrees(math.atan(share)) for share in by]
    return functional.affine(
        image, 0, [0, 0], 1, degrees, InterpolationMode.BILINEAR, center=[0, 0]
    )


def shifted(image: Tensor, by: list[float]) -> Tensor:
    return functional.affine(image, 0, by, 1, [0, 0], InterpolationMode.BILINEAR)


def levels(n: int = N, channels: int = 3, side: int = 32) -> Tensor:
    """Smooth images in whole numbers, none of which reaches from black to white."""
    generator = torch.Generator().manual_seed(0)
    coarse = 30 + 190 * torch.rand(n, channels, 5, 5, generator=generator)
    return torch.nn.functional.interpolate(coarse, side, mode="bilinear").round()


def drawn_for(name: str) -> Tensor:
    """Draws of one operation for two images, with the signs - and +."""
    kind = (OPERATIONS.index(name) + 0.5) / len(OPERATIONS)
    return torch.tensor([[kind, 0.1], [kind, 0.9]])


@pytest.mark.parametrize("magnitude", [0.0, 3.0, 9.0, 10.0])
@pytest.mark.parametrize("name", MOVES)
def test_a_move_is_torchvisions(name: str, magnitude: float) -> None:
    settings = RandAugment(n_ops=1, magnitude=magnitude)
    pixels = levels(2)
    affine = moves(drawn_for(name), settings)
    found = warp(pixels, affine, 32)
    for image, changed, direction in zip(pixels, found, (-1, 1), strict=True):
        by = direction * magnitude / 10
        expected = BY_NAME[name](image, by)
        inside = BY_NAME[name](torch.ones_like(image), by) == 1
        assert inside.float().mean() > 0.4
        torch.testing.assert_close(changed[inside], expected[inside], atol=0.1, rtol=0)
    if magnitude:
        assert not torch.allclose(found[0], found[1], atol=1)
    else:
        torch.testing.assert_close(found, pixels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("magnitude", [2.0, 9.0, 10.0])
def test_colours_of_a_batch_are_torchvisions_item_by_item(magnitude: float, channels: int) -> None:
    """Bit for bit, two operations after each other, of many items that drew differently."""
    settings = RandAugment(magnitude=magnitude)
    pixels = levels(200, channels, side=12)
    drawn = torch.rand(200, 4, generator=torch.Generator().manual_seed(1))
    found = recolour(pixels, drawn, settings)
    seen = set()
    for image, changed, own in zip(pixels, found, drawn.tolist(), strict=True):
        expected = image.to(torch.uint8)
        for which, sign in ((own[0], own[1]), (own[2], own[3])):
            name = OPERATIONS[int(which * len(OPERATIONS))]
            seen.add(name)
            if name in COLOURS:
                by = (1 if sign >= 0.5 else -1) * magnitude / 10
                expected = BY_NAME[name](expected, by)
        assert torch.equal(changed, expected.float())
    assert seen == set(OPERATIONS)


def test_ranges_are_torchvisions() -> None:
    """Its magnitudes run from 0 to 30, ours from 0 to 10."""
    space = v2.RandAugment._AUGMENTATION_SPACE
    assert len(space) == len(OPERATIONS)
    largest = dict.fromkeys(("ShearX", "ShearY"), 0.3) | {"Rotate": LARGEST_TURN}
    largest |= dict.fromkeys(("TranslateX", "TranslateY"), 150 / 331 * 100)
    largest |= dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), 0.9)
    for name, by in {**largest, "Posterize": 4, "Solarize": 0}.items():
        assert float(space[name][0](31, 100, 100)[30]) == pytest.approx(by)


def test_operations_and_signs_are_drawn_alike_often() -> None:
    drawn = draw(20_000, torch.Generator().manual_seed(3), Augmentation(randaugment=RandAugment()))
    which, sign = drawn[:, N_DRAWN:].unflatten(1, (2, 2)).unbind(2)
    counts = torch.bincount((which * len(OPERATIONS)).long().flatten())
    assert len(counts) == len(OPERATIONS)
    assert (counts - 40_000 / 14).abs().max() < 5 * (40_000 / 14) ** 0.5
    assert float((sign < 0.5).float().mean()) == pytest.approx(0.5, abs=0.02)


def test_switching_it_on_leaves_the_other_draws_and_the_order() -> None:
    plain, with_it = (torch.Generator().manual_seed(7) for _ in range(2))
    before = draw(9, plain, Augmentation())
    after = draw(9, with_it, Augmentation(randaugment=RandAugment(n_ops=3)))
    assert after.shape == (9, N_DRAWN + 6)
    assert torch.equal(after[:, :N_DRAWN], before)
    assert torch.equal(torch.randperm(9, generator=plain), torch.randperm(9, generator=with_it))
    again = draw(9, torch.Generator().manual_seed(8), Augmentation(randaugment=RandAugment()))
    assert not torch.equal(again[:, N_DRAWN:], after[:, N_DRAWN : N_DRAWN + 4])


@pytest.mark.parametrize("base", [{}, {"crop_min_scale": 0.3, "flip": True, "jitter": 0.2}])
def test_magnitude_0_changes_nothing(base: dict[str, Any]) -> None:
    plain = Augmentation(**base)
    off = plain.model_copy(update={"randaugment": RandAugment(magnitude=0)})
    drawn = draw(N, torch.Generator().manual_seed(2), off)
    expected = augment(levels(), drawn, plain, 24)
    torch.testing.assert_close(augment(levels(), drawn, off, 24), expected, atol=0.05, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_changes_alike_in_any_batch(channels: int) -> None:
    settings = Augmentation(crop_min_scale=0.5, flip=True, jitter=0.1, randaugment=RandAugment())
    drawn = draw(N, torch.Generator().manual_seed(1), settings)
    pixels = levels(channels=channels)
    whole = augment(pixels, drawn, settings, 24)
    assert whole.min() >= 0
    assert whole.max() <= 255
    for at in range(N):
        alone = augment(pixels[at : at + 1], drawn[at : at + 1], settings, 24)
        assert torch.equal(alone[0], whole[at])
    assert not torch.equal(whole, augment(pixels, drawn.flip(0), settings, 24))


@pytest.mark.parametrize("channels", [1, 3])
def test_training_inputs_follow_the_seed_alone(
    digits: tuple[Split, Split], channels: Literal[1, 3]
) -> None:
    architecture = ImageArchitecture(
        timm="x", image_size=28, channels=channels, mean=[0.3] * channels, std=[0.35] * channels
    )
    settings = Augmentation(translate=0.1, randaugment=RandAugment())
    images = Images(digits[0], architecture, settings, device=torch.device("cpu"))

    def epoch(seed: int, batch_size: int) -> Tensor:
        return torch.cat([x for x, _ in images.batches(batch_size, seed=seed)])

    assert torch.equal(epoch(0, 5), epoch(0, 5))
    assert torch.equal(epoch(0, 5), epoch(0, 7))
    assert not torch.equal(epoch(0, 5), epoch(1, 5))


def test_a_move_meets_the_crop_and_the_mirror() -> None:
    """The result of the other changes is what is moved: right stays right in a mirrored image."""
    settings = Augmentation(flip=True, randaugment=RandAugment(n_ops=1, magnitude=10))
    drawn = torch.cat([torch.full((1, N_DRAWN), 0.1), drawn_for("translate_x")[1:]], 1)
    found = augment(levels(1), drawn, settings, 32)
    expected = shifted(levels(1).flip(3), [150 / 331 * 32, 0])
    torch.testing.assert_close(found[..., 16:], expected[..., 16:], atol=0.6, rtol=0)
    assert (found[..., :14] == 0).all()
