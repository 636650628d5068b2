"""Convolutional networks, whose first operations are computed once a pattern, not once a mask.

What a local operation yields at a position depends on the players that reach it alone. So a value
is a table: a row for each pattern of the players that reach a position, over all positions. There
are few rows as long as few players reach one position. Operations run on the rows: it's the
arithmetic of masked images, with no approximation, and nothing is computed twice.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from whypretrain.interactions.forward import Assemble, MaskedInput
from whypretrain.interactions.sharing import PositionPatterns
from whypretrain.interactions.sharing.chain import (
    CONVOLUTIONS,
    MAXIMA,
    Chain,
    Field,
    cut_network,
    trace_fields,
)
from whypretrain.interactions.sharing.plan import Plan, Plans, Step, make_plan
from whypretrain.interactions.sharing.windows import window_taps

NUMBERS_AT_ONCE = {"cpu": 2**21, "cuda": 2**27}
"""How many numbers windows hold at a time: what stays in a CPU's cache, what keeps a GPU busy."""
TABLE_BYTES = 4 << 30
"""What tables may take at any time; sharing stops earlier where they would take more."""


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
        self._plans = Plans()
        self._fields: dict[tuple[int, int, int], dict[fx.Node, Field]] = {}
        self._rests: dict[tuple[int, ...], tuple[fx.Node, Callable[[Tensor], Tensor]]] = {}

    def expect(self, masked: MaskedInput) -> None:
        """Plan for an input that is prepared soon, while other work goes on."""
        self._plans.expect(*self._planning(masked))

    @torch.inference_mode()
    def prepare(self, masked: MaskedInput) -> Assemble:
        """All patterns of the value where sharing stops, with the weights as they are now.

        Raises
        ------
        ValueError
            If images of another size stop at another value of the same shape.
        """
        plan = self._plan(masked)
        if not plan.steps:
            return masked.versions
        patterns = plan.patterns(masked.inputs.device)
        tables = {self._chain.nodes[0]: _pixel_table(masked, patterns[0])}
        for step in plan.steps:
            sources = [tables[source] for source in step.node.all_input_nodes]
            tables[step.node] = _compute(self._chain.operation(step.node), step, patterns, sources)
            for node in step.done:
                del tables[node]
        return _lookup(tables[plan.cut], patterns[plan.steps[-1].rows], plan.shape)

    def example(self, masked: MaskedInput) -> Tensor:
        """A value of the shape and type of one assembled version; nothing is computed for it."""
        return masked.inputs.new_zeros(1, *self._plan(masked).shape)

    def rest(self, assembled: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes), of values that an earlier `prepare` assembles."""
        return self._rests[tuple(assembled.shape[1:])][1](assembled)

    def _plan(self, masked: MaskedInput) -> Plan:
        """The plan for an input's players, kept for the next snapshots; `rest` knows it then."""
        plan = self._plans.get(*self._planning(masked))
        if plan.shape not in self._rests:
            self._rests[plan.shape] = plan.cut, self._chain.rest(plan.cut)
        cut, _ = self._rests[plan.shape]
        if cut is not plan.cut:
            message = (
                f"sharing stops at {cut} for images of one size and at {plan.cut} for another, and "
                f"the values there have one shape, {plan.shape}; use one forward for each size"
            )
            raise ValueError(message)
        return plan

    def _planning(self, masked: MaskedInput) -> tuple[object, Callable[[], Plan]]:
        """What an input's plan depends on, and how to make it."""
        # Nothing is asked of the device later, as another thread would wait for its work.
        players, n_players = masked.players.cpu().numpy(), masked.n_players
        shape, size = (len(masked.inputs), *players.shape), masked.inputs.element_size()

        def make() -> Plan:
            if shape not in self._fields:
                self._fields[shape] = trace_fields(self._chain, shape)
            return make_plan(
                self._chain,
                self._fields[shape],
                players,
                n_players=n_players,
                max_numbers=TABLE_BYTES // size,
            )

        return (players.tobytes(), players.dtype, n_players, shape, size), make


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


def _compute(
    operation: Any, step: Step, patterns: list[PositionPatterns], sources: list[Tensor]
) -> Tensor:
    """One operation on tables (n_rows, channels)."""
    rows, window = patterns[step.rows], step.field.window
    if window is not None:
        return _over_windows(operation, step, patterns, sources[0])
    if type(operation) in CONVOLUTIONS:
        return _convolution(operation)(sources[0][:, None])
    image_of = {}  # one pixel wide, with the memory of the table
    for node, table, source in zip(step.node.all_input_nodes, sources, step.reads, strict=True):
        read = table
        if source is not None:
            reads = patterns[source].rows(rows.positions, rows.coalitions)
            read = table.index_select(0, reads)
        image_of[node] = read.t()[None, :, :, None]
    result = operation(*fx.node.map_arg(step.node.args, image_of.__getitem__), **step.node.kwargs)
    return result[0, :, :, 0].t().contiguous()


def _over_windows(
    operation: Any, step: Step, patterns: list[PositionPatterns], table: Tensor
) -> Tensor:
    """A convolution or pooling of the window of every row."""
    (source,), rows, field = step.reads, patterns[step.rows], step.field
    assert source is not None
    assert field.window is not None
    is_maximum = type(operation) in MAXIMA
    taps = window_taps(field.window, table.device, repeat=is_maximum)
    reads = patterns[source].rows_of_windows(taps, rows)
    if field.is_padded:  # by a row of zeros behind the last
        table = torch.cat([table, table.new_zeros(1, table.shape[1])])
    if type(operation) in CONVOLUTIONS:
        return _windows(table, reads, _convolution(operation))
    if is_maximum:
        return _windows(table, reads, lambda windows: windows.amax(dim=1))
    sums = _windows(table, reads, lambda windows: windows.sum(dim=1))
    divisor = torch.from_numpy(field.divisor).to(sums.device, sums.dtype)
    return sums / divisor.index_select(0, rows.positions)[:, None]


def _windows(rows: Tensor, reads: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """A function of windows (n_windows, n_taps, channels), for reads of (n_windows, n_taps)."""
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
    """A convolution as a function of windows (n_windows, n_taps, in_channels).

    No convolution is called where channels are in groups, as libraries search for an algorithm
    anew for each number of windows.
    """
    weight, bias, n_groups = module.weight.flatten(2), module.bias, module.groups
    if n_groups == 1:
        matrix = weight.transpose(1, 2).flatten(1)
        return lambda windows: functional.linear(windows.flatten(1), matrix, bias)
    if n_groups == module.in_channels == module.out_channels:
        first, *others = weight[:, 0].t().contiguous()  # (n_taps, channels)

        def each(windows: Tensor) -> Tensor:
            sums = windows[:, 0] * first
            for i, tap in enumerate(others, 1):
                sums.addcmul_(windows[:, i], tap)
            return sums if bias is None else sums.add_(bias)

        return each
    # (n_groups, n_taps * in_channels of a group, out_channels of a group)
    matrices = weight.unflatten(0, (n_groups, -1)).permute(0, 3, 2, 1).flatten(1, 2)

    def convolve(windows: Tensor) -> Tensor:
        parts = windows.unflatten(2, (n_groups, -1)).permute(2, 0, 1, 3).flatten(2)
        sums = (parts @ matrices).transpose(0, 1).flatten(1)
        return sums if bias is None else sums.add_(bias)

    return convolve
