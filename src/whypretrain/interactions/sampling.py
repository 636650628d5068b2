"""Choosing the samples of an experiment from the test split, with their players and baselines."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError
from scipy.ndimage import gaussian_filter

from whypretrain.data.encoded import decode, pixel_mean
from whypretrain.data.samples import Sample, Samples
from whypretrain.data.table import Split
from whypretrain.data.texts import Tokenizer
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.players import (
    annotation_players,
    count_words,
    grid_players,
    part_players,
    players_of_words,
    superpixel_players,
    usable_parts,
    word_players,
)
from whypretrain.settings.base import configured_path
from whypretrain.settings.interactions import (
    AnnotationPlayers,
    GridPlayers,
    PartPlayers,
    SamplesSettings,
    Sampling,
)
from whypretrain.settings.models import ImageArchitecture, TextArchitecture

Baseline = Literal["pixel_mean", "channel_mean", "zero", "blur", "mask_token"]
"""The kinds of baselines; all but the last are of images."""

_Coordinate = Annotated[int, Field(strict=True)]
_Pixels = Annotated[
    list[Annotated[list[_Coordinate], Field(min_length=2, max_length=2)]], Field(min_length=1)
]
Annotations = dict[str, Annotated[list[_Pixels], Field(min_length=1)]]
"""By the sample's id, one list of pixels [row, column] a player."""
_EXPECTED = (
    "must map the ids of samples to their players",
    "sample '{}': must be a list with one list of pixels a player",
    "sample '{}', player {}: must be a list of pixels [row, column]",
    "sample '{}', player {}, pixel {}: must be [row, column], two whole numbers",
)


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
        generator = np.random.default_rng([sampling.seed, label])
        order = generator.permutation(np.flatnonzero(labels == label))
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


def make_baseline(
    kind: Baseline,
    *,
    image: NDArray[np.uint8],
    pixel_mean: NDArray[np.float32],
    blur_sigma: float,
) -> NDArray[np.float32]:
    """What the masked pixels of one image show; only `blur` differs between images.

    Parameters
    ----------
    kind
        `pixel_mean`: the mean of every pixel over the training images. `channel_mean`: the mean of
        that over the pixels of each channel. `zero`: black. `blur`: the image itself under a
        Gaussian, continued at its rim by its mirror image.
    image : array of shape (channels, height, width), uint8
    pixel_mean : array of the same shape, float32, in [0, 1]
    blur_sigma : standard deviation of the Gaussian, in pixels; used by `blur` alone

    Returns
    -------
    array of shape (channels, height, width), float32, in [0, 1]
    """
    # Means and sums in double precision: rounding must not depend on the size of the image.
    if kind == "pixel_mean":
        return pixel_mean
    if kind == "channel_mean":
        means = pixel_mean.mean(axis=(1, 2), dtype=np.float64, keepdims=True)
        return np.broadcast_to(means, image.shape).astype(np.float32)
    if kind == "blur":
        blurred = gaussian_filter(image / 255, sigma=(0, blur_sigma, blur_sigma))
        return blurred.clip(0, 1).astype(np.float32)
    return np.zeros(image.shape, dtype=np.float32)


