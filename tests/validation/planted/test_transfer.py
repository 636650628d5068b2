"""The hand-written formulas on a case small enough to do by hand, and what is drawn."""

from fractions import Fraction
from itertools import permutations
from math import comb, factorial

import numpy as np
import pytest

from validation.planted.cases import KINDS, draw_case, word
from validation.planted.transfer import (
    FATES,
    Interactions,
    draw_transfer,
    draw_weights,
    expected_agreement,
    expected_jaccard,
    expected_knowledge,
    expected_ratios,
    largest_shared,
    mean_shared,
    of_order,
    shared,
)
from whypretrain.settings.planted import Planted

F = Fraction
# Three players. {0}: kept. {1}: reversed. {2}: kept, weakly. {0, 1}: kept. {0, 1, 2}: added.
PRETRAIN = {0b001: F(4), 0b010: F(2), 0b100: F(1, 8), 0b011: F(-1)}
FINETUNED = {0b001: F(3), 0b010: F(-1), 0b100: F(5), 0b011: F(-2), 0b111: F(7)}
SCRATCHED = {0b000: F(9), 0b001: F(1), 0b100: F(-1), 0b011: F(-1, 2)}


def test_knowledge_by_hand() -> None:
    found = {(o, q): s for o, q, s in expected_knowledge(3, PRETRAIN, FINETUNED)}
    assert found == {
        (0, "preserve"): 0,
        (0, "discard"): 0,
        (0, "new"): 0,
        (1, "preserve"): F(3 + 0, 3) + F(1, 24),
        (1, "discard"): F(1 + 2, 3),
        (1, "new"): F(0 + 1, 3) + F(39, 24),
        (2, "preserve"): F(1, 3),
        (2, "discard"): 0,
        (2, "new"): F(1, 3),
        (3, "preserve"): 0,
        (3, "discard"): 0,
        (3, "new"): 7,
    }


def test_ratios_by_hand() -> None:
    found = {(o, r): x for o, r, x in expected_ratios(3, PRETRAIN, FINETUNED, SCRATCHED)}
    third, half = F(1, 3), F(1, 2)  # of {0} and of {0, 1}; nothing of {2}, a 24th of {0}
    assert found["all", "positive"] == (third + half) / 3
    assert found["all", "zero"] == (third + half) / 7
    assert found["all", "salient"] == (third + half) / 2
    assert found["all", "weighted"] == F(3, 2) / (3 + 1 + F(1, 8))
    assert found["2", "zero"] == half / 3
    assert found["2", "weighted"] == half
    assert found["3", "positive"] is None
    assert found["3", "zero"] == 0
    assert len(found) == 4 * 4


def test_jaccard_by_hand() -> None:
    # {0}: 3 of 4; {1} reversed: 0 of 3; {2}: 1/8 of 5; {0, 1}: 1 of 2; {0, 1, 2}: 0 of 7.
    assert expected_jaccard(3, PRETRAIN, FINETUNED) == (4 + F(1, 8)) / (4 + 3 + 5 + 2 + 7)
    assert expected_jaccard(3, {0: F(3)}, {}) == 1
    assert expected_jaccard(3, SCRATCHED, SCRATCHED) == 1


def test_agreement_by_hand() -> None:
    found = {(k, o): x for k, o, x in expected_agreement(3, PRETRAIN, FINETUNED)}
    # Order 1: 4, 2, 1/8 with 3, -1, 5. At best 4 with 5, 2 with 3. Order 2: -1 with -2, alone.
    held, largest = 3 + F(1, 8), 4 + 2
    chance = F(3 + 4 + 2 + 2) / 3 + 2 * F(1, 8) / 3
    assert found["sets", "1"] == (held - chance) / (largest - chance)
    assert found["sets", "2"] == 1
    assert found["sets", "all"] == (held + 1 - chance - F(1, 3)) / (largest + 1 - chance - F(1, 3))
    assert found["signs", "1"] == (held - (held + 1) / 2) / ((held + 1) / 2)
    assert ("sets", "3") not in found  # a set alone in its order
    assert ("sets", "3-4") not in found


def ways(n_players: int, order: int, moved: Interactions) -> list[Interactions]:
    """The interactions of an order under every permutation of its sets."""
    sets = [s for s in range(1 << n_players) if s.bit_count() == order]
    values = [moved.get(s, F(0)) for s in sets]
    return [dict(zip(sets, own, strict=True)) for own in permutations(values)]


