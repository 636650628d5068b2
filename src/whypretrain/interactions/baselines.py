"""Baselines: what a masked pixel shows. Words are masked by a token instead, without an array."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Baseline = Literal["pixel_mean", "channel_mean", "zero", "blur", "mask_token"]
"""The kinds of baselines; all but the last are of images."""


def make_baseline(
    kind: Baseline,
    *,
    image: NDArray[np.uint8],
    pixel_mean: NDArray[np.float32],
    blur_sigma: float,
) -> NDArray[np.float32]:
    """The baseline of one image; only `blur` differs between images.

    Parameters
    ----------
    kind
        `pixel_mean`: the mean of every pixel over the training images. `channel_mean`: the mean of
        that over the pixels of each channel. `zero`: black. `blur`: the image itself under a
        Gaussian, continued at its rim by its mirror image.
    image : array of shape (channels, height, width), uint8
    pixel_mean : array of the same shape, float32, in [0, 1]
    blur_sigma : standard deviation of the Gaussian, in pixels; used by `blur` alone

    Returns
    -------
    array of shape (channels, height, width), float32, in [0, 1]

    Raises
    ------
    ValueError
        If the shapes differ, `image` is not uint8, the kind is not of images, or `blur_sigma` is
        not positive.
    """
    if image.shape != pixel_mean.shape or image.ndim != 3:
        message = (
            f"image {image.shape} and pixel_mean {pixel_mean.shape}: both must be "
            "(channels, height, width)"
        )
        raise ValueError(message)
    if image.dtype != np.uint8:
        message = f"image of type {image.dtype}: must be uint8, 0 to 255"
        raise ValueError(message)
    # Means and sums in double precision: rounding must not depend on the size of the image.
    if kind == "pixel_mean":
        return pixel_mean.astype(np.float32)
    if kind == "channel_mean":
        means = pixel_mean.mean(axis=(1, 2), dtype=np.float64, keepdims=True)
        return np.broadcast_to(means, image.shape).astype(np.float32)
    if kind == "zero":
        return np.zeros(image.shape, dtype=np.float32)
    if kind == "blur":
        if not blur_sigma > 0:
            message = f"blur_sigma = {blur_sigma}: must be positive"
            raise ValueError(message)
        blurred = gaussian_filter(image / 255, sigma=(0, blur_sigma, blur_sigma))
        return blurred.clip(0, 1).astype(np.float32)
    message = f"baseline = '{kind}': no baseline of images"
    raise ValueError(message)
