"""Convolutional networks, whose first operations are computed once a pattern, not once a mask.

What a local operation yields at a position depends on the players that reach it alone. So a value
is a table: a row for each pattern of the players that reach a position, over all positions. There
are few rows as long as few players reach one position. Operations run on the rows: it's the
arithmetic of masked images, with no approximation, and nothing is computed twice.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from whypretrain.interactions.forward import Assemble, MaskedInput
from whypretrain.interactions.sharing import PositionPatterns, count_rows
from whypretrain.interactions.sharing.chain import (
    CONVOLUTIONS,
    MAXIMA,
    OUTSIDE,
    Chain,
    Field,
    cut_network,
    trace_players,
)

NUMBER_COST = 32
"""Multiply-adds that take as long as moving one number: some 40 on a CPU core, 25 on a large GPU.

It decides where sharing stops, and nothing else.
"""
NUMBERS_AT_ONCE = {"cpu": 2**21, "cuda": 2**27}
"""How many numbers windows hold at a time: what stays in a CPU's cache, what keeps a GPU busy."""
TABLE_BYTES = 4 << 30
"""What tables may take at any time; sharing stops earlier where they would take more."""
PLANS_KEPT = 16
"""Plans take 10 to 25 MB each for images of 224×224 pixels and ten players."""


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


def share_convolutional_network(model: nn.Module) -> "SharedConvolutionalNetwork | None":
    """The network with its local part computed once; None where :func:`cut_network` is."""
    chain = cut_network(model)
    return None if chain is None else SharedConvolutionalNetwork(chain)


class SharedConvolutionalNetwork:
    """A :class:`Forward` that computes every pattern of every position once.

    What it assembles is the value where sharing stops, (batch, channels, height, width). Where that
    is depends on image size and players; `rest` goes on from values of any shape assembled before.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._plans: OrderedDict[tuple[object, ...], Plan] = OrderedDict()
        self._rests: dict[tuple[int, ...], tuple[fx.Node, Callable[[Tensor], Tensor]]] = {}

    @torch.inference_mode()
    def prepare(self, masked: MaskedInput) -> Assemble:
        """All patterns of the value where sharing stops, with the weights as they are now.

        Raises
        ------
        ValueError
            If images of another size stop at another value of the same shape.
        """
        plan = self._plan(masked)
        if plan.shape not in self._rests:
            self._rests[plan.shape] = plan.cut, self._chain.rest(plan.cut)
        cut, _ = self._rests[plan.shape]
        if cut is not plan.cut:
            message = (
                f"sharing stops at {cut} for images of one size and at {plan.cut} for another, and "
                f"the values there have one shape, {plan.shape}; use one forward for each size"
            )
            raise ValueError(message)
        if not plan.steps:
            return masked.versions
        tables = {self._chain.nodes[0]: _pixel_table(masked, plan.pixels)}
        for step in plan.steps:
            sources = [tables[source] for source in step.node.all_input_nodes]
            tables[step.node] = _compute(self._chain.operation(step.node), step, sources)
            for node in step.done:
                del tables[node]
        return _lookup(tables[plan.cut], plan.patterns, plan.shape)

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes), of values that an earlier `prepare` assembles."""
        return self._rests[tuple(assembled.shape[1:])][1](assembled)

    def _plan(self, masked: MaskedInput) -> Plan:
        """The plan for an input's players, kept for the next snapshots of the network."""
        players, image = masked.players, masked.inputs
        kind = (players.shape, players.dtype, players.device, len(image), image.dtype)
        key = (players.cpu().numpy().tobytes(), masked.n_players, *kind)
        plan = self._plans.pop(key, None) or make_plan(
            self._chain,
            players,
            n_players=masked.n_players,
            channels=len(image),
            max_numbers=TABLE_BYTES // image.element_size(),
        )
        self._plans[key] = plan
        if len(self._plans) > PLANS_KEPT:
            self._plans.popitem(last=False)
        return plan


