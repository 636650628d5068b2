"""All tables of an experiment: which there are, and that they are of the right networks."""

import numpy as np
import pytest

from tests.knowledge.records import NAMES, QUICK, record, records, tables
from whypretrain.knowledge.experiment import experiment_tables
from whypretrain.knowledge.reading import TABLES
from whypretrain.knowledge.references import REFERENCES
from whypretrain.knowledge.strengths import jaccard

OPTIONS = {"threshold": 0.05, "scale": "sample"}


def test_tables_have_the_columns_that_are_read() -> None:
    made = tables()
    for name in made.keys() - {"history", "robustness"}:
        assert TABLES[name].keys() - {"experiment"} <= set(made[name].columns), name
    for name in ("knowledge", "ratio"):
        assert set(made[name]["reference"]) == set(REFERENCES)
        assert set(tables(replicated=False)[name]["reference"]) == set(REFERENCES[:3])


def test_similarity_is_to_the_own_end_and_to_the_others() -> None:
    finetune, scratch = record(1).interactions, record(2).interactions
    table = tables()["jaccard"].query("variant == 'scratch' and fraction == 0.5")
    found = table.pivot(index="sample", columns="reference", values="jaccard").loc[list(NAMES)]
    own = jaccard(scratch[1][:, 1:], scratch[2][:, 1:])
    np.testing.assert_allclose(found["measured"], own)
    other = jaccard(scratch[1][:, 1:], finetune[2][:, 1:])
    np.testing.assert_allclose(found["swapped"], other)
    again = tables()["jaccard"].query("reference == 'second_run'")
    assert again["variant"].unique().tolist() == ["finetune"]
    assert again["fraction"].unique().tolist() == [1]
    replicate = record(3, n_snapshots=1).interactions[0]
    expected = jaccard(replicate[:, 1:], finetune[2][:, 1:])
    np.testing.assert_allclose(again["jaccard"], expected)


def test_residues_of_rounding_are_not_preserved() -> None:
    """What is preserved within the floor of its order enters no ratio; strengths stay."""
    noisy = records(replicated=False)
    noisy["scratch"].noise_floor[-1, 2] = 0.5
    made = experiment_tables(noisy, QUICK, thresholds=[0.1], salience=OPTIONS)
    plain = tables(replicated=False)
    chosen = "reference == 'measured' and reading == 'weighted' and order == '2'"
    less, more = (t["ratio"].query(chosen)["denominator"].sum() for t in (made, plain))
    assert 0 < less < more
    assert made["knowledge"]["strength"].equals(plain["knowledge"]["strength"])


def test_it_ticks_once_a_snapshot() -> None:
    ticks: list[int] = []
    experiment_tables(
        records(), QUICK, thresholds=[0.1], salience=OPTIONS, tick=lambda: ticks.append(1)
    )
    assert len(ticks) == 6


def test_networks_in_their_noise_floors_are_refused() -> None:
    silent = records()
    silent["probe"].noise_floor[:] = 1e9
    with pytest.raises(ValueError, match="every order of interactions lies in the noise floor"):
        experiment_tables(silent, QUICK, thresholds=[0.1], salience=OPTIONS)
