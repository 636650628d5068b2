"""Affine maps of images: how they are made, put together and applied.

A map, (2, 3), goes from a position in the result to one in the image, both with -1 and 1 at the
outer edges of the first and the last pixel, x before y.
"""

import torch
from torch import Tensor
from torch.nn import functional

EDGE = 1 + 1e-5  # of an image, where its middle is 0; rounding must not cut it off


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
    if inside:
        return warped
    across_in, down_in = (grid.abs() <= EDGE).unbind(dim=3)
    return warped.mul_((across_in & down_in)[:, None])


def turn(degrees: Tensor) -> Tensor:
    """Affine maps, (batch, 2, 3), that turn counter-clockwise by angles of shape (batch,)."""
    angle = torch.deg2rad(degrees)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).reshape(-1, 2, 3)


def joined(first: Tensor, second: Tensor) -> Tensor:
    """Maps, (batch, 2, 3), that do to an image what `first` does and to the result `second`."""
    matrix = first[:, :, :2] @ second
    matrix[:, :, 2] += first[:, :, 2]
    return matrix