def _lookup(rows: Tensor, patterns: PositionPatterns, shape: tuple[int, int, int]) -> Assemble:
    """The value of any masked version, looked up in `rows`, (n_rows, channels)."""
    channels, height, width = shape
    positions = torch.arange(height * width, device=rows.device)

    def assemble(coalitions: Tensor) -> Tensor:
        index = patterns.rows(positions, coalitions[:, None]).flatten()
        values = rows.index_select(0, index).view(len(coalitions), height, width, channels)
        return values.permute(0, 3, 1, 2)

    return assemble


def _pixel_table(masked: MaskedInput, patterns: PositionPatterns) -> Tensor:
    """Every pixel of a player present and masked, every other pixel as it is in all versions."""
    every = torch.tensor([0, (1 << masked.n_players) - 1], device=masked.inputs.device)
    nobody, everybody = masked.versions(every).flatten(2)
    everybody, nobody = everybody[:, patterns.positions], nobody[:, patterns.positions]
    return torch.where(patterns.coalitions > 0, everybody, nobody).t().contiguous()


def _compute(operation: Any, step: Step, sources: list[Tensor]) -> Tensor:
    """One operation on tables (n_rows, channels)."""
    if type(operation) in CONVOLUTIONS:
        return _windows(sources[0], step, _convolution(operation))
    if type(operation) in MAXIMA:
        return _windows(sources[0], step, lambda windows: windows.amax(dim=1))
    if step.divisor is not None:
        sums = _windows(sources[0], step, lambda windows: windows.sum(dim=1))
        return sums / step.divisor.to(sums.dtype)
    image_of = {}  # one pixel wide, with the memory of the table
    for node, rows, reads in zip(step.node.all_input_nodes, sources, step.reads, strict=True):
        table = rows if reads is None else rows.index_select(0, reads[:, 0])
        image_of[node] = table.t()[None, :, :, None]
    result = operation(*fx.node.map_arg(step.node.args, image_of.__getitem__), **step.node.kwargs)
    return result[0, :, :, 0].t().contiguous()


def _windows(rows: Tensor, step: Step, function: Callable[[Tensor], Tensor]) -> Tensor:
    """A function of windows (n_windows, n_taps, channels), for every row's window."""
    (reads,) = step.reads
    if reads is None:
        return function(rows[:, None])
    if step.padded:
        rows = torch.cat([rows, rows.new_zeros(1, rows.shape[1])])
    at_once = max(1, NUMBERS_AT_ONCE[rows.device.type] // (reads.shape[1] * rows.shape[1]))
    result = torch.empty(0)
    for start in range(0, len(reads), at_once):
        part = reads[start : start + at_once]
        values = function(rows.index_select(0, part.flatten()).view(*part.shape, -1))
        if start == 0:
            result = values.new_empty(len(reads), values.shape[1])
        result[start : start + at_once] = values
    return result


def _convolution(module: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """A convolution as a function of windows (n_windows, n_taps, in_channels)."""
    if module.groups == 1:
        matrix = module.weight.permute(0, 2, 3, 1).flatten(1)
        return lambda windows: functional.linear(windows.flatten(1), matrix, module.bias)

    def convolve(windows: Tensor) -> Tensor:
        images = windows.transpose(1, 2).unflatten(2, module.kernel_size)
        result = functional.conv2d(images, module.weight, module.bias, groups=module.groups)
        return result[..., 0, 0]

    return convolve


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
            taps, divisor = fields[node].taps, fields[node].divisor
            alike = [s for s in node.all_input_nodes if _has_same_rows(fields[s], fields[node])]
            rows = patterns[alike[0]] if alike else PositionPatterns(fields[node].reached)
            patterns[node] = rows
            reads = [
                None if source in alike else _reads(rows, taps, patterns[source])
                for source in node.all_input_nodes
            ]
            steps.append(
                Step(
                    node,
                    reads,
                    padded=taps is not None and bool((taps == OUTSIDE).any()),
                    divisor=None if divisor is None else divisor[rows.positions, None],
                    done=[s for s in node.all_input_nodes if last_use[s] is node],
                )
            )
    return Plan(patterns[shared[0]], steps, cut, patterns[cut], fields[cut].shape)


def _has_same_rows(source: Field, field: Field) -> bool:
    return field.taps is None and torch.equal(source.reached, field.reached)


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
