"""Rotation prediction: four turns of every image, and nothing else as label."""

import numpy as np
import torch

from tests.conftest import small
from whypretrain.data.images import Images
from whypretrain.data.inputs import Rotations
from whypretrain.data.table import Split
from whypretrain.settings.training import Augmentation

ARCHITECTURE = small("whypretrain_vit")
CPU = torch.device("cpu")


def test_every_image_is_shown_in_four_rotations_labelled_by_which(
    digits: tuple[Split, Split],
) -> None:
    images = Images(digits[0], ARCHITECTURE, device=CPU)
    turned = Rotations(images)
    assert len(turned) == 4 * len(images)
    upright, _ = next(images.batches(1000))
    pixels, labels = next(turned.batches(1000))
    assert labels.tolist() == [0, 1, 2, 3] * len(images)
    for at in range(len(turned)):
        # Counter-clockwise, as numpy turns rows and columns.
        expected = np.rot90(upright[at // 4, 0].numpy(), at % 4)
        np.testing.assert_array_equal(pixels[at, 0].numpy(), expected)


def test_classes_do_not_matter(digits: tuple[Split, Split]) -> None:
    split = digits[0]
    without = split._replace(labels=[0] * len(split.labels))
    both = (Rotations(Images(one, ARCHITECTURE, device=CPU)) for one in (split, without))
    (pixels, labels), (others, same) = (next(data.batches(1000, seed=0)) for data in both)
    assert torch.equal(pixels, others)
    assert torch.equal(labels, same)


def test_an_image_is_augmented_before_it_is_turned(digits: tuple[Split, Split]) -> None:
    images = Images(digits[0], ARCHITECTURE, Augmentation(translate=0.2), device=CPU)
    turned = Rotations(images)
    drawn = turned.draw(torch.Generator().manual_seed(0))
    assert drawn is not None
    assert len(drawn) == len(turned)  # each turn of an image has changes of its own
    moved = images.batch(torch.tensor([2, 2]), drawn[:2])
    found = turned.batch(torch.tensor([8, 9]), drawn[:2])
    assert torch.equal(found[0], moved[0])
    assert torch.equal(found[1], torch.rot90(moved[1], 1, dims=(1, 2)))
