"""Samples, players and baseline of an experiment, of images and of sentences."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import small
from tests.data.test_texts import SPLIT
from whypretrain.data.encoded import decode, pixel_mean
from whypretrain.data.samples import read_samples, write_samples
from whypretrain.data.table import Split, read_split
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.sampling import draw_samples, make_samples
from whypretrain.settings.interactions import SamplesSettings, Sampling
from whypretrain.settings.models import TextArchitecture

GRID = {"kind": "grid", "n": 5, "cells": 4, "margin": 0}


def settings(**sampling: object) -> SamplesSettings:
    chosen = Sampling.model_validate({"players": GRID, **sampling})
    return SamplesSettings(sampling=chosen, architecture=small("whypretrain_resnet"))


def test_more_samples_keep_those_drawn_before(digits: tuple[Split, Split]) -> None:
    few, many = (make_samples(*digits, settings(per_class=count)) for count in (2, 4))
    others = {sample.id: sample for sample in many.samples}
    assert {sample.id for sample in few.samples} < set(others)
    for sample in few.samples:
        np.testing.assert_array_equal(sample.players, others[sample.id].players)
        np.testing.assert_array_equal(sample.inputs, others[sample.id].inputs)


def test_samples_are_per_class_from_the_test_split(digits: tuple[Split, Split]) -> None:
    test = digits[1]
    samples = make_samples(*digits, settings(per_class=3)).samples
    assert np.bincount([sample.label for sample in samples]).tolist() == [3, 3, 3]
    for sample in samples:
        assert test.labels[test.ids.index(sample.id)] == sample.label
    assert len({sample.players.tobytes() for sample in samples}) > 1


def test_a_total_is_spread_over_the_classes(digits: tuple[Split, Split]) -> None:
    samples = make_samples(*digits, settings(total=5)).samples
    assert [sample.label for sample in samples] == [0, 0, 1, 1, 2]


def test_another_seed_draws_others(digits: tuple[Split, Split]) -> None:
    draws = [draw_samples(digits[1], settings(seed=seed).sampling) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_too_many_samples_name_the_class(digits: tuple[Split, Split]) -> None:
    with pytest.raises(ValueError, match="99 samples of class 5 are asked for, but only 18 of its"):
        draw_samples(digits[1], settings(per_class=99).sampling)


def annotated(test: Split, parts: list[int]) -> Split:
    """The split with a box in its upper half and so many parts in the images in turn."""
    notes = [
        json.dumps(
            {
                "box": [0, 0, 8, 4],
                "parts": [[0.5 + 1.3 * part, 1.0 + part % 3] for part in range(count)],
                "size": [8, 8],
            }
        )
        for count in parts * len(test.ids)
    ]
    return test._replace(annotations=notes[: len(test.ids)])


def test_parts_are_scaled_with_the_image_and_only_images_with_enough_are_drawn(
    digits: tuple[Split, Split],
) -> None:
    test = annotated(digits[1], [5, 3])
    chosen = settings(players={"kind": "parts", "n": 4})
    for sample in make_samples(digits[0], test, chosen).samples:
        assert test.ids.index(sample.id) % 2 == 0
        assert (sample.players[14:] == -1).all()
        assert (sample.players[:14] >= 0).all()
    with pytest.raises(ValueError, match="only 0 of its 18 test samples can have 6 players"):
        make_samples(digits[0], test, settings(players={"kind": "parts", "n": 6}))


def test_superpixels_cover_the_image(digits: tuple[Split, Split]) -> None:
    for sample in make_samples(*digits, settings(players={"kind": "superpixels", "n": 6})).samples:
        assert set(np.unique(sample.players)) == set(range(6))


def test_annotations_choose_the_samples(digits: tuple[Split, Split], tmp_path: Path) -> None:
    test = digits[1]
    chosen = [test.ids[test.labels.index(label)] for label in range(3)]
    regions = {name: [[[0, 0], [0, 1]], [[5, 5]]] for name in chosen}
    (tmp_path / "players.json").write_text(json.dumps(regions))
    players = {"kind": "annotations", "n": 2, "path": str(tmp_path / "players.json")}
    samples = make_samples(*digits, settings(per_class=1, players=players)).samples
    assert [sample.id for sample in samples] == chosen
    assert samples[0].players[0, :3].tolist() == [0, 0, -1]


@pytest.mark.parametrize("baseline", ["zero", "channel_mean", "blur"])
def test_baselines_are_kept_with_the_samples(
    baseline: str, digits: tuple[Split, Split], tmp_path: Path
) -> None:
    samples = make_samples(*digits, settings(baseline=baseline, blur_sigma=2.0))
    write_samples(tmp_path / "s.h5", samples)
    again = read_samples(tmp_path / "s.h5").samples
    for first, second in zip(samples.samples, again, strict=True):
        np.testing.assert_array_equal(first.baseline, second.baseline)
    same = np.array_equal(again[0].baseline, again[1].baseline)
    assert same == (baseline != "blur")


def test_words_are_players_and_short_sentences_are_passed_over(encoder: TextArchitecture) -> None:
    sampling = Sampling.model_validate(
        {"per_class": 2, "baseline": "mask_token", "players": {"kind": "words", "n": 10}}
    )
    chosen = SamplesSettings(sampling=sampling, architecture=encoder)
    samples = make_samples(SPLIT, SPLIT, chosen).samples
    assert [sample.id for sample in samples if sample.label == 0] in (["1", "3"], ["3", "1"])
    for sample in samples:
        assert sample.inputs.shape == sample.players.shape == sample.baseline.shape
        assert len(set(sample.baseline.tolist())) == 1
        drawn = [w for w, p in zip(sample.words, sample.word_players, strict=True) if p >= 0]
        assert len(drawn) == 10
        assert "," not in drawn
        assert sample.players[0] == sample.players[-1] == -1


def test_baseline_is_the_mean_of_each_pixel_after_resizing(digits: tuple[Split, Split]) -> None:
    images = digits[0].images
    stack = np.stack([decode(image, size=28, channels=1) for image in images]).astype(float)
    np.testing.assert_allclose(
        pixel_mean(images, size=28, channels=1), stack.mean(axis=0) / 255, atol=1e-7
    )


def test_round_trip_and_damage(digits: tuple[Split, Split], tmp_path: Path) -> None:
    samples = make_samples(*digits, settings(per_class=2))
    path = tmp_path / "samples.h5"
    write_samples(path, samples)
    again = read_samples(path)
    assert (again.classes, again.n_players) == (samples.classes, 5)
    for first, second in zip(samples.samples, again.samples, strict=True):
        assert (first.id, first.label, first.words) == (second.id, second.label, second.words)
        for name in ("inputs", "players", "baseline"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ArtifactError, match=r"samples\.h5: damaged: its SHA-256"):
        read_samples(path)


def test_a_damaged_split_is_named(digits_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    path.write_bytes((digits_folder / "train.parquet").read_bytes()[:-20])
    with pytest.raises(ArtifactError, match=r"train\.parquet: not a prepared split"):
        read_split(path)
