"""One kind of network with its inputs: drawn, and measured by the code of extraction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from validation.planted.networks import GreyShares, PlantedNetwork, Term, WordShares
from validation.planted.scenes import (
    COMMA,
    Scene,
    draw_terms,
    picture,
    planted_interactions,
    sentence,
    texture,
    vocabulary,
)
from whypretrain.data.samples import Samples, read_samples, write_samples
from whypretrain.interactions.measure import Extractor
from whypretrain.interactions.players import grid_players, superpixel_players
from whypretrain.interactions.record import new_record, write_record
from whypretrain.interactions.sampling import make_baseline
from whypretrain.interactions.trajectory import sample_digests
from whypretrain.settings.interactions import Extraction, ExtractSettings
from whypretrain.settings.models import Architecture, ImageArchitecture, TextArchitecture
from whypretrain.settings.planted import Planted

KINDS = ("image-grid", "image-superpixels", "text")
SYMBOLS_MISSING = 2
"""Symbols that a network knows and an input lacks: other ones in every input."""
N_TEXTURES = 16  # images that the baseline is the mean of

GREY = ImageArchitecture(timm="planted", image_size=28, channels=1, mean=[0.3], std=[0.35])
WORDS = TextArchitecture(family="transformers", folder="planted")


@dataclass(frozen=True)
class Case:
    """A network that looks for symbols, and inputs whose players show them."""

    name: str
    architecture: Architecture
    shares: nn.Module
    n_symbols: int
    scenes: list[Scene]
    terms: list[Term]

    def truth(self, weights: Sequence[Fraction], scene: Scene) -> dict[int, Fraction]:
        """Interactions of one of the scenes, for weights of the terms."""
        return planted_interactions(dict(zip(self.terms, weights, strict=True)), scene)


def draw_case(kind: str, options: Planted) -> Case:
    """Draw inputs and terms; equal options give equal ones."""
    generator = np.random.default_rng([options.seed, KINDS.index(kind)])
    n_symbols = options.n + SYMBOLS_MISSING
    words = vocabulary(n_symbols)
    baseline = _mean_texture(generator)
    scenes = []
    for position in range(options.samples):
        name, label = f"{kind}-{position}", position % 2
        symbols = generator.permutation(n_symbols)[: options.n].tolist()
        if kind == "text":
            scene = sentence(name, label, words=words, symbols=symbols, generator=generator)
        else:
            image = texture(GREY.image_size, generator)
            scene = picture(
                name,
                label,
                image=image,
                baseline=baseline,
                players=_players(kind, image, options.n, generator),
                symbols=symbols,
                generator=generator,
            )
        scenes.append(scene)
    terms = draw_terms(scenes, generator)
    if kind == "text":
        shares: nn.Module = WordShares(words, n_tokens=COMMA + 1 + sum(map(len, words)))
        return Case(kind, WORDS, shares, n_symbols, scenes, terms)
    return Case(kind, GREY, GreyShares(n_symbols, GREY), n_symbols, scenes, terms)


def _mean_texture(generator: np.random.Generator) -> NDArray[np.float32]:
    size = GREY.image_size
    images = np.stack([texture(size, generator)[None] for _ in range(N_TEXTURES)])
    mean = (images.mean(axis=0) / 255).astype(np.float32)
    return make_baseline("pixel_mean", image=images[0], pixel_mean=mean, blur_sigma=1.0)


def _players(
    kind: str, image: NDArray[np.uint8], n_players: int, generator: np.random.Generator
) -> NDArray[np.int16]:
    if kind == "image-superpixels":
        return superpixel_players(image[:, :, None], n_players=n_players)
    return grid_players(*image.shape, cells=8, margin=1, n_players=n_players, generator=generator)


class Laboratory:
    """A case's network, measured under one choice of weights after the other.

    Parameters
    ----------
    folder : for the file of samples and the records
    """

    def __init__(self, case: Case, folder: Path, device: torch.device) -> None:
        self.case, self.folder = case, folder
        samples = [scene.sample for scene in case.scenes]
        path = folder / "samples.h5"
        write_samples(path, Samples(["planted", "other"], len(case.scenes[0].symbols), samples))
        self.samples = read_samples(path)
        self.settings = ExtractSettings(
            architecture=case.architecture, background="keep", extraction=Extraction()
        )
        network = PlantedNetwork(case.shares, case.terms, case.n_symbols).eval()
        self.network = network.to(device)
        self.extractor = Extractor(network, self.samples, self.settings, device)

    def measure(self, snapshots: Mapping[Fraction, Sequence[Fraction]], name: str) -> Path:
        """Measure all samples along a trajectory and write their record.

        Parameters
        ----------
        snapshots : the terms' weights, by the fraction of training
        name : of the file, without its ending
        """
        extractor = self.extractor
        measured, floors, digests = [], [], []
        for weights in snapshots.values():
            self.network.plant(weights)
            names = sample_digests(
                self.samples,
                weights=" ".join(map(str, weights)),
                settings=self.settings,
                code="",  # nothing is kept for another run
            )
            found = [
                one
                for positions in extractor.groups()
                for one in extractor.measure(positions, [names[i] for i in positions])
            ]
            measured.append(found)
            floors.append(extractor.noise_floor(found[0]))
            digests.append(names)
        record = new_record(
            self.samples,
            fractions=[float(fraction) for fraction in snapshots],
            epochs=[float(fraction) for fraction in snapshots],
            outputs=np.array([[one.outputs for one in found] for found in measured]),
            logits=np.array([[one.logits for one in found] for found in measured]),
            noise_floor=np.array(floors),
            digests=digests,
        )
        path = self.folder / f"{name}.h5"
        write_record(path, record, {})
        return path
