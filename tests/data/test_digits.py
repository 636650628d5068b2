"""Which images of the digits are trained and tested on, and what distorts them."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError
from sklearn.datasets import load_digits

from whypretrain.data.sources import load_source
from whypretrain.data.table import Row, Splits
from whypretrain.settings.data import Digits


def digits(**values: Any) -> Digits:
    return Digits.model_validate({"source": "digits", "classes": [8, 9], **values})


def ids(rows: list[Row]) -> set[str]:
    return {row.id for row in rows}


def pixels_of(row: Row) -> NDArray[np.float64]:
    """The 64 intensities of an image, from 0 to 16."""
    assert isinstance(row.content, bytes)
    pixels = np.asarray(Image.open(io.BytesIO(row.content)), dtype=np.float64)
    return np.round(pixels / 255 * 16).ravel()


def test_a_smaller_training_split_is_part_of_a_larger_one_with_the_same_test_split() -> None:
    whole = load_source(digits(train_per_class=20, test_from=100))
    part = load_source(digits(train_per_class=10, test_from=100))
    assert len(part.train) == 20
    assert ids(part.train) < ids(whole.train)
    assert ids(part.test) == ids(whole.test)


def test_other_images_of_the_same_digits() -> None:
    near = load_source(digits(train_per_class=20, test_from=100))
    other = load_source(digits(train_from=20, train_per_class=80, test_from=100))
    assert len(other.train) == 160
    assert not ids(other.train) & (ids(near.train) | ids(near.test))
    assert ids(other.test) == ids(near.test)
    _, targets = load_digits(return_X_y=True)
    assert len(near.train + other.train + near.test) == (targets >= 8).sum()


def test_what_is_passed_over_before_training_is_tested_on_unless_said_otherwise() -> None:
    splits = load_source(digits(train_from=20, train_per_class=30))
    first = load_source(digits(train_per_class=20))
    assert ids(first.train) < ids(splits.test)
    _, targets = load_digits(return_X_y=True)
    assert len(splits.train + splits.test) == (targets >= 8).sum()


def split_of(dataset: Digits) -> Splits | None:
    try:
        return load_source(dataset)
    except ValueError:  # nothing left to test on
        return None


PLACES = st.fixed_dictionaries(
    {
        "train_from": st.sampled_from([0, 20, 40]),
        "train_per_class": st.sampled_from([20, 60]),
        "test_from": st.sampled_from([None, 100, 130]),
        "seed": st.sampled_from([0, 0, 0, 1]),
        "classes": st.sampled_from([[8, 9], [8, 9], [9, 8], [0, 1]]),
    }
)


@settings(max_examples=25, deadline=None)
@given(PLACES, PLACES)
def test_training_images_that_are_tested_on_elsewhere_are_known_beforehand(
    upstream: dict[str, Any], downstream: dict[str, Any]
) -> None:
    seen, tested = digits(**upstream), digits(**downstream)
    trained, held = split_of(seen), split_of(tested)
    if trained is None or held is None:
        return
    overlap = bool(ids(trained.train) & ids(held.test))
    assert seen.may_train_on_tests_of(tested) >= overlap
    # Where the order is shared it is known exactly; elsewhere it is only possible.
    if (seen.classes, seen.seed) == (tested.classes, tested.seed):
        assert seen.may_train_on_tests_of(tested) == overlap


def test_shares_of_a_class_overlap_unless_they_are_the_same_split() -> None:
    tenth = digits(test_fraction=0.1)
    assert not tenth.may_train_on_tests_of(digits(test_fraction=0.1, distortion="invert"))
    assert tenth.may_train_on_tests_of(digits(test_fraction=0.5))
    assert tenth.may_train_on_tests_of(digits(train_per_class=20))


@pytest.mark.parametrize("distortion", ["invert", "shuffle"])
def test_a_distortion_leaves_the_split_as_it_is(distortion: str) -> None:
    plain = load_source(digits(train_per_class=20))
    changed = load_source(digits(train_per_class=20, distortion=distortion))
    for before, after in zip(plain.train + plain.test, changed.train + changed.test, strict=True):
        assert (before.id, before.label) == (after.id, after.label)
        assert before.content != after.content


def test_inverting_swaps_dark_and_light() -> None:
    plain = load_source(digits(train_per_class=5)).train
    inverted = load_source(digits(train_per_class=5, distortion="invert")).train
    for before, after in zip(plain, inverted, strict=True):
        np.testing.assert_array_equal(pixels_of(after), 16 - pixels_of(before))


def test_shuffling_puts_the_pixels_of_all_images_into_one_other_order() -> None:
    def images(**values: Any) -> NDArray[np.float64]:
        splits = load_source(digits(train_per_class=20, **values))
        return np.stack([pixels_of(row) for row in splits.train + splits.test])

    plain, shuffled = images(), images(distortion="shuffle")
    # Columns are pixels over all images; sorted, they are the same columns.
    assert sorted(map(tuple, plain.T)) == sorted(map(tuple, shuffled.T))
    assert not np.array_equal(plain, shuffled)
    np.testing.assert_array_equal(shuffled, images(distortion="shuffle"))
    other = images(distortion="shuffle", seed=1)
    assert not np.array_equal(other.mean(axis=0), shuffled.mean(axis=0))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"test_fraction": 0.5, "train_from": 3}, "train_from and test_from need train_per_class"),
        ({"test_fraction": 0.5, "test_from": 3}, "train_from and test_from need train_per_class"),
        ({"train_per_class": 10, "test_from": 9}, "test_from = 9: at least 10, after the trainin"),
        ({"train_per_class": 9, "train_from": 9, "test_from": 17}, "test_from = 17: at least 18"),
        ({"train_per_class": 9, "distortion": "blur"}, "'none', 'invert' or 'shuffle'"),
    ],
)
def test_places_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        digits(**values)


def test_a_place_beyond_the_images_is_named() -> None:
    with pytest.raises(ValueError, match=r"train_from = 170, .*: digit 8 has 174 images"):
        load_source(digits(train_from=170, train_per_class=5))
    with pytest.raises(ValueError, match=r"test_from = 174: digit 8 has 174 images"):
        load_source(digits(train_per_class=5, test_from=174))
