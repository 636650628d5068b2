"""Random changes of images, for a whole batch at once on its device.

Each image has parameters of its own, drawn for all images of an epoch before it begins, so that
they depend neither on the batch an image is in nor on the device. (The batched operations of
torchvision change all images of a batch alike; kornia's draw parameters batch by batch.) Crop,
rotation, shift, zoom, mirroring and the moves of RandAugment are one affine map, so that pixels are
interpolated once; then come changes of colour.
"""

import math

import torch
from torch import Tensor

from whypretrain.data import randaugment
from whypretrain.data.affine import joined, resample, turn, warp
from whypretrain.settings.base import derived_seed
from whypretrain.settings.training import Augmentation

ASPECTS = (math.log(3 / 4), math.log(4 / 3))
GREY = (0.2989, 0.587, 0.114)  # of red, green, blue; ITU-R BT.601
N_DRAWN, WHITE = 12, 255
SMALL = 64  # pixels of a side, up to which products are faster than looking pixels up


def draw(n_items: int, generator: torch.Generator, settings: Augmentation) -> Tensor:
    """Parameters of every item: (n_items, 12 + 2·n_ops), float32, uniform in [0, 1), on the CPU.

    All are drawn whatever the settings, and those of RandAugment by a generator of their own, so
    that switching one change on leaves the others, and the order of the items, as drawn.
    """
    drawn = torch.rand(n_items, N_DRAWN, generator=generator)
    if settings.randaugment is None:
        return drawn
    own = torch.Generator().manual_seed(derived_seed("randaugment", generator.initial_seed()))
    further = torch.rand(n_items, 2 * settings.randaugment.n_ops, generator=own)
    return torch.cat([drawn, further], dim=1)


def augment(
    pixels: Tensor,
    drawn: Tensor,
    settings: Augmentation,
    size: int,
    affine: Tensor | None = None,
) -> Tensor:
    """Change images at random.

    Parameters
    ----------
    pixels : (batch, channels, side, side), float32 in [0, 255]
    drawn : (batch, 12 + 2·n_ops), as :func:`draw` makes them, on the CPU
    size : height and width of the results
    affine : what :func:`affines` makes of `drawn`, where it is known already

    Returns
    -------
    (batch, channels, size, size), float32 in [0, 255]; what lies outside the image is black
    """
    moves = settings.model_copy(update={"jitter": 0.0}) != Augmentation()
    if moves or pixels.shape[-1] != size:
        if affine is None:
            affine = affines(drawn.to(pixels.device), settings)
        turned = settings.rotate or settings.randaugment
        if pixels.shape[-1] <= SMALL and not turned:
            pixels = resample(pixels, affine, size)
        else:
            inside = not (turned or settings.translate or settings.scale)
            pixels = warp(pixels, affine, size, inside=inside)
    if settings.jitter:
        colour = drawn[:, 9:N_DRAWN, None, None, None].to(pixels.device, non_blocking=True)
        factors = 1 + settings.jitter * (2 * colour - 1)
        brightness, contrast, saturation = factors.unbind(1)
        pixels = (brightness * pixels).clamp(0, WHITE)
        mean = _grey(pixels).mean(dim=(1, 2, 3), keepdim=True)
        pixels = (mean + contrast * (pixels - mean)).clamp(0, WHITE)
        if pixels.shape[1] == len(GREY):
            grey = _grey(pixels)
            pixels = (grey + saturation * (pixels - grey)).clamp(0, WHITE)
    if settings.randaugment is not None:
        pixels = randaugment.recolour(pixels, drawn[:, N_DRAWN:], settings.randaugment)
    return pixels


def affines(drawn: Tensor, settings: Augmentation) -> Tensor:
    """Maps (batch, 2, 3) from results to images, seen from there.

    RandAugment's moves, mirror, turn, zoom and shift, then crop.
    """
    area, aspect, left, top, angle, right, down, zoom, mirror = drawn[:, :9].unbind(1)
    matrix = turn(settings.rotate * (2 * angle - 1))
    matrix = matrix / (1 + settings.scale * (2 * zoom - 1))[:, None, None]
    moved = 2 * settings.translate * (2 * torch.stack([right, down], dim=1) - 1)  # sides are 2 long
    matrix[:, :, 2] = -(matrix[:, :, :2] @ moved[:, :, None])[:, :, 0]
    if settings.flip:
        matrix[:, :, 0] *= torch.where(mirror < 0.5, -1.0, 1.0)[:, None]
    if settings.crop_min_scale < 1:
        share = settings.crop_min_scale + (1 - settings.crop_min_scale) * area
        ratio = (ASPECTS[0] + (ASPECTS[1] - ASPECTS[0]) * aspect).exp()
        extent = (share[:, None] * torch.stack([ratio, 1 / ratio], dim=1)).sqrt().clamp(max=1)
        centre = (1 - extent) * (2 * torch.stack([left, top], dim=1) - 1)
        matrix = matrix * extent[:, :, None]
        matrix[:, :, 2] += centre
    if settings.randaugment is not None:
        matrix = joined(matrix, randaugment.moves(drawn[:, N_DRAWN:], settings.randaugment))
    return matrix


def _grey(pixels: Tensor) -> Tensor:
    """Brightness, (batch, 1, height, width)."""
    if pixels.shape[1] != len(GREY):
        return pixels.mean(dim=1, keepdim=True)
    red, green, blue = pixels.split(1, dim=1)
    return GREY[0] * red + GREY[1] * green + GREY[2] * blue
