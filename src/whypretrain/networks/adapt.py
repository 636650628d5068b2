"""What of a network is trained, and how far its weights may go: ways of adapting it.

LoRA (Hu et al., arXiv:2106.09685) is the `peft` library's. L2-SP (Li, Grandvalet, Davoine,
arXiv:1802.01483) pulls weights towards their start.
"""

from copy import deepcopy
from typing import Any, cast

import torch
from timm.models._manipulate import group_with_matcher
from torch import Tensor, nn

from whypretrain.networks.build import TextNetwork, classifier, head_keys
from whypretrain.settings.training import Recipe

GPT2S = "Conv1D"  # linear layers of GPT-2, whose weights are transposed
ADAPTER = ".lora_"
"""In the names of all weights that the library adds."""


def peft() -> Any:
    """The library, imported where it is used: that takes seconds."""
    import peft  # noqa: PLC0415  (it takes seconds)

    return peft


def add_adapters(model: nn.Module, recipe: Recipe) -> None:
    """Put LoRA's adapters beside every linear layer but the classifier, if the recipe asks for it.

    They change nothing before their first step: one of their two factors begins as zero.

    Raises
    ------
    ValueError
        If the network has no linear layer besides the classifier.
    """
    if recipe.trained != "lora":
        return
    head = classifier(model)
    layers = [
        name
        for name, module in model.named_modules()
        if (isinstance(module, nn.Linear) or type(module).__name__ == GPT2S) and module is not head
    ]
    if not layers:
        message = (
            f"trained = 'lora': {type(model).__name__} has no linear layer besides the classifier; "
            "use last_blocks or biases"
        )
        raise ValueError(message)
    scale: Any = recipe.lora_alpha  # of which the library says int, and takes a float
    transposed = any(type(module).__name__ == GPT2S for module in model.modules())
    options = peft().LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=scale,
        target_modules=layers,
        fan_in_fan_out=transposed,
    )
    peft().inject_adapter_in_model(options, model)


def merged(model: nn.Module) -> nn.Module:
    """The network with its adapters added into the weights; without any, the network itself.

    The merged network has the modules and weights of one that never had adapters.
    """
    if not any(ADAPTER in name for name, _ in model.named_parameters()):
        return model
    whole = deepcopy(model)
    for name, module in list(whole.named_modules()):
        if isinstance(module, peft().tuners.lora.LoraLayer):
            module.merge()
            whole.set_submodule(name, module.get_base_layer())
    return whole


def trained_names(model: nn.Module, recipe: Recipe) -> set[str]:
    """Names of the parameters that a recipe trains. The classifier is always among them.

    Raises
    ------
    ValueError
        If the network has fewer blocks than `last_blocks`, or no order of blocks is known.
    """
    every = dict(model.named_parameters())
    if recipe.trained == "all":
        return set(every)
    head = head_keys(model)
    if recipe.trained == "classifier":
        return head
    if recipe.trained == "biases":
        return head | {name for name, own in every.items() if own.ndim == 1}
    if recipe.trained == "lora":
        return head | {name for name in every if ADAPTER in name}
    depth = depths(model)
    top = max(depth.values())
    if recipe.last_blocks >= top:
        message = (
            f"last_blocks = {recipe.last_blocks}: {type(model).__name__} has {top - 1} blocks; "
            "use trained: all, or fewer"
        )
        raise ValueError(message)
    return head | {name for name, own in depth.items() if own >= top - recipe.last_blocks}


def depths(model: nn.Module) -> dict[str, int]:
    """How deep each parameter lies: 0 in the stem, 1, 2, … in the blocks, then the classifier.

    A block is what timm groups by for layer-wise learning rates, or a layer of a text encoder;
    layers without a matrix or kernel, such as normalisation, belong to the block before them.

    Raises
    ------
    ValueError
        If no order of blocks is known.
    """
    found = _text_depths(model) if isinstance(model, TextNetwork) else _timm_depths(model)
    every = dict(model.named_parameters())
    deep = sorted({depth for name, depth in found.items() if every[name].ndim > 1})
    place = {depth: sum(own <= depth for own in deep) - 1 for depth in set(found.values())}
    return {name: max(place[depth], 0) for name, depth in found.items()}


def _timm_depths(model: nn.Module) -> dict[str, int]:
    if not hasattr(model, "group_matcher"):
        message = f"{type(model).__name__}: timm knows no order of its blocks; use trained: all"
        raise ValueError(message)
    # Adapters keep the names of the layers that they are in.
    matcher = cast("Any", model).group_matcher(coarse=False)
    return cast(
        "dict[str, int]", group_with_matcher(model.named_parameters(), matcher, reverse=True)
    )


def _text_depths(model: TextNetwork) -> dict[str, int]:
    """The encoder's layers are the longest list of modules in it."""
    lists = [own for own in model.encoder.named_modules() if isinstance(own[1], nn.ModuleList)]
    if not lists:
        message = f"{type(model.encoder).__name__}: it has no list of layers; use trained: all"
        raise ValueError(message)
    name, layers = max(lists, key=lambda own: (len(own[1]), -len(own[0])))
    prefix, found = f"encoder.{name}.", {}
    depth = 0  # what comes before the layers is the stem
    for key in dict(model.named_parameters()):
        if key.startswith(prefix):
            depth = int(key.removeprefix(prefix).split(".")[0]) + 1
        elif depth:
            depth = len(layers) + 1
        found[key] = depth
    return found


def set_trained(model: nn.Module, names: set[str]) -> None:
    """Let gradients flow to the named parameters alone."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)


def anchor(optimizer: torch.optim.Optimizer, strength: float) -> None:
    """L2-SP: after each step, weights are drawn back towards where they are now.

    The step is the implicit one of the penalty strength/2 · ‖w − start‖², decoupled from the
    gradient as AdamW's weight decay is, so that no strength makes it unstable and an endless one
    keeps the start: w ← start + (w − start) / (1 + rate · strength).

    Parameters
    ----------
    optimizer : whose groups say with `anchored` whether their weights are drawn
    """
    drawn = [group for group in optimizer.param_groups if group["anchored"]]
    starts = [[own.detach().clone() for own in group["params"]] for group in drawn]

    @torch.no_grad()
    def pull(*_: object) -> None:
        # The groups are looked up anew: loading a checkpoint makes new ones.
        for group, begun in zip(
            (group for group in optimizer.param_groups if group["anchored"]), starts, strict=True
        ):
            share = 1 - 1 / (1 + group["lr"] * strength)
            for parameter, start in zip(cast("list[Tensor]", group["params"]), begun, strict=True):
                parameter.lerp_(start, share)

    optimizer.register_step_post_hook(pull)
