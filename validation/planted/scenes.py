"""Inputs whose players each show one symbol, and the interactions that terms give them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from validation.planted.networks import DOTS, Term, grey_level
from whypretrain.data.samples import BACKGROUND, Sample
from whypretrain.interactions.players import word_players

PADDING, FIRST, LAST, MASK, COMMA = range(5)
"""Token ids that belong to no word; words have the ids after them."""
MOST_SUBTOKENS = 3
TEXTURE_LEVELS = 96  # below the grey levels of symbols, so that means over textures are too
PER_ORDER = 3  # terms a sample and order, of which some may be equal


@dataclass(frozen=True)
class Scene:
    """A sample and what is in it: `symbols[i]` is shown by player i, and by nothing else."""

    sample: Sample
    symbols: tuple[int, ...]


def texture(size: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """An image in which there is something to see, but no symbol: (size, size), grey levels."""
    coarse = generator.integers(0, TEXTURE_LEVELS, size=(4, 4))
    fine = generator.integers(-8, 9, size=(size, size))
    cells = np.arange(size) * 4 // size
    return (coarse[np.ix_(cells, cells)] + fine).clip(0, TEXTURE_LEVELS).astype(np.uint8)


def picture(
    name: str,
    label: int,
    *,
    image: NDArray[np.uint8],
    baseline: NDArray[np.float32],
    players: NDArray[np.int16],
    symbols: Sequence[int],
    generator: np.random.Generator,
) -> Scene:
    """An image in which each player shows its symbol by dots scattered over its pixels.

    Parameters
    ----------
    image : uint8 array of shape (height, width), from :func:`texture`
    baseline : float32 array of shape (1, height, width), in [0, 1], darker than symbols
    players : the player of every pixel; each has at least :data:`DOTS`
    symbols : of each player
    """
    painted = image.copy()
    for player, symbol in enumerate(symbols):
        pixels = np.flatnonzero(players == player)
        painted.flat[generator.choice(pixels, size=DOTS, replace=False)] = grey_level(symbol)
    return Scene(Sample(name, label, painted[None], baseline, players, [], []), tuple(symbols))


def vocabulary(n_symbols: int) -> list[tuple[int, ...]]:
    """Tokens of each symbol's word: one, two or three.

    >>> vocabulary(3)
    [(5,), (6, 7), (8, 9, 10)]
    """
    words: list[tuple[int, ...]] = []
    token = COMMA + 1
    for symbol in range(n_symbols):
        n_subtokens = 1 + symbol % MOST_SUBTOKENS
        words.append(tuple(range(token, token + n_subtokens)))
        token += n_subtokens
    return words


def sentence(
    name: str,
    label: int,
    *,
    words: Sequence[tuple[int, ...]],
    symbols: Sequence[int],
    generator: np.random.Generator,
) -> Scene:
    """A sentence of the symbols' words in the order given, with commas here and there.

    Parameters
    ----------
    words : from :func:`vocabulary`
    """
    tokens, word_of_token = [FIRST], [BACKGROUND]
    shown: list[str] = []
    player_of_word: list[int] = []
    for player, symbol in enumerate(symbols):
        tokens += words[symbol]
        word_of_token += [len(shown)] * len(words[symbol])
        shown.append(f"word{symbol}")
        player_of_word.append(player)
        if generator.random() < 0.3:
            tokens.append(COMMA)
            word_of_token.append(BACKGROUND)
            shown.append(",")
            player_of_word.append(BACKGROUND)
    ids = np.array([*tokens, LAST], dtype=np.int64)
    players = word_players(
        [*word_of_token, BACKGROUND], n_players=len(symbols), generator=generator
    )
    baseline = np.full_like(ids, MASK)
    sample = Sample(name, label, ids, baseline, players, shown, player_of_word)
    return Scene(sample, tuple(symbols))


def draw_terms(scenes: Sequence[Scene], generator: np.random.Generator) -> list[Term]:
    """A sparse set of terms in which every scene has some of each order, from 0 to all players."""
    terms: set[Term] = set()
    for scene in scenes:
        for order in range(len(scene.symbols) + 1):
            for _ in range(PER_ORDER):
                drawn = generator.choice(scene.symbols, size=order, replace=False)
                terms.add(tuple(sorted(int(symbol) for symbol in drawn)))
    return sorted(terms, key=lambda term: (len(term), term))


def planted_interactions(weights: Mapping[Term, Fraction], scene: Scene) -> dict[int, Fraction]:
    """I(S) of every coalition S with an interaction, exactly; all others are 0.

    Terms of which the scene lacks a symbol never come about. The output is the log-odds of the
    true class, so under label 1 all signs change.
    """
    player_of = {symbol: player for player, symbol in enumerate(scene.symbols)}
    sign = 1 if scene.sample.label == 0 else -1
    return {
        sum(1 << player_of[symbol] for symbol in term): sign * weight
        for term, weight in weights.items()
        if weight and all(symbol in player_of for symbol in term)
    }
