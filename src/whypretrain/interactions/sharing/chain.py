"""The first operations of a network, as far as they are local, and where their values come from.

A value of a local operation depends, at each position, on the positions near it, and so on the
players there.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.helpers import to_2tuple
from timm.layers.norm import LayerNorm2d
from timm.layers.norm_act import BatchNormAct2d
from timm.layers.padding import pad_same_arg
from timm.layers.pool2d_same import AvgPool2dSame, MaxPool2dSame
from torch import Tensor, fx, nn
from torch.nn import functional

from whypretrain.interactions.sharing import is_plain

# Types are compared exactly: a subclass may compute something else.
CONVOLUTIONS = {nn.Conv2d, Conv2dSame}
MAXIMA = {nn.MaxPool2d, MaxPool2dSame}
AVERAGES = {nn.AvgPool2d, AvgPool2dSame}
NORMS = {nn.BatchNorm2d, BatchNormAct2d, LayerNorm2d}
POINTWISE = {
    nn.Identity, nn.Dropout, nn.Dropout2d, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU,
    nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid, nn.Tanh,
}  # fmt: skip
LOCAL_MODULES = CONVOLUTIONS | MAXIMA | AVERAGES | NORMS | POINTWISE
ADDITIONS = {operator.add, operator.iadd, torch.add}
CONCATENATIONS = {torch.cat}
LOCAL_FUNCTIONS = ADDITIONS | CONCATENATIONS | {functional.relu, torch.relu}
OUTSIDE = -1
"""The position of what a window reads in the padding."""
UNTRACEABLE = (
    AssertionError, AttributeError, IndexError, KeyError, NameError, NotImplementedError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What running a network on symbols instead of tensors may raise; fx's TraceError is one."""


class Chain:
    """A network whose first operations are local, and can be left wherever one value alone passes.

    Everything is done by the network's own modules, so it follows when weights change in place.

    Attributes
    ----------
    nodes : the local operations in order; the first is the input
    cuts : nodes that can be left at, in order, the input first: all that comes after such a node
        takes nothing else from before
    """

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        self._model = model
        # Arguments that callers leave out.
        self._defaults = [node for node in graph.nodes if node.op == "placeholder" and node.args]
        self._all = [node for node in graph.nodes if node not in self._defaults]
        self.nodes = self._all[:1]
        for node in self._all[1:]:
            if not _is_local(node, self.operation(node), self.nodes):
                break
            self.nodes.append(node)
        self.cuts = _cuts(self._all, len(self.nodes))

    def operation(self, node: fx.Node) -> Any:
        """The module or function that computes a local node; None for the input."""
        if node.op == "call_module":
            return self._model.get_submodule(cast("str", node.target))
        return node.target if node.op == "call_function" else None

    def rest(self, cut: fx.Node) -> Callable[[Tensor], Tensor]:
        """The network from the value at a cut, (batch, channels, height, width), to its output."""
        graph = fx.Graph()
        copies = {cut: graph.placeholder("values")}
        for node in self._defaults + self._all[self._all.index(cut) + 1 :]:
            copies[node] = graph.node_copy(node, copies.__getitem__)
        return fx.GraphModule(self._model, graph)


class _Tracer(fx.Tracer):
    """Traces into modules, but for known ones and those that refuse: they stay whole."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in LOCAL_MODULES or super().is_leaf_module(m, module_qualified_name)

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        traced, depth = len(self.graph.nodes), len(self.module_stack)
        try:
            return super().call_module(m, forward, args, kwargs)
        except UNTRACEABLE:
            for node in reversed(list(self.graph.nodes)[traced:]):
                self.graph.erase_node(node)
            while len(self.module_stack) > depth:
                self.module_stack.popitem()
            return self.create_proxy("call_module", self.path_of_module(m), args, kwargs)


def cut_network(model: nn.Module) -> Chain | None:
    """The network as a chain; None if it can't be left after some convolution.

    It can't either where it is in training mode, in which the inputs of a batch touch each other,
    or has hooks, which tracing would pass by.
    """
    if not is_plain(model):
        return None
    try:
        graph = _Tracer().trace(model)
    except UNTRACEABLE:
        return None
    chain = Chain(model, graph)
    shared = chain.nodes[: chain.nodes.index(chain.cuts[-1]) + 1]
    kinds = {type(chain.operation(node)) for node in shared}
    return chain if kinds & CONVOLUTIONS else None


def _is_local(node: fx.Node, operation: Any, local: list[fx.Node]) -> bool:
    """Whether each position of the node's value comes from positions near it of local values."""
    inputs: list[Any] = list(node.args)
    options = dict(node.kwargs)
    if node.op == "call_module":
        known = len(inputs) == 1 and _is_local_module(operation)
    elif operation in ADDITIONS:
        known = len(inputs) == 2
    elif operation in CONCATENATIONS:
        joined, *where = inputs or [None]
        inputs = [*joined] if isinstance(joined, list | tuple) else [None]
        known = [*where, *options.values()] == [1]  # the axis of channels
        options = {}
    else:
        known = operation in LOCAL_FUNCTIONS and len(inputs) == 1
        options.pop("inplace", None)
    return known and not options and all(value in local for value in inputs)


def _is_local_module(module: nn.Module) -> bool:
    kind = type(module)
    if kind in CONVOLUTIONS:
        return cast("nn.Conv2d", module).padding_mode == "zeros"
    if isinstance(module, nn.BatchNorm2d):
        # Without running statistics it normalises by the batch's own, in eval mode too.
        parts = [*module.children()]  # activation and drop of BatchNormAct2d
        return module.running_mean is not None and all(type(p) in POINTWISE for p in parts)
    return kind in LOCAL_MODULES


