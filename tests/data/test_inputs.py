"""Rotation prediction: four turns of every image, and nothing else as label."""

import numpy as np
import torch
from torch.utils.data import DataLoader

from tests.conftest import small
from whypretrain.data.images import Images
from whypretrain.data.inputs import Rotations
from whypretrain.data.table import Split
from whypretrain.settings.training import Augmentation

ARCHITECTURE = small("whypretrain_vit")


def test_every_image_is_shown_in_four_rotations_labelled_by_which(
    digits: tuple[Split, Split],
) -> None:
    images = Images(digits[0], ARCHITECTURE)
    turned = Rotations(images)
    assert len(turned) == 4 * len(images)
    for position in range(len(images)):
        upright = images[position][0].numpy()
        for turns in range(4):
            pixels, label = turned[4 * position + turns]
            assert label == turns
            # Counter-clockwise, as numpy turns rows and columns.
            np.testing.assert_array_equal(pixels[0].numpy(), np.rot90(upright[0], turns))


def test_classes_do_not_matter(digits: tuple[Split, Split]) -> None:
    split = digits[0]
    without = split._replace(labels=[0] * len(split.labels))
    for (pixels, label), (others, other) in zip(
        DataLoader(Rotations(Images(split, ARCHITECTURE))),
        DataLoader(Rotations(Images(without, ARCHITECTURE))),
        strict=True,
    ):
        assert torch.equal(pixels, others)
        assert torch.equal(label, other)


def test_an_image_is_augmented_before_it_is_turned(digits: tuple[Split, Split]) -> None:
    images = Images(digits[0], ARCHITECTURE, Augmentation(translate=0.2))
    torch.manual_seed(0)
    moved = images[2][0]
    torch.manual_seed(0)
    turned, _ = Rotations(images)[4 * 2 + 1]
    assert torch.equal(turned, torch.rot90(moved, 1, dims=(1, 2)))


def test_images_are_kept_decoded_where_they_were(digits: tuple[Split, Split]) -> None:
    images = Images(digits[0], ARCHITECTURE)
    assert Rotations(images).cached
    images.cached = False
    assert not Rotations(images).cached
