"""Accuracies of whole test splits: textbook intervals, seeds, and their coverage."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from tests.knowledge.records import ACCURACIES, N_TEST, history, robustness
from whypretrain.knowledge.accuracies import robustness_rows, share
from whypretrain.knowledge.accuracies import tested_rows as accuracy_rows

CONFIDENCE = 0.95


def rows(table: pd.DataFrame) -> pd.DataFrame:
    keys = {"quantity": "", "variant": "", "epoch": np.nan}
    return pd.DataFrame([keys | own for own in accuracy_rows(table, CONFIDENCE, None)])


def test_one_network_has_wilsons_interval() -> None:
    found = share([0.6], 50, CONFIDENCE)
    low, high = proportion_confint(30, 50, method="wilson")
    assert (found["number"], found["low"], found["high"]) == pytest.approx((0.6, low, high))
    assert (found["least"], found["most"]) == (0.6, 0.6)


def test_several_have_the_spread_of_seeds_and_of_items() -> None:
    """Satterthwaite: s²/k with k - 1, and p (1 - p)/n with n - 1 degrees of freedom."""
    accuracies = [0.9, 0.86, 0.94]
    seeds, items = np.var(accuracies, ddof=1) / 3, 0.9 * 0.1 / 50
    freedom = (seeds + items) ** 2 / (seeds**2 / 2 + items**2 / 49)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(seeds + items)
    found = share(accuracies, 50, CONFIDENCE)
    assert (found["number"], found["low"]) == pytest.approx((0.9, 0.9 - reach))
    assert found["high"] == pytest.approx(min(0.9 + reach, 1))
    assert (found["least"], found["most"]) == (0.86, 0.94)
    assert share([1.0, 1.0], 50, CONFIDENCE)["low"] == 1  # nothing varies


def test_it_is_covered_as_often_as_said() -> None:
    """Worlds where networks differ by 3 points, on 200 items that they find alike hard."""
    generator = np.random.default_rng(0)
    covered = []
    for _ in range(1500):
        hard = generator.beta(2, 1, size=200)  # how often a network is right on each item
        lifts = generator.normal(0, 0.03, size=(5, 1))
        right = generator.uniform(size=(5, 200)) < np.clip(hard + lifts, 0, 1)
        found = share(right.mean(axis=1).tolist(), 200, CONFIDENCE)
        covered.append(found["low"] <= 2 / 3 <= found["high"])
    assert 0.93 <= np.mean(covered) <= 1


def test_the_last_epoch_counts_and_every_epoch_is_shown() -> None:
    found = rows(history())
    last = found.query("quantity == 'accuracy'").set_index("variant")
    assert last["number"].to_dict() == pytest.approx(
        {
            variant: np.mean([own[-1] for own in of_seeds.values()])
            for variant, of_seeds in ACCURACIES.items()
        }
    )
    assert last["n_seeds"].to_dict() == {"probe": 1, "finetune": 3, "scratch": 3}
    assert (last["n"] == N_TEST).all()
    along = found.query("quantity == 'test_accuracy' and variant == 'scratch'").set_index("epoch")
    assert along["number"].to_dict() == pytest.approx({0: 0.2, 2: 0.5, 4: 0.6})
    trained = found.query("quantity == 'train_loss' and variant == 'scratch'")
    assert trained["epoch"].tolist() == [2, 4]  # before the first epoch there is none
    assert trained["number"].tolist() == pytest.approx([0.5, 0.4])


def test_rows_of_the_history_may_come_in_any_order() -> None:
    keys = ["quantity", "variant", "epoch"]
    one, other = (
        rows(table).sort_values(keys, ignore_index=True)
        for table in (history(), history().sample(frac=1, random_state=0))
    )
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_epochs_that_some_seeds_alone_tested_are_of_those_seeds() -> None:
    """As where further seeds are tested at their start and end only."""
    table = history()
    between = (table["seed"] != "0") & (table["epoch"].isin([1.0, 2.0])) & (table["variant"] != "")
    ends = table[~(between & (table["epoch"] < table.groupby("variant")["epoch"].transform("max")))]
    found = rows(ends)
    along = found.query("quantity == 'test_accuracy' and variant == 'scratch'")
    assert along["n_seeds"].tolist() == [1, 1, 1]
    assert along["number"].tolist() == ACCURACIES["scratch"]["0"]
    last = found.query("quantity == 'accuracy' and variant == 'scratch'")
    assert (last["number"].item(), last["n_seeds"].item()) == (pytest.approx(0.6), 3)


def test_the_gain_is_over_all_pairs_of_seeds() -> None:
    (found,) = rows(history()).query("quantity == 'accuracy_gain'").to_dict("records")
    both = [[own[-1] for own in ACCURACIES[v].values()] for v in ("finetune", "scratch")]
    parts = [(np.var(own, ddof=1) / 3, 2) for own in both]
    parts += [(np.mean(own) * (1 - np.mean(own)) / N_TEST, N_TEST - 1) for own in both]
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / of for part, of in parts)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    assert found["number"] == pytest.approx(0.3)
    assert (found["low"], found["high"]) == pytest.approx((0.3 - reach, 0.3 + reach))
    assert (found["least"], found["most"]) == pytest.approx((0.86 - 0.7, 0.94 - 0.5))
    assert found["n_seeds"] == 3


def test_the_gain_of_single_networks_is_newcombes() -> None:
    (found,) = rows(history(seeds=(0,))).query("quantity == 'accuracy_gain'").to_dict("records")
    low, high = confint_proportions_2indep(45, 50, 30, 50, method="newcomb")
    assert (found["number"], found["low"], found["high"]) == pytest.approx((0.3, low, high))
    assert found["n_seeds"] == 1


def test_networks_have_learned_if_each_has() -> None:
    def learned(table: pd.DataFrame) -> dict[str, float]:
        own = rows(table).query("quantity == 'learned'")
        return dict(zip(own["variant"], own["number"], strict=True))

    table = history()
    assert learned(table) == {"probe": 1, "finetune": 1, "scratch": 1}
    one = (table["variant"] == "scratch") & (table["seed"] == "1") & (table["epoch"] == 4)
    table.loc[one, "test_accuracy"] = 0.2
    assert learned(table) == {"probe": 1, "finetune": 1, "scratch": 0}


def test_robustness_counts_items() -> None:
    found = pd.DataFrame(robustness_rows(robustness(), CONFIDENCE))
    lost = found.query("quantity == 'robustness_lost'").iloc[0]
    assert (lost["level"], lost["number"]) == ("noise 0.1", pytest.approx((7 - 2) / 50))
    change = np.array([1] * 7 + [-1] * 2 + [0] * 41)
    low, high = stats.t.interval(CONFIDENCE, 49, 0.1, stats.sem(change))
    assert (lost["low"], lost["high"]) == pytest.approx((low, high))
    accuracy = found.query("quantity == 'robustness_accuracy'").set_index("level")["number"]
    assert accuracy.to_dict() == {"none": 0.9, "noise 0.1": 0.8}