def _cuts(nodes: list[fx.Node], n_local: int) -> list[fx.Node]:
    position = {node: i for i, node in enumerate(nodes)}
    cuts, last_use = [], 0  # of any value before the node at hand
    for i, node in enumerate(nodes[:n_local]):
        if last_use <= i:
            cuts.append(node)
        last_use = max([last_use, *(position[user] for user in node.users)])
    return cuts


@dataclass(frozen=True)
class Field:
    """A value of the network: its size, which players reach where, and what it is computed from.

    Attributes
    ----------
    reached : bool tensor of shape (n_players, height * width)
        Whether the player's pixels can change the value at the position.
    taps : int64 tensor of shape (height * width, n_taps)
        The positions, in reading order, that each position is computed from, or
        :data:`OUTSIDE`; None where each is computed from itself.
    divisor : float64 tensor of shape (height * width,)
        What an average pooling divides sums by; None for other operations.
    multiplications : multiply-adds a position
    n_read : how many numbers windows hold
    """

    reached: Tensor
    height: int
    width: int
    channels: int
    taps: Tensor | None = None
    divisor: Tensor | None = None
    multiplications: int = 0
    n_read: int = 0

    @property
    def n_positions(self) -> int:
        """How many positions there are."""
        return self.height * self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width


def trace_players(
    chain: Chain, players: Tensor, *, n_players: int, channels: int
) -> dict[fx.Node, Field]:
    """Follow the players of an image through the local operations of a network, while it can.

    Parameters
    ----------
    players : integer tensor of shape (height, width), on the default device; -1 is no player
    channels : of the image
    """
    height, width = players.shape
    reached = players.flatten() == torch.arange(n_players)[:, None]
    fields = {chain.nodes[0]: Field(reached, height, width, channels)}
    for node in chain.nodes[1:]:
        sources: list[Field] = []
        fx.node.map_arg(node.args, lambda source: sources.append(fields[source]))  # noqa: B023
        if len({(source.height, source.width) for source in sources}) > 1:
            break  # one is spread over the other, so its positions go further than they seem
        fields[node] = _field(chain.operation(node), sources)
    return fields


def _field(operation: Any, sources: list[Field]) -> Field:
    """The value that an operation computes from others."""
    if type(operation) in CONVOLUTIONS | MAXIMA | AVERAGES:
        return _window_field(operation, sources[0])
    reached = torch.stack([source.reached for source in sources]).any(dim=0)
    channels = [source.channels for source in sources]
    out_channels = sum(channels) if operation in CONCATENATIONS else max(channels)
    return Field(reached, sources[0].height, sources[0].width, out_channels)


def _window_field(operation: Any, source: Field) -> Field:
    taps, height, width = window_taps(operation, source.height, source.width)
    n_read = taps.shape[1] * source.channels
    # OUTSIDE picks the last column, which no player reaches.
    reached = functional.pad(source.reached, (0, 1))[:, taps].any(dim=2)
    field = Field(reached, height, width, source.channels, taps, n_read=n_read)
    if type(operation) in CONVOLUTIONS:
        n_weights = operation.weight.numel()
        field = replace(field, channels=operation.out_channels, multiplications=n_weights)
        is_pointwise = torch.equal(taps, torch.arange(source.n_positions)[:, None])
        return replace(field, taps=None, n_read=0) if is_pointwise else field
    inside = taps != OUTSIDE
    if type(operation) in MAXIMA:
        # Reading a position twice changes no maximum.
        return replace(field, taps=torch.where(inside, taps, taps.amax(dim=1, keepdim=True)))
    ones = torch.ones(1, 1, source.height, source.width, dtype=torch.float64)
    return replace(field, divisor=(inside.sum(dim=1) / operation(ones).flatten()).round())


def window_taps(operation: Any, height: int, width: int) -> tuple[Tensor, int, int]:
    """Positions that a convolution or pooling reads of a value of `height`×`width`.

    Returns
    -------
    taps : int64 tensor of shape (n_positions, n_taps), on the default device
        Positions in reading order, or :data:`OUTSIDE`.
    height, width : of the output
    """
    kernel, stride = to_2tuple(operation.kernel_size), to_2tuple(operation.stride)
    dilation = to_2tuple(getattr(operation, "dilation", 1))
    if type(operation) in {Conv2dSame, AvgPool2dSame, MaxPool2dSame}:
        padding = pad_same_arg([height, width], list(kernel), list(stride), list(dilation))
    elif type(operation) in CONVOLUTIONS:
        padding = list(operation._reversed_padding_repeated_twice)  # left, right, top, bottom
    else:
        top, left = to_2tuple(operation.padding)
        padding = [left, left, top, top]
    # How far a window reaches along each axis, from its first position to its last.
    tall, wide = (step * (size - 1) + 1 for step, size in zip(dilation, kernel, strict=True))
    if getattr(operation, "ceil_mode", False):
        # The last windows may stick out beyond the padding, and the pool itself knows if they do.
        out_height, out_width = operation(torch.zeros(1, 1, height, width)).shape[2:]
        padding[1] = (out_width - 1) * stride[1] + wide - width - padding[0]
        padding[3] = (out_height - 1) * stride[0] + tall - height - padding[2]
    # unfold takes floating numbers, and doubles count exactly; 0 is the padding's.
    numbers = torch.arange(1, height * width + 1, dtype=torch.float64).view(1, 1, height, width)
    padded = functional.pad(numbers, padding)
    windows = functional.unfold(padded, kernel, dilation, 0, stride)[0]
    out_height = (padded.shape[2] - tall) // stride[0] + 1
    out_width = (padded.shape[3] - wide) // stride[1] + 1
    return windows.t().long() - 1, out_height, out_width
