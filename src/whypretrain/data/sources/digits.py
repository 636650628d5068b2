"""Source `digits`: the handwritten digits that scikit-learn ships."""

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from whypretrain.config.data import Digits
from whypretrain.data.sources.common import Splits
from whypretrain.data.table import Row


def read_digits(dataset: Digits) -> Splits:
    """Split each class at random.

    Raises
    ------
    ValueError
        If a class has no image left for testing.
    """
    images, targets = load_digits(return_X_y=True)
    generator = np.random.default_rng(dataset.seed)
    train: list[Row] = []
    test: list[Row] = []
    for label, digit in enumerate(dataset.classes):
        found = generator.permutation(np.flatnonzero(targets == digit))
        n_train = dataset.train_per_class or len(found) - round(
            (dataset.test_fraction or 0) * len(found)
        )
        if n_train >= len(found):
            message = (
                f"train_per_class = {n_train}: digit {digit} has {len(found)} images, "
                f"and at least one must be left for testing"
            )
            raise ValueError(message)
        for split, indices in ((train, found[:n_train]), (test, found[n_train:])):
            for index in np.sort(indices):
                # Intensities run from 0 to 16.
                pixels = np.round(images[index].reshape(8, 8) * (255 / 16)).astype(np.uint8)
                split.append(Row(f"{index:04d}", _png(pixels), label))
    return Splits("image", [str(digit) for digit in dataset.classes], train, test)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
