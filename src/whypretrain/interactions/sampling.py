"""Choosing the samples of an experiment from the test split, with their players and baselines."""

import json

import numpy as np
from numpy.typing import NDArray

from whypretrain.data.images import decode, pixel_mean
from whypretrain.data.samples import BACKGROUND, Sample, Samples, check_players
from whypretrain.data.table import Split
from whypretrain.data.texts import NO_WORD, Tokenizer, Tokens
from whypretrain.interactions.annotations import Annotations, read_annotations
from whypretrain.interactions.baselines import make_baseline
from whypretrain.interactions.players import (
    annotation_players,
    grid_players,
    part_players,
    usable_parts,
    word_players,
)
from whypretrain.interactions.superpixels import superpixel_players
from whypretrain.settings.base import configured_path
from whypretrain.settings.interactions import (
    AnnotationPlayers,
    GridPlayers,
    PartPlayers,
    SamplesSettings,
    Sampling,
    WordPlayers,
)
from whypretrain.settings.models import ImageArchitecture, TextArchitecture


def make_samples(train: Split, test: Split, settings: SamplesSettings) -> Samples:
    """Draw samples and their players, and compute their baselines.

    Raises
    ------
    ValueError
        If a class has too few test samples that such players can be drawn from.
    """
    sampling, architecture = settings.sampling, settings.architecture
    if isinstance(architecture, ImageArchitecture):
        samples = _image_samples(train, test, sampling, architecture)
    else:
        samples = _text_samples(test, sampling, architecture)
    for sample in samples:
        check_players(sample.players, sampling.players.n)
    return Samples(test.classes, sampling.players.n, samples)


def draw_samples(
    test: Split, sampling: Sampling, usable: NDArray[np.bool_] | None = None
) -> list[int]:
    """Indices of the samples in the test split, by class and in drawn order.

    Each class is permuted by its own generator and cut: more samples keep those drawn before.

    Parameters
    ----------
    usable : array of shape (n_test,), bool
        Which test samples players can be drawn from; all if not given.

    Raises
    ------
    ValueError
        If a class has fewer usable test samples than are to be drawn.
    """
    labels = np.array(test.labels)
    drawn: list[int] = []
    for label, name in enumerate(test.classes):
        count = sampling.of_class(label, len(test.classes))
        order = np.random.default_rng([sampling.seed, label]).permutation(
            np.flatnonzero(labels == label)
        )
        chosen = order if usable is None else order[usable[order]]
        if len(chosen) < count:
            message = (
                f"sampling: {count} samples of class {name} are asked for, but only {len(chosen)} "
                f"of its {len(order)} test samples can have {sampling.players.n} players of kind "
                f"'{sampling.players.kind}'"
            )
            raise ValueError(message)
        drawn += chosen[:count].tolist()
    return drawn


def _generator(sampling: Sampling, index: int) -> np.random.Generator:
    # One generator a sample: another number of samples leaves its players as they are.
    return np.random.default_rng([sampling.seed, index])


def _image_samples(
    train: Split, test: Split, sampling: Sampling, architecture: ImageArchitecture
) -> list[Sample]:
    size, channels = architecture.image_size, architecture.channels
    regions = None
    usable = None
    if isinstance(sampling.players, AnnotationPlayers):
        regions = read_annotations(configured_path(sampling.players.path, "players.path"))
        usable = np.array([name in regions for name in test.ids])
    elif isinstance(sampling.players, PartPlayers):
        counts = [_usable_parts(note, size) for note in test.annotations]
        usable = np.array(counts) >= sampling.players.n
    mean = pixel_mean(train.images, size=size, channels=channels)
    samples = []
    for index in draw_samples(test, sampling, usable):
        image = decode(test.images[index], size=size, channels=channels)
        baseline = make_baseline(
            sampling.baseline, image=image, pixel_mean=mean, blur_sigma=sampling.blur_sigma
        )
        players = _image_players(test, index, image, sampling, regions)
        label = test.labels[index]
        samples.append(Sample(test.ids[index], label, image, baseline, players, [], []))
    return samples


def _image_players(
    test: Split,
    index: int,
    image: NDArray[np.uint8],
    sampling: Sampling,
    regions: Annotations | None,
) -> NDArray[np.int16]:
    options = sampling.players
    size = image.shape[1]
    if isinstance(options, GridPlayers):
        return grid_players(
            size,
            size,
            cells=options.cells,
            margin=options.margin,
            n_players=options.n,
            generator=_generator(sampling, index),
        )
    if isinstance(options, PartPlayers):
        points, box = _parts(test.annotations[index], size)
        generator = _generator(sampling, index)
        return part_players(points, box, size, size, n_players=options.n, generator=generator)
    if isinstance(options, AnnotationPlayers):
        assert regions is not None
        try:
            return annotation_players(regions[test.ids[index]], size, size, n_players=options.n)
        except ValueError as error:
            message = f"{options.path}: sample '{test.ids[index]}': {error}; correct the file"
            raise ValueError(message) from error
    return superpixel_players(image.transpose(1, 2, 0), n_players=options.n)


def _usable_parts(annotation: str, size: int) -> int:
    """How many players an image's parts can be; none where its box shrinks to less than a pixel."""
    try:
        return usable_parts(*_parts(annotation, size), size, size)
    except ValueError:
        return 0


def _parts(
    annotation: str, size: int
) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """Visible keypoints (k, 2) and box (x, y, w, h) of an image, scaled with it to `size`."""
    if not annotation:
        return np.empty((0, 2)), (0.0, 0.0, 0.0, 0.0)
    noted = json.loads(annotation)
    scale = size / np.array(noted["size"], dtype=float)
    x, y = np.array(noted["box"][:2]) * scale
    width, height = np.array(noted["box"][2:]) * scale
    points = np.array(noted.get("parts", []), dtype=float).reshape(-1, 2) * scale
    return points, (float(x), float(y), float(width), float(height))


def _text_samples(test: Split, sampling: Sampling, architecture: TextArchitecture) -> list[Sample]:
    tokenizer = Tokenizer(architecture)
    tokens = [tokenizer(text) for text in test.texts]
    n_players = sampling.players.n
    assert isinstance(sampling.players, WordPlayers)
    usable = np.array([not item.cut and _n_words(item) >= n_players for item in tokens])
    samples = []
    for index in draw_samples(test, sampling, usable):
        item = tokens[index]
        generator = _generator(sampling, index)
        players = word_players(item.word_of_token, n_players=n_players, generator=generator)
        of_word = dict(zip(item.word_of_token.tolist(), players.tolist(), strict=True))
        sample = Sample(
            id=test.ids[index],
            label=test.labels[index],
            inputs=item.ids,
            baseline=np.full_like(item.ids, tokenizer.mask),
            players=players,
            words=item.words,
            word_players=[of_word.get(word, BACKGROUND) for word in range(len(item.words))],
        )
        samples.append(sample)
    return samples


def _n_words(tokens: Tokens) -> int:
    return len(set(tokens.word_of_token.tolist()) - {NO_WORD})
