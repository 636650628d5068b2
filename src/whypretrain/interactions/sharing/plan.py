"""What to compute once for all masks: which operations, on which rows, up to where."""

from dataclasses import dataclass

import torch
from torch import Tensor, fx

from whypretrain.interactions.sharing.chain import Chain
from whypretrain.interactions.sharing.geometry import OUTSIDE, Field, trace_players
from whypretrain.interactions.sharing.patterns import PositionPatterns, count_rows

NUMBER_COST = 32
"""Multiply-adds that take as long as moving one number: some 40 on a CPU core, 25 on a large GPU.

It decides where sharing stops, and nothing else.
"""


@dataclass(frozen=True)
class Step:
    """One operation on tables, which hold a value's patterns: (n_rows, channels).

    Attributes
    ----------
    node : the value computed
    reads : for each table that it is computed from, the rows that each of its rows takes: int32
        of shape (n_rows, n_taps), or None where it takes the same row
    padded : whether windows stick out; they read a row of zeros then, just behind the last
    divisor : float64 tensor of shape (n_rows, 1) that an average divides sums by, or None
    done : values that no later step takes
    """

    node: fx.Node
    reads: list[Tensor | None]
    padded: bool
    divisor: Tensor | None
    done: list[fx.Node]


@dataclass(frozen=True)
class Plan:
    """All there is to compute once, for images of one size with one set of players.

    Attributes
    ----------
    pixels : the image's patterns
    steps : in order, the last one's value that at `cut`
    cut : where sharing stops
    patterns : of the value there
    shape : of the value there, (channels, height, width)
    """

    pixels: PositionPatterns
    steps: list[Step]
    cut: fx.Node
    patterns: PositionPatterns
    shape: tuple[int, int, int]


def make_plan(
    chain: Chain, players: Tensor, *, n_players: int, channels: int, max_numbers: int
) -> Plan:
    """Plan the cheapest way to the outputs of all 2**n_players masked versions of an image.

    Parameters
    ----------
    players : integer tensor of shape (height, width), -1 is no player; the plan is on its device
    channels : of the image
    max_numbers : that tables may hold at any time
    """
    with players.device:
        fields = trace_players(chain, players, n_players=n_players, channels=channels)
        last_use = {source: node for node in chain.nodes for source in node.all_input_nodes}
        cut = _cheapest_cut(chain, fields, last_use, 1 << n_players, max_numbers)
        shared = chain.nodes[: chain.nodes.index(cut) + 1]
        patterns = {shared[0]: PositionPatterns(fields[shared[0]].reached)}
        steps = []
        for node in shared[1:]:
            alike = [s for s in node.all_input_nodes if _has_same_rows(fields[s], fields[node])]
            rows = patterns[alike[0]] if alike else PositionPatterns(fields[node].reached)
            patterns[node] = rows
            reads = [
                None if source in alike else _reads(rows, fields[node].taps, patterns[source])
                for source in node.all_input_nodes
            ]
            divisor = fields[node].divisor
            steps.append(
                Step(
                    node,
                    reads,
                    padded=_is_padded(fields[node]),
                    divisor=None if divisor is None else divisor[rows.positions, None],
                    done=[s for s in node.all_input_nodes if last_use[s] is node],
                )
            )
    return Plan(patterns[shared[0]], steps, cut, patterns[cut], fields[cut].shape)


def _has_same_rows(source: Field, field: Field) -> bool:
    return field.taps is None and torch.equal(source.reached, field.reached)


def _is_padded(field: Field) -> bool:
    return field.taps is not None and bool((field.taps == OUTSIDE).any())


def _reads(rows: PositionPatterns, taps: Tensor | None, source: PositionPatterns) -> Tensor:
    positions = rows.positions[:, None] if taps is None else taps[rows.positions]
    reads = source.rows(positions, rows.coalitions[:, None])
    return reads.masked_fill_(positions == OUTSIDE, len(source.positions))


def _cheapest_cut(
    chain: Chain,
    fields: dict[fx.Node, Field],
    last_use: dict[fx.Node, fx.Node],
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
    for node, field in fields.items():
        n_rows = count_rows(field.reached)
        shared += n_rows * (_cost(field) + NUMBER_COST * field.n_read)
        remaining -= n_coalitions * field.n_positions * _cost(field)
        tables[node] = n_rows * field.channels
        # Copies: with a row of zeros, for windows; in the order of the new rows, for all others.
        copied = sum(
            tables[source] if field.taps is not None else n_rows * fields[source].channels
            for source in node.all_input_nodes
            if not _has_same_rows(fields[source], field)
        )
        if sum(tables.values()) + copied > max_numbers:
            break
        for source in node.all_input_nodes:
            if last_use[source] is node:
                tables.pop(source, None)
        gathered = NUMBER_COST * field.n_positions * field.channels * n_coalitions
        if candidates.get(field.shape) is node and shared + gathered + remaining < least:
            cheapest, least = node, shared + gathered + remaining
    return cheapest


def _cost(field: Field) -> int:
    """Multiply-adds, or what takes as long, of computing one position."""
    return field.multiplications + NUMBER_COST * field.channels
