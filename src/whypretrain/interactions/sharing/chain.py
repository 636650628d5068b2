"""The first operations of a network, as far as they are known to be local, and the rest of it."""

import operator
from collections.abc import Callable
from typing import Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm import LayerNorm2d
from timm.layers.norm_act import BatchNormAct2d
from timm.layers.pool2d_same import AvgPool2dSame, MaxPool2dSame
from torch import Tensor, fx, nn
from torch.nn import functional

from whypretrain.interactions.sharing.tokens import is_plain

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
        self._defaults = [node for node in graph.nodes if _is_default(node)]
        self._all = [node for node in graph.nodes if not _is_default(node)]
        self.nodes = _local_prefix(model, self._all)
        self.cuts = _cuts(self._all, len(self.nodes))

    def operation(self, node: fx.Node) -> Any:
        """The module or function that computes a local node; None for the input."""
        return _operation(self._model, node)

    def rest(self, cut: fx.Node) -> Callable[[Tensor], Tensor]:
        """The network from the value at a cut, (batch, channels, height, width), to its output."""
        graph = fx.Graph()
        copies = {cut: graph.placeholder("values")}
        for node in self._defaults + self._all[self._all.index(cut) + 1 :]:
            copies[node] = graph.node_copy(node, copies.__getitem__)
        return fx.GraphModule(self._model, graph)


_UNTRACEABLE = (
    AssertionError, AttributeError, IndexError, KeyError, NameError, NotImplementedError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What running a network on symbols instead of tensors may raise; fx's TraceError is one."""


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
        except _UNTRACEABLE:
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
    except _UNTRACEABLE:
        return None
    chain = Chain(model, graph)
    shared = chain.nodes[: chain.nodes.index(chain.cuts[-1]) + 1]
    found = any(type(chain.operation(node)) in CONVOLUTIONS for node in shared)
    return chain if found else None


def _is_default(node: fx.Node) -> bool:
    """Whether the node is an argument of the network that callers leave out."""
    return node.op == "placeholder" and bool(node.args)


def _operation(model: nn.Module, node: fx.Node) -> Any:
    if node.op == "call_module":
        return model.get_submodule(cast("str", node.target))
    return node.target if node.op == "call_function" else None


def _is_local(model: nn.Module, node: fx.Node, local: set[fx.Node]) -> bool:
    """Whether each position of the node's value comes from positions near it of local values."""
    operation = _operation(model, node)
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


def _local_prefix(model: nn.Module, nodes: list[fx.Node]) -> list[fx.Node]:
    prefix, local = nodes[:1], set(nodes[:1])
    for node in nodes[1:]:
        if not _is_local(model, node, local):
            break
        prefix.append(node)
        local.add(node)
    return prefix


def _cuts(nodes: list[fx.Node], n_local: int) -> list[fx.Node]:
    position = {node: i for i, node in enumerate(nodes)}
    cuts, last_use = [], 0  # of any value before the node at hand
    for i, node in enumerate(nodes[:n_local]):
        if last_use <= i:
            cuts.append(node)
        last_use = max([last_use, *(position[user] for user in node.users)])
    return cuts