def read_annotations(path: Path) -> Annotations:
    """Read players that people drew: a JSON file from the id of a sample to its regions.

        {"5_0017": [[[3, 4], [3, 5]], [[9, 9], [9, 10], [10, 9]]]}

    Pixels are [row, column] of the image as the network sees it, after resizing, counted from 0.

    Raises
    ------
    ArtifactError
        If there is no such file, it is no JSON, or a sample is not a list of lists of pixels; the
        message names file, sample and player.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text, object_pairs_hook=_without_repeats)
        return TypeAdapter(Annotations).validate_python(content)
    except OSError as error:
        message = (
            f"{path}: cannot read the annotations ({error.strerror or error}); correct the path"
        )
    except ValidationError as error:
        wrong = error.errors()[0]
        place = wrong["loc"][:3]
        expected = _EXPECTED[len(place)].format(*place)
        message = f"{path}: {expected}, not {json.dumps(wrong['input'])[:80]}"
    except (ValueError, RecursionError) as error:
        message = f"{path}: no JSON file of annotations ({error}); correct it"
    raise ArtifactError(message)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            message = f"'{key}' stands twice"
            raise ValueError(message)
        found[key] = value
    return found


def _generator(sampling: Sampling, index: int) -> np.random.Generator:
    # One generator a sample: another number of samples leaves its players as they are.
    return np.random.default_rng([sampling.seed, index])


def _image_samples(
    train: Split, test: Split, sampling: Sampling, architecture: ImageArchitecture
) -> list[Sample]:
    size, channels = architecture.image_size, architecture.channels
    options, regions, usable = sampling.players, {}, None
    if isinstance(options, AnnotationPlayers):
        regions = read_annotations(configured_path(options.path, "players.path"))
        usable = np.array([name in regions for name in test.ids])
    elif isinstance(options, PartPlayers):
        counts = [_usable_parts(note, size) for note in test.annotations]
        usable = np.array(counts) >= options.n
    mean = pixel_mean(train.images, size=size, channels=channels)
    samples = []
    for index in draw_samples(test, sampling, usable):
        name, label = test.ids[index], test.labels[index]
        image = decode(test.images[index], size=size, channels=channels)
        baseline = make_baseline(
            sampling.baseline, image=image, pixel_mean=mean, blur_sigma=sampling.blur_sigma
        )
        if isinstance(options, AnnotationPlayers):
            try:
                players = annotation_players(regions[name], size, size, n_players=options.n)
            except ValueError as error:
                message = f"{options.path}: sample '{name}': {error}; correct the file"
                raise ValueError(message) from error
        else:
            players = _drawn_players(test, index, image, sampling)
        samples.append(Sample(name, label, image, baseline, players, [], []))
    return samples


def _drawn_players(
    test: Split, index: int, image: NDArray[np.uint8], sampling: Sampling
) -> NDArray[np.int16]:
    options, size = sampling.players, image.shape[1]
    generator = _generator(sampling, index)
    if isinstance(options, GridPlayers):
        cells, margin = options.cells, options.margin
        return grid_players(
            size, size, cells=cells, margin=margin, n_players=options.n, generator=generator
        )
    if isinstance(options, PartPlayers):
        points, box = _parts(test.annotations[index], size)
        return part_players(points, box, size, size, n_players=options.n, generator=generator)
    return superpixel_players(image.transpose(1, 2, 0), n_players=options.n)


def _usable_parts(annotation: str, size: int) -> int:
    """How many players an image's parts can be; none where its box shrinks to less than a pixel."""
    try:
        return usable_parts(*_parts(annotation, size), size, size)
    except ValueError:
        return 0


def _parts(annotation: str, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Visible keypoints (k, 2) and box (x, y, w, h) of an image, scaled with it to `size`."""
    if not annotation:
        return np.empty((0, 2)), np.zeros(4)
    noted = json.loads(annotation)
    scale = size / np.array(noted["size"], dtype=float)
    points = np.array(noted.get("parts", []), dtype=float).reshape(-1, 2)
    return points * scale, np.array(noted["box"], dtype=float) * np.tile(scale, 2)


def _text_samples(test: Split, sampling: Sampling, architecture: TextArchitecture) -> list[Sample]:
    tokenizer = Tokenizer(architecture)
    tokens = [tokenizer(text) for text in test.texts]
    n = sampling.players.n
    usable = np.array([not item.cut and count_words(item.word_of_token) >= n for item in tokens])
    samples = []
    for index in draw_samples(test, sampling, usable):
        ids, word_of_token, words, _ = tokens[index]
        players = word_players(word_of_token, n_players=n, generator=_generator(sampling, index))
        sample = Sample(
            id=test.ids[index],
            label=test.labels[index],
            inputs=ids,
            baseline=np.full_like(ids, tokenizer.mask),
            players=players,
            words=words,
            word_players=players_of_words(word_of_token, players, len(words)),
        )
        samples.append(sample)
    return samples