@pytest.mark.parametrize("seed", range(5))
def test_chance_and_the_largest_are_those_of_all_permutations(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = (
        {s: w for s, w in enumerate(draw_weights(16, generator)) if generator.random() < 0.7}
        for _ in range(2)
    )
    for order, m in enumerate([1, 4, 6, 4, 1]):
        one = of_order(first, order)
        each = [shared(one, moved) for moved in ways(4, order, second)]
        assert len(each) == factorial(m)
        assert mean_shared(4, one, second) == sum(each) / len(each)
        assert largest_shared(one, of_order(second, order)) == max(each)


def test_ratios_at_chance_are_means_over_permutations() -> None:
    found = {
        (o, r): x for o, r, x in expected_ratios(3, PRETRAIN, FINETUNED, SCRATCHED, at_chance=True)
    }
    for order in "12":
        each = [
            {r: x for o, r, x in expected_ratios(3, PRETRAIN, FINETUNED, moved) if o == order}
            for moved in ways(3, int(order), SCRATCHED)
        ]
        for reading in each[0]:
            ratios = [one[reading] or F(0) for one in each]
            assert found[order, reading] == sum(ratios, F(0)) / len(each)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_players", [1, 2, 10])
def test_every_sample_has_interactions_of_every_order(kind: str, n_players: int) -> None:
    case = draw_case(kind, Planted(n=n_players, samples=3))
    terms = case.network.terms
    weights = draw_weights(len(terms), np.random.default_rng(0))
    assert len(set(terms)) == len(terms)
    truths = [case.truth(weights, scene) for scene in case.scenes]
    for truth in truths:
        assert {coalition.bit_count() for coalition in truth} == set(range(n_players + 1))
        assert all(abs(value) <= 4 and (value * 64).numerator % 2 for value in truth.values())
    if n_players == 10:
        assert all(len(truth) < 100 for truth in truths)
        # Not one game under three names.
        strengths = {tuple(sorted(map(abs, truth.values()))) for truth in truths}
        assert len(strengths) == 3


def test_the_same_seed_plants_the_same() -> None:
    kind = "image-superpixels"
    first, second, other = (draw_case(kind, Planted(n=4, seed=seed)) for seed in (1, 1, 2))
    assert first.network.terms == second.network.terms != other.network.terms
    for one, two in zip(first.scenes, second.scenes, strict=True):
        np.testing.assert_array_equal(one.sample.inputs, two.sample.inputs)
        np.testing.assert_array_equal(one.sample.players, two.sample.players)


def test_words_of_several_tokens_are_one_player() -> None:
    for scene in draw_case("text", Planted()).scenes:
        counts = np.bincount(scene.sample.players[scene.sample.players >= 0])
        assert set(counts) == {1, 2, 3}
        assert (scene.sample.players == -1).sum() >= 2
        for player, symbol in enumerate(scene.symbols):
            assert [*scene.sample.inputs[scene.sample.players == player]] == [*word(symbol)]


def test_every_fate_occurs_and_readings_differ() -> None:
    transfer = draw_transfer(70, 2, np.random.default_rng(3))
    finals = [one[0][F(1)] for one in transfer.values()]
    signs = [tuple((w > 0) - (w < 0) for w in three) for three in zip(*finals, strict=True)]
    for fate in FATES.values():
        assert signs.count(fate) + signs.count(tuple(-sign for sign in fate)) == 10
    three = [{s: w for s, w in enumerate(weights) if w} for weights in finals]
    ratios = [x for order, _, x in expected_ratios(7, *three) if order == "all"]
    assert len(set(ratios)) == 4
    for order, _, strength in expected_knowledge(7, *three[:2]):
        assert strength * comb(7, order) * 64 % 1 == 0


def test_training_leads_from_the_first_weights_to_the_last() -> None:
    transfer = draw_transfer(9, 2, np.random.default_rng(0))
    assert [*transfer] == ["probe", "finetune", "scratch"]
    assert transfer["finetune"][0][F(0)] == transfer["probe"][0][F(1)]
    for variant in ("finetune", "scratch"):
        along, further = transfer[variant]
        assert [*along] == [0, F(1, 4), F(1, 2), 1]
        assert along[F(1, 4)][0] == (3 * along[F(0)][0] + along[F(1)][0]) / 4
        assert [*further] == [1]
        assert further[F(1)] != along[F(1)]
