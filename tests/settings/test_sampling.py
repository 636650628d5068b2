"""The section `sampling`: kinds of players, baselines, numbers of samples."""

from typing import Any

import pytest
from pydantic import ValidationError

from whypretrain.settings.interactions import GridPlayers, Sampling

KINDS: list[dict[str, Any]] = [
    {"kind": "grid", "cells": 4},
    {"kind": "parts"},
    {"kind": "superpixels", "n": 5},
    {"kind": "annotations", "path": "players.json"},
    {"kind": "words"},
]


@pytest.mark.parametrize("players", KINDS)
def test_every_kind_of_players_survives_json(players: dict[str, Any]) -> None:
    baseline = "mask_token" if players["kind"] == "words" else "blur"
    sampling = Sampling.model_validate({"players": players, "baseline": baseline})
    assert sampling.players.kind == players["kind"]
    assert Sampling.from_json(sampling.to_json()) == sampling


def test_players_without_a_kind_are_cells_of_a_grid() -> None:
    assert Sampling.model_validate({"players": {"n": 8}}).players == GridPlayers(n=8)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"players": {"kind": "voronoi"}}, "'voronoi' .* 'grid', 'parts', 'superpixels', 'annot"),
        ({"players": {"kind": "parts", "cells": 3}}, "unknown key 'cells'; allowed: kind, n"),
        ({"players": {"kind": "annotations"}}, "path\n  Field required"),
        ({"players": {"kind": "words"}}, "'pixel_mean': players of kind 'words' need mask_token"),
        ({"baseline": "mask_token"}, "'mask_token': players of kind 'grid' need another"),
        ({"per_class": 2, "total": 50}, "give one of per_class and total"),
        ({"per_class": None}, "give one of per_class and total"),
        ({"total": 0}, "greater than or equal to 1"),
        ({"blur_sigma": 0}, "greater than 0"),
    ],
)
def test_a_mistake_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Sampling.model_validate(values)


@pytest.mark.parametrize(("total", "n_classes"), [(50, 10), (100, 2), (7, 3), (2, 5)])
def test_a_total_is_spread_evenly(total: int, n_classes: int) -> None:
    sampling = Sampling.model_validate({"total": total})
    assert Sampling.from_json(sampling.to_json()) == sampling
    counts = [sampling.of_class(label, n_classes) for label in range(n_classes)]
    assert sum(counts) == total
    assert max(counts) - min(counts) <= 1
    assert Sampling().of_class(0, n_classes) == 2
