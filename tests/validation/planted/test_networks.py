"""Planted interactions, of any sparse set, come back through extraction and HDF5, exactly."""

from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from validation.planted.case import GREY, WORDS, Case, Laboratory
from validation.planted.networks import (
    DOTS,
    MAX_GREY_SYMBOLS,
    GreyShares,
    PlantedNetwork,
    Term,
    WordShares,
    grey_level,
)
from validation.planted.scenes import Scene, picture, sentence, texture, vocabulary
from whypretrain.data.samples import BACKGROUND
from whypretrain.interactions.record import read_record
from whypretrain.interactions.sharing.convolutional import SharedConvolutionalNetwork

CPU = torch.device("cpu")
SIZE = GREY.image_size
weights_of_terms = st.integers(-999, 999).map(lambda number: Fraction(number, 128))


@st.composite
def planted(draw: st.DrawFn) -> tuple[int, list[int], dict[Term, Fraction], int, int]:
    """Number of symbols, symbols of the players, weights of terms, label, seed."""
    n_players = draw(st.integers(1, 8))
    n_symbols = n_players + draw(st.integers(0, 2))
    symbols = draw(st.permutations(range(n_symbols)))[:n_players]
    term = st.sets(st.integers(0, n_symbols - 1)).map(lambda drawn: tuple(sorted(drawn)))
    # The sets of all players and of none are there now and then.
    term |= st.sampled_from([(), tuple(sorted(symbols))])
    weights = draw(st.dictionaries(term, weights_of_terms, min_size=1, max_size=12))
    return n_symbols, symbols, weights, draw(st.integers(0, 1)), draw(st.integers(0, 99))


def irregular_players(n_players: int, generator: np.random.Generator) -> np.ndarray:
    """Each player's pixels are anywhere: cells around random points, of unequal size, or dust."""
    if generator.random() < 0.5:
        players = generator.integers(BACKGROUND, n_players, size=(SIZE, SIZE))
    else:
        points = generator.uniform(0, SIZE, size=(n_players + 1, 2))
        pixels = np.moveaxis(np.mgrid[:SIZE, :SIZE], 0, -1)
        players = ((pixels[:, :, None] - points) ** 2).sum(axis=3).argmin(axis=2) + BACKGROUND
        for player in range(n_players):
            players[player, :DOTS] = player  # a cell may be smaller than its symbol
    return players.astype(np.int16)


def painted(
    symbols: list[int], label: int, seed: int, name: str = "sample", *, size: int = SIZE
) -> Scene:
    generator = np.random.default_rng(seed)
    baseline = np.stack([texture(size, generator) for _ in range(3)]).mean(axis=0) / 255
    return picture(
        name,
        label,
        image=texture(size, generator),
        baseline=baseline[None].astype(np.float32),
        players=irregular_players(len(symbols), generator),
        symbols=symbols,
        generator=generator,
    )


def written(symbols: list[int], n_symbols: int, label: int, seed: int) -> Scene:
    generator = np.random.default_rng(seed)
    return sentence(
        "sample", label, words=vocabulary(n_symbols), symbols=symbols, generator=generator
    )


def measured(case: Case, weights: dict[Term, Fraction]) -> np.ndarray:
    with TemporaryDirectory() as folder:
        laboratory = Laboratory(case, Path(folder), CPU)
        path = laboratory.measure({Fraction(1): [*weights.values()]}, "found")
        return read_record(path).interactions[0]


def check(found: np.ndarray, scene: Scene, weights: dict[Term, Fraction]) -> None:
    """Against set arithmetic alone: symbols, not coalitions as numbers."""
    sign = 1 - 2 * scene.sample.label
    for coalition, value in enumerate(found):
        shown = {symbol for i, symbol in enumerate(scene.symbols) if coalition >> i & 1}
        expected = float(sign * weights.get(tuple(sorted(shown)), Fraction(0)))
        assert value == pytest.approx(expected, rel=1e-5, abs=0)
        assert value == expected


