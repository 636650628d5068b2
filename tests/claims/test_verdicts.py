"""Verdicts: the rule, and how often it is wrong on simulated data whose answer is known."""

from collections.abc import Hashable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from whypretrain.claims.evidence import Evidence

from validation.simulation import evidence, independent, main, verdicts
from whypretrain.claims.catalogue import CLAIMS, Claim
from whypretrain.claims.verdicts import as_worded, beyond_null, judge, verdict
from whypretrain.settings.claims import SimulationSettings
from whypretrain.settings.statistics import Statistics

QUICK = Statistics(n_resamples=300, n_permutations=10)
BY_KEY = {claim.key: claim for claim in CLAIMS}
LEVELS = {"holds": 0.05, "fails": 0.1}


@pytest.mark.parametrize(
    ("key", "interval", "excess", "expected"),
    [
        ("discard", (2.5, 3.0), (0.1, 0.4), "holds"),
        ("discard", (2.5, 3.0), (-0.1, 0.4), "not distinguishable from the null"),
        ("discard", (1.8, 3.0), (0.1, 0.4), "not distinguishable from the null"),
        ("discard", (2.5, 3.0), (-0.4, -0.1), "fails"),
        ("discard", (1.0, 1.9), (0.1, 0.4), "fails"),
        ("ratio", (0.2, 0.4), (-0.2, -0.1), "holds"),
        ("ratio", (0.2, 0.4), (0.1, 0.2), "fails"),
        ("ratio", (0.5, 0.6), (-0.2, -0.1), "fails"),
        ("ratio", (0.05, 0.1), (-0.2, -0.1), "fails"),
        ("ratio", (0.1, 0.4), (-0.2, -0.1), "not distinguishable from the null"),
        ("earlier", (np.nan, np.nan), (np.nan, np.nan), "not distinguishable from the null"),
    ],
)
def test_rule(
    key: str, interval: tuple[float, float], excess: tuple[float, float], expected: str
) -> None:
    claim: Claim = BY_KEY[key]
    assert verdict(as_worded(claim, *interval), beyond_null(claim, *excess)) == expected


def counts(world: str, n_worlds: int) -> dict[str, dict[Hashable, int]]:
    found = verdicts(world, n_worlds, QUICK).groupby("claim")["verdict"]
    return {str(key): own.value_counts().to_dict() for key, own in found}


def test_unrelated_models_are_rarely_said_to_bear_a_claim_out() -> None:
    """With so few worlds, a rate above the level shows only where it is far above."""
    n_worlds = 60
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


def test_a_claim_about_a_replicate_needs_one() -> None:
    generator = np.random.default_rng(0)
    world = independent(generator)
    without = world._replace(models=world.models._replace(replicate=None))
    found = evidence(without, generator, QUICK)
    assert judge(BY_KEY["reach"], found, reading="positive", options=QUICK) is None
    assert judge(BY_KEY["ratio"], found, reading="positive", options=QUICK) is not None


def test_a_claim_about_steadiness_needs_three_snapshots() -> None:
    found = evidence(independent(np.random.default_rng(0)), np.random.default_rng(0), QUICK)
    jaccard = found._tables["jaccard"]
    ends = jaccard["fraction"].isin([jaccard["fraction"].min(), 1.0])
    few = Evidence({**found._tables, "jaccard": jaccard[ends]})
    assert judge(BY_KEY["steadier"], found, reading="positive", options=QUICK) is not None
    assert judge(BY_KEY["steadier"], few, reading="positive", options=QUICK) is None
    assert judge(BY_KEY["earlier"], few, reading="positive", options=QUICK) is not None


def test_rates_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SimulationSettings(n_worlds=1, statistics=QUICK).to_json()
    path = tmp_path / "rates.csv"
    monkeypatch.setattr("sys.argv", ["x", "--settings", settings, "--output", str(path)])
    main()
    table = pd.read_csv(path)
    assert (table.groupby(["world", "claim"])["rate"].sum() == 1).all()
    assert set(table["claim"]) == set(BY_KEY)
