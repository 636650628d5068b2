"""Plans: where sharing stops, what is kept, and what a thread does ahead."""

import threading
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray

from tests.interactions.sharing.test_convolutional import assert_right, blobs, make, masked_input
from whypretrain.interactions.forward import MaskedInput
from whypretrain.interactions.players import grid_players
from whypretrain.interactions.sharing import convolutional, count_rows, plan
from whypretrain.interactions.sharing.chain import cut_network, trace_fields, trace_players
from whypretrain.interactions.sharing.convolutional import share_convolutional_network
from whypretrain.interactions.sharing.plan import Plan, Plans, make_plan


def cells(side: int) -> NDArray[np.int16]:
    """Ten cells of a grid, as extraction draws them."""
    generator = np.random.default_rng(0)
    return grid_players(side, side, cells=8, margin=1, n_players=10, generator=generator)


class Planned:
    """What is planned, and by which threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plans: list[Plan] = []
        self.threads: list[str] = []
        monkeypatch.setattr(convolutional, "make_plan", self.make)

    def make(self, *arguments: Any, **options: Any) -> Plan:
        self.threads.append(threading.current_thread().name)
        self.plans.append(make_plan(*arguments, **options))
        return self.plans[-1]


def one_row(row: int) -> MaskedInput:
    players = torch.full((28, 28), -1)
    players[row] = 0
    return masked_input(players, 1)


def test_plans_are_kept_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = Planned(monkeypatch)
    shared = share_convolutional_network(make("vgg with norms"))
    assert shared is not None
    for seed in range(3):
        shared.prepare(masked_input(blobs(28, 28, 3), 3, seed=seed))
    assert len(planned.plans) == 1
    for _ in range(2):
        for row in range(20):  # as many samples as there are, under two snapshots
            shared.prepare(one_row(row))
    assert len(planned.plans) == 1 + 20
    for size in ((28, 33), (33, 28)):
        shared.prepare(masked_input(torch.zeros(size, dtype=torch.int16), 1))
    assert len(planned.plans) == 3 + 20


def test_plans_are_kept_as_far_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = Planned(monkeypatch)
    shared = share_convolutional_network(make("vgg with norms"))
    assert shared is not None
    shared.prepare(one_row(0))
    monkeypatch.setattr(plan, "PLAN_BYTES", int(3.5 * planned.plans[0].layouts.nbytes))
    made = []
    for row in (1, 2, 0, 3, 4, 0, 1):  # the last one was used before the other three
        shared.prepare(one_row(row))
        made.append(len(planned.plans))
    assert made == [2, 3, 3, 4, 5, 5, 6]
    monkeypatch.setattr(plan, "PLAN_BYTES", 0)
    for row in (5, 5, 1):
        shared.prepare(one_row(row))
    assert len(planned.plans) == 8  # the one in use is kept


def test_what_is_expected_is_planned_by_a_thread_once(monkeypatch: pytest.MonkeyPatch) -> None:
    planned, network = Planned(monkeypatch), make("vgg with norms")
    shared = share_convolutional_network(network)
    assert shared is not None
    masked = masked_input(blobs(28, 28, 3), 3)
    for _ in range(2):
        shared.expect(masked)
    assert_right(shared, network, masked)
    assert len(planned.threads) == 1
    shared.expect(masked)
    shared.expect(one_row(0))
    shared._plans._planner.shutdown()  # until it is planned
    assert len(planned.threads) == 2
    assert planned.threads[1].startswith("planner")
    assert_right(shared, network, one_row(0))
    assert len(planned.threads) == 2


def test_what_the_planner_has_not_begun_is_planned_at_once() -> None:
    plans, go = Plans(), threading.Event()
    plans.expect("first", go.wait)  # type: ignore[arg-type]
    plans.expect("second", go.wait)  # type: ignore[arg-type]
    chain = cut_network(make("vgg with norms"))
    assert chain is not None
    fields, players = trace_fields(chain, (3, 28, 28)), blobs(28, 28, 2).numpy()
    made = make_plan(chain, fields, players, n_players=2, max_numbers=10**9)
    assert plans.get("second", lambda: made) is made  # though the first one hangs
    go.set()


def test_a_plan_that_fails_says_so_where_it_is_needed() -> None:
    shared = share_convolutional_network(make("vgg with norms"))
    assert shared is not None
    wrong = masked_input(torch.full((28, 28), 2), 1)
    shared.expect(wrong)
    shared.prepare(one_row(0))
    with pytest.raises(IndexError, match="out of bounds"):
        shared.prepare(wrong)


def test_a_plan_is_small() -> None:
    with torch.device("meta"):
        chain = cut_network(timm.create_model("resnet50").eval())
    assert chain is not None
    fields = trace_fields(chain, (3, 224, 224))
    found = make_plan(chain, fields, cells(224), n_players=10, max_numbers=2**30)
    assert found.cut.name == "layer4_2_act3"
    assert found.layouts.dtype == torch.int32
    assert found.layouts.nbytes < 1.5e6


def test_windows_of_a_size_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, ...]] = []

    def counted(chain: Any, shape: tuple[int, int, int]) -> Any:
        sizes.append(shape)
        return trace_fields(chain, shape)

    monkeypatch.setattr(convolutional, "trace_fields", counted)
    shared = share_convolutional_network(make("vgg with norms"))
    assert shared is not None
    for n_players in (2, 3, 4):
        shared.prepare(masked_input(blobs(28, 28, n_players), n_players))
    assert sizes == [(3, 28, 28)]


def test_of_values_of_one_shape_the_last_is_where_sharing_stops() -> None:
    chain = cut_network(make("vgg with norms"))
    assert chain is not None
    fields, players = trace_fields(chain, (3, 64, 64)), blobs(64, 64, 2).numpy()
    found = make_plan(chain, fields, players, n_players=2, max_numbers=10**9)
    assert found.cut.name == "features_10"
    assert [step.node for step in found.steps] == chain.nodes[1:]


@pytest.mark.parametrize(
    ("name", "gain"),
    [("vgg16", 30), ("resnet50", 3.4), ("resnet18", 3.4), ("mobilenetv2_100", 2.4)],
)
def test_counted_gain_on_the_networks_of_the_paper(name: str, gain: float) -> None:
    """Multiplications of all masks over those of all patterns, where no layer is left out."""
    with torch.device("meta"):
        network = timm.create_model(name).eval()
    chain = cut_network(network)
    assert chain is not None
    fields = trace_fields(chain, (3, 224, 224))
    masks = trace_players(chain, fields, cells(224), 10)
    plain = 2**10 * sum(field.n_positions * field.multiplications for field in fields.values())
    shared = sum(count_rows(masks[node]) * fields[node].multiplications for node in fields)
    assert plain / shared > gain