@settings(max_examples=30, deadline=None)
@given(planted())
def test_an_images_interactions_come_back(
    drawn: tuple[int, list[int], dict[Term, Fraction], int, int],
) -> None:
    n_symbols, symbols, weights, label, seed = drawn
    scene = painted(symbols, label, seed)
    case = Case("images", GREY, GreyShares(n_symbols, GREY), n_symbols, [scene], [*weights])
    (found,) = measured(case, weights)
    check(found, scene, weights)


@settings(max_examples=30, deadline=None)
@given(planted())
def test_a_sentences_interactions_come_back(
    drawn: tuple[int, list[int], dict[Term, Fraction], int, int],
) -> None:
    n_symbols, symbols, weights, label, seed = drawn
    scene = written(symbols, n_symbols, label, seed)
    shares = WordShares(vocabulary(n_symbols), n_tokens=100)
    case = Case("texts", WORDS, shares, n_symbols, [scene], [*weights])
    (found,) = measured(case, weights)
    check(found, scene, weights)


def test_samples_with_other_players_and_labels_do_not_mix() -> None:
    weights = {(): Fraction(1, 2), (0,): Fraction(3), (1, 2): Fraction(-5, 4)}
    scenes = [painted([2, 0, 1], i % 2, i, name=f"sample{i}") for i in range(3)]
    scenes.append(painted([1, 2, 3], 0, 3, name="another"))
    case = Case("images", GREY, GreyShares(4, GREY), 4, scenes, [*weights])
    for scene, found in zip(scenes, measured(case, weights), strict=True):
        check(found, scene, weights)


def test_images_are_computed_with_sharing(tmp_path: Path) -> None:
    """So the truth holds for shared tables, behind a window that several players reach."""
    scene = painted([0, 1, 2, 3, 4, 5, 6, 7], 0, 1)
    case = Case("images", GREY, GreyShares(8, GREY), 8, [scene], [(0, 1)])
    extractor = Laboratory(case, tmp_path, CPU).extractor
    forward = extractor.measured_by.forward
    assert isinstance(forward, SharedConvolutionalNetwork)
    assembled = forward.prepare(extractor._masked(extractor.samples[0]))
    assert assembled(torch.tensor([0, 3])).shape == (2, 8, 4, 4)  # counts of dots, not pixels


def test_half_a_symbol_is_half_there() -> None:
    """A player that is masked in part would be found out."""
    scene = painted([1], 0, 0)
    image = torch.from_numpy(scene.sample.inputs.astype(np.float32)) / 255
    rows, columns = np.nonzero(scene.sample.inputs[0] == grey_level(1))
    assert len(rows) == DOTS
    image[0, rows[0], columns[0]] = 0
    mean, std = GREY.mean[0], GREY.std[0]
    shares = GreyShares(2, GREY)(((image - mean) / std)[None])
    assert shares.tolist() == [[0, 1 - 1 / DOTS]]
    words = WordShares(vocabulary(3), n_tokens=11)
    assert words(torch.tensor([[5, 6, 8, 9, 4]])).tolist() == [[1, 0.5, 0.75]]


def test_refuses_what_would_be_known_only_nearly() -> None:
    network = PlantedNetwork(WordShares(vocabulary(2), 20), [(0,), (1,)], n_symbols=2)
    network.plant([Fraction(2**22), Fraction(-3, 2)])
    with pytest.raises(ValueError, match="denominator 3: must be whole numbers over a power of"):
        network.plant([Fraction(1), Fraction(1, 3)])
    with pytest.raises(ValueError, match="more than the 24 bits of float32"):
        network.plant([Fraction(2**23), Fraction(-3, 2)])
    with pytest.raises(ValueError, match=f"at most {MAX_GREY_SYMBOLS} grey levels"):
        GreyShares(MAX_GREY_SYMBOLS + 1, GREY)
