"""Tables as arrays: samples in one order, orders above the noise floor."""

import numpy as np

from tests.knowledge.records import NAMES, record, tables
from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.evidence import Evidence
from whypretrain.knowledge.strengths import split_knowledge

BY_ID = np.argsort(NAMES)


def test_strengths_are_summed_over_the_sets_of_an_order() -> None:
    evidence = Evidence(tables())
    models = record(0, n_snapshots=1).interactions[-1], record(1).interactions[-1]
    new = split_knowledge(*models).new[BY_ID]
    found = evidence.strength("new", "measured")
    assert evidence.orders.tolist() == [1, 2, 3, 4]
    for row, order in zip(found, evidence.orders, strict=True):
        np.testing.assert_allclose(row, new[:, orders(4) == order].sum(axis=1))


def test_orders_in_the_noise_floor_are_left_out() -> None:
    quiet = tables()
    floor = quiet["knowledge"]["noise_floor"].where(quiet["knowledge"]["order"] != 3, 1e9)
    quiet["knowledge"]["noise_floor"] = floor
    evidence = Evidence(quiet)
    assert evidence.orders.tolist() == [1, 2, 4]
    assert evidence.strength("new", "chance").shape == (3, len(NAMES))


def test_curves_and_losses_are_by_snapshot_and_sample() -> None:
    evidence = Evidence(tables())
    fractions, curve = evidence.curve("finetune", "measured")
    assert fractions.tolist() == [0, 0.5, 1]
    assert curve.shape == (3, len(NAMES))
    assert (curve[-1] == 1).all()
    epochs, losses = evidence.losses("scratch")
    assert epochs.tolist() == [0, 1, 2]
    np.testing.assert_allclose(losses, record(2).losses[:, BY_ID])


def test_it_knows_its_references() -> None:
    evidence, without = Evidence(tables()), Evidence(tables(replicated=False))
    assert [e.has("second_run") for e in (evidence, without)] == [True, False]
    assert all(e.has("swapped") and e.has_curve("chance") for e in (evidence, without))
