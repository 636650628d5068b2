"""RandAugment (Cubuk et al., 2020, arXiv:1909.13719): a few random operations an image.

Operations and their ranges are those of the paper and of torchvision, which computes the colours.
Moves become part of the one affine map of an image, so they come before its changes of colour.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from whypretrain.data.affine import joined, turn
from whypretrain.settings.training import LARGEST_TURN, RandAugment

WHITE = 255
SHEAR, SHIFT, FACTOR, BITS = 0.3, 150 / 331, 0.9, 4
"""At the largest magnitude: the shear; the shift as a share of the side; the relative change of a
colour; the bits lost of 8. (AutoAugment's, arXiv:1805.09501; its images had 331 pixels a side.)"""
COLOURS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "brightness": lambda image, by: functional.adjust_brightness(image, 1 + FACTOR * by),
    "colour": lambda image, by: functional.adjust_saturation(image, 1 + FACTOR * by),
    "contrast": lambda image, by: functional.adjust_contrast(image, 1 + FACTOR * by),
    "sharpness": lambda image, by: functional.adjust_sharpness(image, 1 + FACTOR * by),
    "posterize": lambda image, by: functional.posterize(image, 8 - round(BITS * abs(by))),
    "solarize": lambda image, by: functional.solarize(image, WHITE * (1 - abs(by))),
    "autocontrast": lambda image, _: functional.autocontrast(image),
    "equalize": lambda image, _: functional.equalize(image),
}
"""From images (batch, 1 or 3, height, width), uint8, and a signed strength up to 1 to images."""
MOVES = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
OPERATIONS = ("identity", *MOVES, *COLOURS)


def moves(drawn: Tensor, settings: RandAugment) -> Tensor:
    """Affine maps from results to images: what each image drew of shears, shifts and rotations.

    Parameters
    ----------
    drawn : (batch, 2·n_ops), uniform in [0, 1): which operation and which sign, n_ops times

    Returns
    -------
    (batch, 2, 3); identities where no move was drawn
    """
    found = turn(torch.zeros_like(drawn[:, 0]))
    for kind, sign in zip(*_chosen(drawn), strict=True):
        shear_x, shear_y, right, down, angle = (
            settings.strength * sign * (kind == OPERATIONS.index(name)) for name in MOVES
        )
        matrix = turn(LARGEST_TURN * angle)
        matrix[:, 0, 1] += SHEAR * shear_x
        matrix[:, 1, 0] += SHEAR * shear_y
        # Shears keep the upper left corner where it is; sides are 2 long.
        matrix[:, 0, 2] = SHEAR * shear_x - 2 * SHIFT * right
        matrix[:, 1, 2] = SHEAR * shear_y - 2 * SHIFT * down
        found = joined(found, matrix)
    return found


def recolour(pixels: Tensor, drawn: Tensor, settings: RandAugment) -> Tensor:
    """Change the colours of each image as it drew, all images of one operation together.

    Parameters
    ----------
    pixels : (batch, 1 or 3, height, width), float32 in [0, 255]
    drawn : as for :func:`moves`, on the CPU: a card would have to wait for what is to be done

    Returns
    -------
    as `pixels`, in whole numbers; a grey image has no saturation to change
    """
    if settings.magnitude == 0:
        return pixels
    levels = pixels.round().to(torch.uint8)
    for kinds, signs in zip(*_chosen(drawn), strict=True):
        for kind, sign in set(zip(kinds.tolist(), signs.tolist(), strict=True)):
            if change := COLOURS.get(OPERATIONS[kind]):
                here = ((kinds == kind) & (signs == sign)).nonzero()[:, 0]
                index = here.to(pixels.device, non_blocking=True)
                levels[index] = change(levels[index], sign * settings.strength)
    return levels.float()


def _chosen(drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Places in OPERATIONS, and signs: (n_ops, batch) each."""
    which, sign = drawn.unflatten(1, (-1, 2)).permute(2, 1, 0)
    return (which * len(OPERATIONS)).long(), torch.where(sign < 0.5, -1, 1)
