"""Baselines of images against their definitions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from whypretrain.interactions.sampling import Baseline, make_baseline

KINDS: list[Baseline] = ["pixel_mean", "channel_mean", "zero", "blur"]


def arrays(
    seed: int, channels: int, height: int, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (channels, height, width), dtype=np.uint8)
    return image, generator.random((channels, height, width), dtype=np.float32)


@given(
    st.sampled_from(KINDS),
    st.integers(0, 99),
    st.tuples(st.sampled_from([1, 3]), st.integers(1, 20), st.integers(1, 20)),
    st.floats(0.1, 10),
)
def test_a_baseline_is_an_image(
    kind: Baseline, seed: int, shape: tuple[int, int, int], sigma: float
) -> None:
    image, mean = arrays(seed, *shape)
    before = image.copy(), mean.copy()
    baseline = make_baseline(kind, image=image, pixel_mean=mean, blur_sigma=sigma)
    assert baseline.shape == image.shape
    assert baseline.dtype == np.float32
    assert baseline.min() >= 0
    assert baseline.max() <= 1
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mean, before[1])


def test_means_and_zero() -> None:
    image, mean = arrays(0, 3, 6, 5)

    def make(kind: Baseline) -> NDArray[np.float32]:
        return make_baseline(kind, image=image, pixel_mean=mean, blur_sigma=1.0)

    np.testing.assert_array_equal(make("pixel_mean"), mean)
    np.testing.assert_array_equal(make("zero"), np.zeros((3, 6, 5)))
    for channel in range(3):
        expected = sum(float(value) for value in mean[channel].ravel()) / 30
        np.testing.assert_allclose(make("channel_mean")[channel], expected, rtol=1e-6)


def test_blur_is_a_gaussian_of_the_sample_itself() -> None:
    """Each pixel against the sum over all others, with the image mirrored beyond its rim."""
    image, mean = arrays(1, 2, 7, 9)
    sigma = 1.3
    blurred = make_baseline("blur", image=image, pixel_mean=mean, blur_sigma=sigma)
    reach = 5  # 4 sigma, rounded
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    padded = np.pad(image / 255, [(0, 0), (reach, reach), (reach, reach)], mode="symmetric")
    for channel, row, column in np.ndindex(2, 7, 9):
        window = padded[channel, row : row + 2 * reach + 1, column : column + 2 * reach + 1]
        np.testing.assert_allclose(
            blurred[channel, row, column], (window * kernel).sum(), rtol=1e-5
        )


def test_a_wide_blur_is_nearly_constant_and_a_narrow_one_nearly_the_image() -> None:
    image, mean = arrays(2, 1, 8, 8)
    wide = make_baseline("blur", image=image, pixel_mean=mean, blur_sigma=50)
    narrow = make_baseline("blur", image=image, pixel_mean=mean, blur_sigma=0.1)
    np.testing.assert_allclose(wide, image.mean() / 255, atol=0.01)
    np.testing.assert_allclose(narrow, image / 255, atol=1e-6)
