"""Networks whose Harsanyi interactions are known in closed form, and inputs for them.

A *symbol* is what such a network looks for in its input: dots of one grey level, or a word. Its
output is a sum of *terms*, with x_k the share of symbol k that is there (0 or 1 if masked):

    z = sum over terms Q of w_Q · product over k in Q of x_k.

If the input's players each show one symbol, z is v(T) = sum over S ⊆ T of I(S) (eq. 4), whose one
solution is I(S) = w_Q for the players S that show the symbols Q.

Weights are dyadic rationals, whole numbers over a power of two, of so few bits that float32 holds
every sum of them exactly. So what is not planted comes back as 0, not as 1e-9. That matters for the
reading `positive` of the ratio, which averages over all sets with preserve > 0: residues of
rounding would be such sets, and they would outnumber the planted ones.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whypretrain.data.samples import BACKGROUND, Sample
from whypretrain.interactions.players import grid_players, superpixel_players, word_players
from whypretrain.settings.models import Architecture, ImageArchitecture, TextArchitecture
from whypretrain.settings.planted import Planted

Term = tuple[int, ...]
"""Symbols that an effect needs all of, in increasing order; the empty one is always there."""

GREY = ImageArchitecture(timm="planted", image_size=28, channels=1, mean=[0.3], std=[0.35])
DOTS = 4
"""Dots by which a player of an image shows its symbol; a power of two, so that shares are exact."""
GREY_LEVELS = range(128, 256, 4)
"""Of the dots of each symbol; images and baselines are darker elsewhere."""
WINDOW = 7  # pixels a side, of the windows in which dots are counted first
SIGNIFICAND = 24  # bits of float32
PADDING, FIRST, LAST, MASK, COMMA = range(5)
"""Token ids that belong to no word; words have the ids after them."""
WORDS = TextArchitecture(family="transformers", folder="planted")

KINDS = ("image-grid", "image-superpixels", "text")
SYMBOLS_MISSING = 2
"""Symbols that a network knows and an input lacks: other ones in every input."""
N_TEXTURES = 16  # images that the baseline is the mean of
TEXTURE_LEVELS = 96  # below the grey levels of symbols, so that means over textures are too
PER_ORDER = 3  # terms a sample and order, of which some may be equal


def word(symbol: int) -> range:
    """Tokens of a symbol's word: one, two or three.

    >>> [[*word(symbol)] for symbol in range(4)]
    [[5], [6, 7], [8, 9, 10], [11]]
    """
    threes, place = divmod(symbol, 3)
    start = COMMA + 1 + 6 * threes + sum(range(place + 1))
    return range(start, start + place + 1)


class GreyShares(nn.Module):
    """Share of each symbol's dots that an image shows: 1 if all are there, 0 if none is.

    Convolutions and a saturating activation, so that extraction shares work among masked versions
    as it does with other convolutional networks. Takes images normalised for :data:`GREY`, float32
    of shape (batch, 1, height, width); returns float32 of shape (batch, n_symbols).
    """

    def __init__(self, n_symbols: int) -> None:
        super().__init__()
        # Channel k of the steps is 1 where a pixel is as light as symbol k or lighter, else 0.
        steps = nn.Conv2d(1, n_symbols + 1, kernel_size=1)
        thresholds = torch.tensor(GREY_LEVELS[: n_symbols + 1]) - GREY_LEVELS.step / 2
        nn.init.constant_(steps.weight, 255 * GREY.std[0])
        steps.bias = nn.Parameter(255 * GREY.mean[0] - thresholds)
        differences = nn.Conv2d(n_symbols + 1, n_symbols, kernel_size=1, bias=False)
        eye = torch.eye(n_symbols, n_symbols + 1) - torch.eye(n_symbols + 1)[1:]
        differences.weight = nn.Parameter(eye[:, :, None, None])
        counts = nn.Conv2d(
            n_symbols, n_symbols, WINDOW, stride=WINDOW, groups=n_symbols, bias=False
        )
        nn.init.ones_(counts.weight)
        self.dots = nn.Sequential(steps, nn.Hardtanh(0.0, 1.0), differences, counts)

    def forward(self, images: Tensor) -> Tensor:
        """Shares."""
        return self.dots(images).sum(dim=(2, 3)) / DOTS


class WordShares(nn.Module):
    """Share of each word's tokens that a sentence holds: 1 if all are there, 0 if none is.

    Takes token ids, int64 of shape (batch, length); returns float32 of shape (batch, n_symbols).
    """

    def __init__(self, n_symbols: int) -> None:
        super().__init__()
        weight = torch.zeros(word(n_symbols).start, n_symbols)
        for symbol in range(n_symbols):
            tokens = word(symbol)
            # 1/2, 1/4, …, the last one twice: exact, and 1 in sum.
            for place, token in enumerate(tokens, start=1):
                weight[token, symbol] = 0.5 ** min(place, len(tokens) - 1)
        self.embedding = nn.Embedding.from_pretrained(weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shares."""
        return self.embedding(tokens).sum(dim=1)


class PlantedNetwork(nn.Module):
    """Logits (z, 0), z the sum of the terms, so that the log-odds of class 0 are z, of class 1 -z.

    The penultimate feature is the product of each term; the classifier holds the terms' weights.
    """

    needed: Tensor

    def __init__(self, shares: nn.Module, terms: Sequence[Term], n_symbols: int) -> None:
        super().__init__()
        self.shares, self.terms = shares, terms
        needed = [[symbol in term for symbol in range(n_symbols)] for term in terms]
        self.register_buffer("needed", torch.tensor(needed))
        self.head = nn.Linear(len(terms), 2, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, float32 of shape (batch, 2)."""
        shares = self.shares(inputs)
        return self.head(torch.where(self.needed, shares[:, None, :], 1.0).prod(dim=2))

    def get_classifier(self) -> nn.Linear:
        """The last layer, called as timm's networks call theirs."""
        return self.head

    @torch.no_grad()
    def plant(self, weights: Sequence[Fraction]) -> None:
        """Set the weights, dyadic rationals; ValueError if float32 could round a sum of them."""
        unit = max(weight.denominator for weight in weights)
        if sum(map(abs, weights)) * unit >= 1 << SIGNIFICAND:
            message = f"sums of these weights need more than the {SIGNIFICAND} bits of float32"
            raise ValueError(message)
        self.head.weight[0] = torch.tensor([float(weight) for weight in weights])


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
        painted.flat[generator.choice(pixels, size=DOTS, replace=False)] = GREY_LEVELS[symbol]
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
    words, own = [f"word-{symbol}" for symbol in symbols], list(range(len(symbols)))
    return Scene(Sample(name, label, ids, np.full_like(ids, MASK), players, words, own), symbols)


def draw_terms(scenes: Sequence[Scene], generator: np.random.Generator) -> list[Term]:
    """A sparse set of terms in which every scene has some of each order, from 0 to all players."""
    terms: set[Term] = {
        tuple(sorted(generator.choice(scene.symbols, size=order, replace=False).tolist()))
        for scene in scenes
        for order in range(len(scene.symbols) + 1)
        for _ in range(PER_ORDER)
    }
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
