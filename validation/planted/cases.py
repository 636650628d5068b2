"""Cases: a planted network with inputs whose players each show one symbol."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from validation.planted.networks import (
    COMMA,
    DOTS,
    FIRST,
    GREY,
    LAST,
    MASK,
    GreyShares,
    PlantedNetwork,
    Term,
    WordShares,
    grey_level,
    word,
)
from whypretrain.data.samples import BACKGROUND, Sample
from whypretrain.interactions.players import grid_players, word_players
from whypretrain.interactions.superpixels import superpixel_players
from whypretrain.settings.models import Architecture, TextArchitecture
from whypretrain.settings.planted import Planted

KINDS = ("image-grid", "image-superpixels", "text")
SYMBOLS_MISSING = 2
"""Symbols that a network knows and an input lacks: other ones in every input."""
N_TEXTURES = 16  # images that the baseline is the mean of
TEXTURE_LEVELS = 96  # below the grey levels of symbols, so that means over textures are too
PER_ORDER = 3  # terms a sample and order, of which some may be equal
WORDS = TextArchitecture(family="transformers", folder="planted")


class Scene(NamedTuple):
    """A sample and what is in it: `symbols[i]` is shown by player i, and by nothing else."""

    sample: Sample
    symbols: Sequence[int]


class Case(NamedTuple):
    """A network that looks for symbols, and inputs whose players show them."""

    name: str
    architecture: Architecture
    network: PlantedNetwork
    scenes: list[Scene]

    def truth(self, weights: Sequence[Fraction], scene: Scene) -> dict[int, Fraction]:
        """I(S) of every coalition S with an interaction, exactly; all others are 0.

        Terms of which the scene lacks a symbol never come about. The output is the log-odds of the
        true class, so under label 1 all signs change.
        """
        player_of = {symbol: player for player, symbol in enumerate(scene.symbols)}
        sign = 1 if scene.sample.label == 0 else -1
        return {
            sum(1 << player_of[symbol] for symbol in term): sign * weight
            for term, weight in zip(self.network.terms, weights, strict=True)
            if weight and player_of.keys() >= set(term)
        }


def texture(generator: np.random.Generator) -> NDArray[np.uint8]:
    """A grey image in which there is something to see, but no symbol: (height, width)."""
    size = GREY.image_size
    coarse = generator.integers(0, TEXTURE_LEVELS, size=(4, 4))
    fine = generator.integers(-8, 9, size=(size, size))
    cells = np.arange(size) * 4 // size
    return (coarse[np.ix_(cells, cells)] + fine).clip(0, TEXTURE_LEVELS).astype(np.uint8)


def mean_texture(n_textures: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """A baseline of shape (1, height, width), in [0, 1], darker than symbols."""
    mean = np.mean([texture(generator) for _ in range(n_textures)], axis=0)
    return (mean / 255).astype(np.float32)[None]


def picture(
    name: str,
    label: int,
    symbols: Sequence[int],
    generator: np.random.Generator,
    *,
    image: NDArray[np.uint8],
    baseline: NDArray[np.float32],
    players: NDArray[np.int16],
) -> Scene:
    """A texture in which each player shows its symbol by :data:`DOTS` pixels that it holds."""
    painted = image.copy()
    for player, symbol in enumerate(symbols):
        pixels = np.flatnonzero(players == player)
        painted.flat[generator.choice(pixels, size=DOTS, replace=False)] = grey_level(symbol)
    return Scene(Sample(name, label, painted[None], baseline, players, [], []), symbols)


def sentence(
    name: str, label: int, symbols: Sequence[int], generator: np.random.Generator
) -> Scene:
    """A sentence of the symbols' words in the order given, with commas here and there."""
    tokens, word_of_token = [FIRST], [BACKGROUND]
    for place, symbol in enumerate(symbols):
        commas = [COMMA] * (generator.random() < 0.3)
        tokens += [*word(symbol), *commas]
        word_of_token += [place] * len(word(symbol)) + [BACKGROUND] * len(commas)
    ids = np.array([*tokens, LAST], dtype=np.int64)
    players = word_players(
        [*word_of_token, BACKGROUND], n_players=len(symbols), generator=generator
    )
    return Scene(Sample(name, label, ids, np.full_like(ids, MASK), players, [], []), symbols)


def draw_terms(scenes: Sequence[Scene], generator: np.random.Generator) -> list[Term]:
    """A sparse set of terms in which every scene has some of each order, from 0 to all players."""
    terms: set[Term] = set()
    for scene in scenes:
        for order in range(len(scene.symbols) + 1):
            for _ in range(PER_ORDER):
                drawn = generator.choice(scene.symbols, size=order, replace=False)
                terms.add(tuple(sorted(int(symbol) for symbol in drawn)))
    return sorted(terms, key=lambda term: (len(term), term))


def draw_case(kind: str, options: Planted) -> Case:
    """Draw inputs and terms; equal options give equal ones."""
    generator = np.random.default_rng([options.seed, KINDS.index(kind)])
    n_symbols = options.n + SYMBOLS_MISSING
    baseline = mean_texture(N_TEXTURES, generator)
    scenes = []
    for position in range(options.samples):
        symbols = generator.permutation(n_symbols)[: options.n].tolist()
        shown = (f"{kind}-{position}", position % 2, symbols, generator)
        if kind == "text":
            scenes.append(sentence(*shown))
            continue
        image = texture(generator)
        if kind == "image-superpixels":
            players = superpixel_players(image[:, :, None], n_players=options.n)
        else:
            grid = {"cells": 8, "margin": 1, "n_players": options.n}
            players = grid_players(*image.shape, **grid, generator=generator)
        scenes.append(picture(*shown, image=image, baseline=baseline, players=players))
    is_text = kind == "text"
    shares: nn.Module = WordShares(n_symbols) if is_text else GreyShares(n_symbols)
    network = PlantedNetwork(shares, draw_terms(scenes, generator), n_symbols)
    return Case(kind, WORDS if is_text else GREY, network, scenes)
