"""Source `digits`: the handwritten digits that scikit-learn ships."""

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from whypretrain.data.table import Row, Splits
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
    if dataset.distortion == "invert":
        images = BRIGHTEST - images
    elif dataset.distortion == "shuffle":
        # Of its own generator, so that a distortion leaves the split as it is.
        images = images[:, np.random.default_rng([dataset.seed, 1]).permutation(images.shape[1])]
    generator = np.random.default_rng(dataset.seed)
    splits = Splits("image", [str(digit) for digit in dataset.classes], [], [])
    for label, digit in enumerate(dataset.classes):
        found = generator.permutation(np.flatnonzero(targets == digit))
        held_out = round((dataset.test_fraction or 0) * len(found))
        n_train = dataset.train_per_class or len(found) - held_out
        last = dataset.train_from + n_train
        if max(last, dataset.test_from or 0) >= len(found):
            message = (
                f"train_per_class = {n_train}, train_from = {dataset.train_from}, test_from = "
                f"{dataset.test_from}: digit {digit} has {len(found)} images, and at least one "
                f"must be left for testing"
            )
            raise ValueError(message)
        chosen = found[dataset.train_from : last]
        rest = np.concatenate([found[: dataset.train_from], found[last:]])
        tested = rest if dataset.test_from is None else found[dataset.test_from :]
        for rows, indices in ((splits.train, chosen), (splits.test, tested)):
            for index in np.sort(indices):
                pixels = np.round(images[index].reshape(8, 8) * (255 / BRIGHTEST)).astype(np.uint8)
                buffer = io.BytesIO()
                Image.fromarray(pixels).save(buffer, format="PNG")
                rows.append(Row(f"{index:04d}", buffer.getvalue(), label))
    return splits
