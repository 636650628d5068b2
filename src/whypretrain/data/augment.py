"""Random changes of images, for a whole batch at once on its device.

Each image has parameters of its own, drawn for all images of an epoch before it begins, so that
they depend neither on the batch an image is in nor on the device. (The batched operations of
torchvision change all images of a batch alike; kornia's draw parameters batch by batch.) Crop,
rotation, shift, zoom and mirroring are one affine map, so that pixels are interpolated once.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from whypretrain.settings.training import Augmentation

ASPECTS = (math.log(3 / 4), math.log(4 / 3))
GREY = (0.2989, 0.587, 0.114)  # of red, green, blue; ITU-R BT.601
N_DRAWN, WHITE = 12, 255
EDGE = 1 + 1e-5  # of an image, where its middle is 0; rounding must not cut it off
SMALL = 64  # pixels of a side, up to which products are faster than looking pixels up


def draw(n_items: int, generator: torch.Generator) -> Tensor:
    """Parameters of every item: (n_items, 12), float32, uniform in [0, 1), on the CPU.

    All are drawn whatever the settings, so that switching one change on leaves the others as drawn.
    """
    return torch.rand(n_items, N_DRAWN, generator=generator)


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
    drawn : (batch, 12), as :func:`draw` makes them, on the device of the pixels
    size : height and width of the results
    affine : what :func:`affines` makes of `drawn`, where it is known already

    Returns
    -------
    (batch, channels, size, size), float32 in [0, 255]; what lies outside the image is black
    """
    moves = settings.model_copy(update={"jitter": 0.0}) != Augmentation()
    if moves or pixels.shape[-1] != size:
        affine = affines(drawn, settings) if affine is None else affine
        if pixels.shape[-1] <= SMALL and not settings.rotate:
            pixels = resample(pixels, affine, size)
        else:
            inside = not (settings.rotate or settings.translate or settings.scale)
            pixels = warp(pixels, affine, size, inside=inside)
    if settings.jitter:
        colour = drawn[:, 9:, None, None, None]
        factors = 1 + settings.jitter * (2 * colour - 1)
        brightness, contrast, saturation = factors.unbind(1)
        pixels = (brightness * pixels).clamp(0, WHITE)
        mean = _grey(pixels).mean(dim=(1, 2, 3), keepdim=True)
        pixels = (mean + contrast * (pixels - mean)).clamp(0, WHITE)
        if pixels.shape[1] == len(GREY):
            grey = _grey(pixels)
            pixels = (grey + saturation * (pixels - grey)).clamp(0, WHITE)
    return pixels


def resample(pixels: Tensor, affine: Tensor, size: int) -> Tensor:
    """As :func:`warp`, for maps that do not turn: a product along each axis.

    Faster where images are small: a row of the result takes two of theirs, but all are multiplied.
    """
    side = pixels.shape[-1]
    steps = (2 * torch.arange(size, device=pixels.device) + 1) / size - 1
    scale = affine.diagonal(dim1=1, dim2=2)[:, :, None]
    seen = scale * steps + affine[:, :, 2, None]  # (batch, x and y, size)
    at = (((seen + 1) * side - 1) / 2).clamp(0, side - 1)
    weights = (1 - (at[..., None] - torch.arange(side, device=pixels.device)).abs()).clamp(min=0)
    across, down = (weights * (seen.abs() <= EDGE)[..., None]).unbind(1)  # (batch, size, side)
    wide = torch.bmm(pixels.flatten(1, 2), across.mT).unflatten(1, pixels.shape[1:3])
    return torch.matmul(down[:, None], wide)


def warp(pixels: Tensor, affine: Tensor, size: int, *, inside: bool = False) -> Tensor:
    """Images seen through affine maps, bilinear, black outside.

    Parameters
    ----------
    pixels : (batch, channels, height, width), float
    affine : (batch, 2, 3); from a position in the result to one in the image, both with -1 and 1
        at the outer edges of the first and the last pixel, x before y
    size : height and width of the results
    inside : whether no map leaves the image, which saves work

    Returns
    -------
    (batch, channels, size, size)
    """
    steps = (2 * torch.arange(size, device=pixels.device) + 1) / size - 1
    down = affine[:, :, 1, None] * steps + affine[:, :, 2, None]  # (batch, 2, size)
    across = affine[:, :, 0, None] * steps
    grid = pixels.new_empty(len(pixels), size, size, 2)
    for axis in range(2):
        torch.add(down[:, axis, :, None], across[:, axis, None, :], out=grid[..., axis])
    # Not padding_mode="zeros", which darkens the outermost pixels of an enlarged image.
    warped = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    return warped if inside else warped * (grid.abs() <= EDGE).all(dim=3)[:, None]


def turn(degrees: Tensor) -> Tensor:
    """Affine maps, (batch, 2, 3), that turn counter-clockwise by angles of shape (batch,)."""
    angle = torch.deg2rad(degrees)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).reshape(-1, 2, 3)


def affines(drawn: Tensor, settings: Augmentation) -> Tensor:
    """Maps (batch, 2, 3) from results to images: mirror, then turn, zoom and shift, then crop."""
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
    return matrix


def _grey(pixels: Tensor) -> Tensor:
    """Brightness, (batch, 1, height, width)."""
    if pixels.shape[1] != len(GREY):
        return pixels.mean(dim=1, keepdim=True)
    red, green, blue = pixels.split(1, dim=1)
    return GREY[0] * red + GREY[1] * green + GREY[2] * blue
