"""Samples, players and baseline of an experiment."""

from pathlib import Path

import numpy as np
import pytest

from whypretrain.artifacts import ArtifactError
from whypretrain.config.interactions import GridPlayers, SamplesSettings, Sampling
from whypretrain.data.images import decode, pixel_mean
from whypretrain.data.samples import draw_samples, make_samples, read_samples, write_samples
from whypretrain.data.table import Split, read_split


def settings(per_class: int, seed: int = 0) -> SamplesSettings:
    players = GridPlayers(n=5, cells=4, margin=0)
    sampling = Sampling(per_class=per_class, seed=seed, players=players)
    return SamplesSettings(sampling=sampling, image_size=28, channels=1)


def test_more_samples_keep_those_drawn_before(digits: tuple[Split, Split]) -> None:
    train, test = digits
    few, many = (make_samples(train, test, settings(count)) for count in (2, 4))
    assert set(few.ids) < set(many.ids)
    for index, name in enumerate(few.ids):
        other = many.ids.index(name)
        np.testing.assert_array_equal(few.players[index], many.players[other])
        np.testing.assert_array_equal(few.images[index], many.images[other])


def test_samples_are_per_class_from_the_test_split(digits: tuple[Split, Split]) -> None:
    train, test = digits
    samples = make_samples(train, test, settings(3))
    assert np.bincount(samples.labels).tolist() == [3, 3, 3]
    for name, label in zip(samples.ids, samples.labels, strict=True):
        assert test.labels[test.ids.index(name)] == label
    assert len({players.tobytes() for players in samples.players}) > 1


def test_another_seed_draws_others(digits: tuple[Split, Split]) -> None:
    _, test = digits
    draws = [draw_samples(test, settings(2, seed).sampling) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_too_many_samples_name_the_class(digits: tuple[Split, Split]) -> None:
    with pytest.raises(ValueError, match="per_class = 99: class 5 has only"):
        draw_samples(digits[1], settings(99).sampling)


def test_baseline_is_the_mean_of_each_pixel_after_resizing(digits: tuple[Split, Split]) -> None:
    images = digits[0].images
    stack = np.stack([decode(image, size=28, channels=1) for image in images]).astype(float)
    np.testing.assert_allclose(
        pixel_mean(images, size=28, channels=1), stack.mean(axis=0) / 255, atol=1e-7
    )


def test_round_trip_and_damage(digits: tuple[Split, Split], tmp_path: Path) -> None:
    samples = make_samples(*digits, settings(2))
    path = tmp_path / "samples.h5"
    write_samples(path, samples)
    again = read_samples(path)
    assert (again.ids, again.classes, again.n_players) == (samples.ids, samples.classes, 5)
    for name in ("labels", "images", "players", "baseline"):
        np.testing.assert_array_equal(getattr(again, name), getattr(samples, name))
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ArtifactError, match=r"samples\.h5: not a file of samples"):
        read_samples(path)


def test_a_damaged_split_is_named(digits_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    path.write_bytes((digits_folder / "train.parquet").read_bytes()[:-20])
    with pytest.raises(ArtifactError, match=r"train\.parquet: not a prepared split"):
        read_split(path)
