"""What to compute once, and where to stop: planned on the CPU, before any value is known.

A plan is small, as it names positions and players alone; rows are named when it is carried out.
"""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from whypretrain.interactions.sharing import PositionPatterns, count_rows, layout
from whypretrain.interactions.sharing.chain import Chain, Field, trace_players

NUMBER_COST = 32
"""Multiply-adds that take as long as moving one number: some 40 on a CPU core, 25 on a large GPU.

It decides where sharing stops, and nothing else.
"""
PLAN_BYTES = 2 << 30
"""What plans that are kept may take; one takes about 1 MB for an image of 224×224 pixels."""


@dataclass(frozen=True, eq=False)
class Step:
    """One operation on tables, which hold a value's patterns: (n_rows, channels).

    Attributes
    ----------
    node : the value computed
    field : what each position of it is computed from
    rows : which of the plan's patterns are the value's
    reads : which of the plan's patterns are those of each value that it is computed from; None
        where each of its rows takes the same row of that
    done : values that no later step takes
    """

    node: fx.Node
    field: Field
    rows: int
    reads: list[int | None]
    done: list[fx.Node]


@dataclass(frozen=True, eq=False)
class Plan:
    """All there is to compute once, for images of one size with one set of players.

    Attributes
    ----------
    steps : in order, the last one's value that at `cut`
    cut : where sharing stops
    shape : of the value there, (channels, height, width)
    layouts : int32 tensor of shape (2, n)
        What patterns are made of, one after the other, on the CPU: moved in one piece.
    n_rows : of each of the patterns
    n_positions : of each of the patterns
    n_players : how many players there are
    """

    steps: list[Step]
    cut: fx.Node
    shape: tuple[int, int, int]
    layouts: Tensor
    n_rows: list[int]
    n_positions: list[int]
    n_players: int

    def patterns(self, device: torch.device) -> list[PositionPatterns]:
        """The image's patterns, then those of values in the order that steps need them."""
        parts = self.layouts.to(device).split([n + 1 for n in self.n_positions], dim=1)
        return [
            PositionPatterns(*part, n_rows=n_rows, n_players=self.n_players)
            for part, n_rows in zip(parts, self.n_rows, strict=True)
        ]


def make_plan(
    chain: Chain,
    fields: dict[fx.Node, Field],
    players: NDArray[Any],
    *,
    n_players: int,
    max_numbers: int,
) -> Plan:
    """Plan the cheapest way to the outputs of all 2**n_players masked versions of an image.

    Parameters
    ----------
    fields : of images of its size
    players : integer array of shape (height, width); -1 is no player
    max_numbers : that tables may hold at any time
    """
    masks = trace_players(chain, fields, players, n_players)
    cut = cheapest_cut(chain, fields, masks, n_coalitions=1 << n_players, max_numbers=max_numbers)
    shared = chain.nodes[: chain.nodes.index(cut) + 1]
    layouts = [layout(masks[shared[0]])]
    rows = {shared[0]: 0}
    steps = []
    for node in shared[1:]:
        sources = node.all_input_nodes
        alike = [one for one in sources if _has_same_rows(fields[node], masks[one], masks[node])]
        same = next((one for one in sources if masks[one] is masks[node]), None)
        rows[node] = len(layouts) if same is None else rows[same]
        if same is None:
            layouts.append(layout(masks[node]))
        reads = [None if source in alike else rows[source] for source in sources]
        done = [source for source in sources if chain.last_use[source] is node]
        steps.append(Step(node, fields[node], rows[node], reads, done))
    return Plan(
        steps,
        cut,
        fields[cut].shape,
        layouts=torch.from_numpy(np.concatenate(layouts, axis=1)),
        n_rows=[int(table[1, -1]) for table in layouts],
        n_positions=[table.shape[1] - 1 for table in layouts],
        n_players=n_players,
    )


def _has_same_rows(field: Field, source: NDArray[Any], masks: NDArray[Any]) -> bool:
    return field.window is None and (source is masks or np.array_equal(source, masks))


def cheapest_cut(
    chain: Chain,
    fields: dict[fx.Node, Field],
    masks: dict[fx.Node, NDArray[Any]],
    *,
    n_coalitions: int,
    max_numbers: int,
) -> fx.Node:
    """Where to stop: operations up to there run once a row, those after it once a coalition."""
    # The rest of the network tells by the shape where to go on: of equal shapes the last counts,
    # and the image's own means that nothing is shared.
    image, *cuts = [cut for cut in chain.cuts if cut in fields]
    candidates = {fields[cut].shape: cut for cut in cuts}
    candidates[fields[image].shape] = image
    remaining = n_coalitions * sum(f.n_positions * _cost(f) for f in fields.values())
    shared, tables = 0, {}
    cheapest, least = image, remaining
    counted = {id(reached): count_rows(reached) for reached in masks.values()}
    for node, field in fields.items():
        n_rows = counted[id(masks[node])]
        shared += n_rows * (_cost(field) + NUMBER_COST * field.n_read)
        remaining -= n_coalitions * field.n_positions * _cost(field)
        tables[node] = n_rows * field.channels
        # Copies: with a row of zeros, for windows; in the order of the new rows, for all others.
        copied = sum(
            tables[source] if field.window is not None else n_rows * fields[source].channels
            for source in node.all_input_nodes
            if not _has_same_rows(field, masks[source], masks[node])
        )
        if sum(tables.values()) + copied > max_numbers:
            break
        for source in node.all_input_nodes:
            if chain.last_use[source] is node:
                tables.pop(source, None)
        gathered = NUMBER_COST * field.n_positions * field.channels * n_coalitions
        if candidates.get(field.shape) is node and shared + gathered + remaining < least:
            cheapest, least = node, shared + gathered + remaining
    return cheapest


def _cost(field: Field) -> int:
    """Multiply-adds, or what takes as long, of computing one position."""
    return field.multiplications + NUMBER_COST * field.channels


class Plans:
    """Plans by what they are made of; the latest ones are kept, up to :data:`PLAN_BYTES`.

    A plan that is expected is made by a thread, while something else is computed.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[object, Plan] = OrderedDict()
        self._expected: dict[object, Future[Plan]] = {}
        self._n_bytes = 0
        self._planner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner")

    def expect(self, key: object, make: Callable[[], Plan]) -> None:
        """Have a plan made that is needed soon, unless there is one."""
        if key not in self._kept and key not in self._expected:
            self._expected[key] = self._planner.submit(make)

    def get(self, key: object, make: Callable[[], Plan]) -> Plan:
        """The plan that is kept or expected; made by this thread if there is none."""
        plan = self._kept.pop(key, None)
        if plan is None:
            future = self._expected.pop(key, None)
            # What the planner has not begun is made here at once.
            plan = make() if future is None or future.cancel() else future.result()
            self._n_bytes += plan.layouts.nbytes
        self._kept[key] = plan
        while self._n_bytes > PLAN_BYTES and len(self._kept) > 1:
            self._n_bytes -= self._kept.popitem(last=False)[1].layouts.nbytes
        return plan
