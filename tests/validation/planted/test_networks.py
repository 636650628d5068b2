"""Planted interactions, of any sparse set, come back through extraction and HDF5, exactly."""

from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from validation.planted.__main__ import measure
from validation.planted.cases import (
    DOTS,
    GREY,
    GREY_LEVELS,
    WORDS,
    Case,
    GreyShares,
    PlantedNetwork,
    Scene,
    Term,
    WordShares,
    mean_texture,
    picture,
    sentence,
    texture,
)
from whypretrain.data.samples import BACKGROUND
from whypretrain.interactions.forward import MaskedInput
from whypretrain.interactions.measure import choose_forward
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


def painted(symbols: list[int], label: int, seed: int, name: str = "sample") -> Scene:
    generator = np.random.default_rng(seed)
    return picture(
        *(name, label, symbols, generator),
        baseline=mean_texture(3, generator),
        image=texture(generator),
        players=irregular_players(len(symbols), generator),
    )


def case_of(scenes: list[Scene], terms: list[Term], n_symbols: int, kind: str = "image") -> Case:
    shares = WordShares(n_symbols) if kind == "text" else GreyShares(n_symbols)
    network = PlantedNetwork(shares, terms, n_symbols)
    return Case(kind, WORDS if kind == "text" else GREY, network, scenes)


def measured(case: Case, weights: dict[Term, Fraction]) -> np.ndarray:
    with TemporaryDirectory() as folder:
        trajectories = {"found": [{Fraction(1): [*weights.values()]}]}
        (path,) = measure(case, trajectories, Path(folder), CPU)["found"]
        return read_record(path).interactions[0]


def check(found: np.ndarray, scene: Scene, weights: dict[Term, Fraction]) -> None:
    """Against set arithmetic alone: symbols, not coalitions as numbers."""
    sign = 1 - 2 * scene.sample.label
    for coalition, value in enumerate(found):
        shown = {symbol for i, symbol in enumerate(scene.symbols) if coalition >> i & 1}
        expected = float(sign * weights.get(tuple(sorted(shown)), Fraction(0)))
        assert value == expected


@pytest.mark.parametrize("kind", ["image", "text"])
@settings(max_examples=30, deadline=None)
@given(drawn=planted())
def test_interactions_come_back(
    kind: str, drawn: tuple[int, list[int], dict[Term, Fraction], int, int]
) -> None:
    n_symbols, symbols, weights, label, seed = drawn
    if kind == "text":
        scene = sentence("sample", label, symbols, np.random.default_rng(seed))
    else:
        scene = painted(symbols, label, seed)
    (found,) = measured(case_of([scene], [*weights], n_symbols, kind), weights)
    check(found, scene, weights)


def test_samples_with_other_players_and_labels_do_not_mix() -> None:
    weights = {(): Fraction(1, 2), (0,): Fraction(3), (1, 2): Fraction(-5, 4)}
    scenes = [painted([2, 0, 1], i % 2, i, name=f"sample{i}") for i in range(3)]
    scenes.append(painted([1, 2, 3], 0, 3, name="another"))
    case = case_of(scenes, [*weights], 4)
    for scene, found in zip(scenes, measured(case, weights), strict=True):
        check(found, scene, weights)


def test_images_are_computed_with_sharing() -> None:
    """So the truth holds for shared tables, behind a window that several players reach."""
    scene = painted([0, 1, 2, 3, 4, 5, 6, 7], 0, 1)
    forward = choose_forward(case_of([scene], [(0, 1)], 8).network.eval())
    assert isinstance(forward, SharedConvolutionalNetwork)
    inputs, baseline = torch.rand(2, 1, SIZE, SIZE)
    players = torch.from_numpy(scene.sample.players)
    assembled = forward.prepare(MaskedInput(inputs, baseline, players, 8))
    assert assembled(torch.tensor([0, 3])).shape == (2, 8, 4, 4)  # counts of dots, not pixels


def test_half_a_symbol_is_half_there() -> None:
    """A player that is masked in part would be found out."""
    scene = painted([1], 0, 0)
    image = torch.from_numpy(scene.sample.inputs.astype(np.float32)) / 255
    rows, columns = np.nonzero(scene.sample.inputs[0] == GREY_LEVELS[1])
    assert len(rows) == DOTS
    image[0, rows[0], columns[0]] = 0
    mean, std = GREY.mean[0], GREY.std[0]
    shares = GreyShares(2)(((image - mean) / std)[None])
    assert shares.tolist() == [[0, 1 - 1 / DOTS]]
    assert WordShares(3)(torch.tensor([[5, 6, 8, 9, 4]])).tolist() == [[1, 0.5, 0.75]]


def test_refuses_what_would_be_known_only_nearly() -> None:
    network = PlantedNetwork(WordShares(2), [(0,), (1,)], n_symbols=2)
    network.plant([Fraction(2**22), Fraction(-3, 2)])
    with pytest.raises(ValueError, match="more than the 24 bits of float32"):
        network.plant([Fraction(2**23), Fraction(-3, 2)])
