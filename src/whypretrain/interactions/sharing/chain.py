"""The first operations of a network, as far as they are local, and where their values come from.

A value of a local operation depends, at each position, on the positions near it, and so on the
players there.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm import LayerNorm2d
from timm.layers.norm_act import BatchNormAct2d
from timm.layers.pool2d_same import AvgPool2dSame, MaxPool2dSame
from torch import Tensor, fx, nn
from torch.nn import functional

from whypretrain.interactions.sharing import is_plain, mask_type
from whypretrain.interactions.sharing.windows import Window, window_taps

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
    last_use : of each value that a local operation takes, the last that does
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
        self.last_use = {source: node for node in self.nodes for source in node.all_input_nodes}

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


@dataclass(frozen=True, eq=False)
class Field:
    """A value of the network for inputs of one size: its own size, and what it is computed from.

    Attributes
    ----------
    window : what each position reads; None where it is computed from itself
    is_padded : whether windows read the padding
    divisor : float64 array of shape (n_positions,)
        What an average pooling divides sums by; None for other operations.
    multiplications : multiply-adds a position
    n_read : how many numbers windows hold
    """

    height: int
    width: int
    channels: int
    window: Window | None = None
    is_padded: bool = False
    divisor: NDArray[np.float64] | None = None
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


def trace_fields(chain: Chain, shape: tuple[int, int, int]) -> dict[fx.Node, Field]:
    """Follow an image of (channels, height, width) through the local operations, while it can."""
    channels, height, width = shape
    fields = {chain.nodes[0]: Field(height, width, channels)}
    for node in chain.nodes[1:]:
        sources = _sources(node, fields)
        if len({(source.height, source.width) for source in sources}) > 1:
            break  # one is spread over the other, so its positions go further than they seem
        fields[node] = _field(chain.operation(node), sources)
    return fields


def _sources(node: fx.Node, fields: dict[fx.Node, Field]) -> list[Field]:
    """Fields of a node's arguments, one as often as it is taken."""
    found: list[Field] = []
    fx.node.map_arg(node.args, lambda source: found.append(fields[source]))
    return found


def _field(operation: Any, sources: list[Field]) -> Field:
    """The value that an operation computes from others."""
    source = sources[0]
    if type(operation) in CONVOLUTIONS | MAXIMA | AVERAGES:
        return _window_field(operation, source)
    channels = [source.channels for source in sources]
    out_channels = sum(channels) if operation in CONCATENATIONS else max(channels)
    return Field(source.height, source.width, out_channels)


def _window_field(operation: Any, source: Field) -> Field:
    window = Window.of(operation, source.height, source.width)
    height, width = window.shape
    if type(operation) in CONVOLUTIONS:
        weight = operation.weight
        field = Field(height, width, len(weight), multiplications=weight.numel())
        if window.is_pointwise:
            return field
        n_read = weight.shape[2:].numel() * source.channels
    else:
        field = Field(height, width, source.channels)
        n_read = window.kernel[0] * window.kernel[1] * source.channels
    inside = window_taps(window, torch.device("cpu")).numpy() < source.n_positions
    divisor = None
    if type(operation) in AVERAGES:
        ones = torch.ones(1, 1, source.height, source.width, dtype=torch.float64, device="cpu")
        divisor = (inside.sum(axis=1) / operation(ones).flatten().numpy()).round()
    # Reading a position twice changes no maximum.
    is_padded = type(operation) not in MAXIMA and not inside.all()
    return replace(field, window=window, n_read=n_read, is_padded=is_padded, divisor=divisor)


def trace_players(
    chain: Chain, fields: dict[fx.Node, Field], players: NDArray[Any], n_players: int
) -> dict[fx.Node, NDArray[Any]]:
    """Which players' pixels can change each value at each position.

    Parameters
    ----------
    fields : of the image's size
    players : integer array of shape (height, width); -1 is no player

    Returns
    -------
    a bit mask of players for each position, int32 (int64 of more than 31) of shape (n_positions,);
    the same array stands for a value and what it is computed from where they are equal
    """
    bits = np.zeros(n_players + 1, dtype=mask_type(n_players))  # the last one is nobody's
    bits[:-1] = 1 << np.arange(n_players)
    masks = {chain.nodes[0]: bits[players.ravel()]}
    for node in chain.nodes[1 : len(fields)]:
        first, *others = [masks[source] for source in node.all_input_nodes]
        window = fields[node].window
        if window is None and not others:
            masks[node] = first
            continue
        reached = first if window is None else window.union(first)
        for other in others:
            reached = reached | other
        alike = (source for source in (first, *others) if np.array_equal(source, reached))
        masks[node] = next(alike, reached)
    return masks
