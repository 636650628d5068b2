"""How often verdicts are wrong on simulated data whose answer is known."""

from collections.abc import Hashable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from validation.simulation import WORLDS, main, tables, verdicts
from whypretrain.claims.catalogue import CLAIMS
from whypretrain.knowledge.reading import TABLES
from whypretrain.settings.knowledge import Statistics

QUICK = Statistics(n_resamples=300, n_permutations=10)
LEVELS = {"holds": 0.05, "fails": 0.1}


def counts(world: str, n_worlds: int) -> dict[str, dict[Hashable, int]]:
    found = verdicts(world, n_worlds, QUICK).groupby("claim")["verdict"]
    return {str(key): own.value_counts().to_dict() for key, own in found}


def test_unrelated_models_are_rarely_said_to_bear_a_claim_out() -> None:
    """With so few worlds, a rate above the level shows only where it is far above."""
    n_worlds = 40
    for key, of_claim in counts("independent", n_worlds).items():
        for wrong, level in LEVELS.items():
            test = binomtest(of_claim.get(wrong, 0), n_worlds, level, alternative="greater")
            assert test.pvalue > 0.001, (key, of_claim)


def test_shared_knowledge_is_seen() -> None:
    found = counts("half_shared", 8)
    assert found["discard"] == {"fails": 8}  # far more is kept than by chance
    assert found["reach"] == {"holds": 8}
    assert found["earlier"] == {"holds": 8}
    assert found["accuracy"] == {"holds": 8}
    assert found["epochs"] == {"holds": 8}


def test_one_model_for_all_discards_nothing_and_is_reached_wholly() -> None:
    found = counts("identical", 3)
    assert found["discard"] == found["ratio"] == {"fails": 3}
    assert "holds" not in {v for key in found for v in found[key]}


def test_the_world_of_the_paper_bears_its_claims_out() -> None:
    found = counts("claimed", 8)
    for key, of_claim in found.items():
        assert of_claim.get("fails", 0) == 0, key
        assert of_claim.get("holds", 0) >= 4, (key, of_claim)


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_has_the_tables_of_an_experiment(world: str) -> None:
    generator = np.random.default_rng(0)
    made = tables(WORLDS[world](generator), generator, QUICK)
    unseen = {"experiment", "correct", "step", "learning_rate"}
    for name, table in made.items():
        assert TABLES[name].keys() - unseen <= set(table.columns), name


def test_rates_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = QUICK.model_copy(update={"simulated_worlds": 1}).to_json()
    path = tmp_path / "rates.csv"
    monkeypatch.setattr("sys.argv", ["x", "--settings", settings, "--output", str(path)])
    main()
    table = pd.read_csv(path)
    assert (table.groupby(["world", "claim"])["rate"].sum() == 1).all()
    assert set(table["claim"]) == {claim.key for claim in CLAIMS}
