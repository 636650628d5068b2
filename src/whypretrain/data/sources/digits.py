"""Source `digits`: the handwritten digits that scikit-learn ships."""

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from whypretrain.data.sources.common import Splits
from whypretrain.data.table import Row
from whypretrain.settings.data import Digits

BRIGHTEST = 16  # intensities run from 0


def read_digits(dataset: Digits) -> Splits:
    """Split each class at random.

    Raises
    ------
    ValueError
        If a class has no image left for testing.
    """
    images, targets = load_digits(return_X_y=True)
    images = _distorted(images, dataset)
    generator = np.random.default_rng(dataset.seed)
    train: list[Row] = []
    test: list[Row] = []
    for label, digit in enumerate(dataset.classes):
        found = generator.permutation(np.flatnonzero(targets == digit))
        n_train = dataset.train_per_class or len(found) - round(
            (dataset.test_fraction or 0) * len(found)
        )
        last = dataset.train_from + n_train
        if max(last, dataset.test_from or 0) >= len(found):
            from_there = f", train_from = {dataset.train_from}" if dataset.train_from else ""
            from_there += f", test_from = {dataset.test_from}" if dataset.test_from else ""
            message = (
                f"train_per_class = {n_train}{from_there}: digit {digit} has {len(found)} images, "
                f"and at least one must be left for testing"
            )
            raise ValueError(message)
        chosen = found[dataset.train_from : last]
        rest = np.concatenate([found[: dataset.train_from], found[last:]])
        tested = rest if dataset.test_from is None else found[dataset.test_from :]
        for split, indices in ((train, chosen), (test, tested)):
            for index in np.sort(indices):
                pixels = np.round(images[index].reshape(8, 8) * (255 / BRIGHTEST)).astype(np.uint8)
                split.append(Row(f"{index:04d}", _png(pixels), label))
    return Splits("image", [str(digit) for digit in dataset.classes], train, test)


def _distorted(images: np.ndarray, dataset: Digits) -> np.ndarray:
    """All images, shape (n_images, 64), with the dataset's distortion."""
    if dataset.distortion == "invert":
        return BRIGHTEST - images
    if dataset.distortion == "shuffle":
        # Of its own generator, so that a distortion leaves the split as it is.
        return images[:, np.random.default_rng([dataset.seed, 1]).permutation(images.shape[1])]
    return images


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
