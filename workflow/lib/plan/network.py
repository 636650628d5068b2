"""A network without numbers: what its weights, a forward pass and training need, from shapes alone.

Sizes of text models whose configuration is not there yet are those of the base-sized encoder of
their kind.
"""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from whypretrain.data.texts import transformers
from whypretrain.networks.build import build, classifier
from whypretrain.settings.models import Architecture, ImageArchitecture, Weights
from whypretrain.settings.training import Recipe

N_TOKENS = 32
"""Of a sentence, where sentences are not at hand."""
OPTIMIZER_COPIES = {"adamw": 2, "sgd": 1}
HEADER_BYTES = 110
"""Of safetensors, for each tensor: its name, type, shape and place as JSON, about."""


def micro_batch(recipe: Recipe) -> int:
    """The largest part of a batch that goes through the network at once."""
    n_parts = math.ceil(recipe.batch_size / (recipe.micro_batch_size or recipe.batch_size))
    return math.ceil(recipe.batch_size / n_parts)


@contextmanager
def located(
    architecture: Architecture, weights: Weights, name: str
) -> Iterator[tuple[Architecture, bool]]:
    """An architecture that can be built, and whether its sizes are only assumed.

    A text model's configuration is looked for where the workflow puts it, where it is downloaded
    to, and in the configured folder.
    """
    if isinstance(architecture, ImageArchitecture):
        yield architecture, False
        return
    places = [architecture.folder, f"resources/weights/{name}", weights.path or ""]
    for folder in places:
        if folder and Path(folder, "config.json").is_file():
            yield architecture.model_copy(update={"folder": folder}), False
            return
    library = transformers()
    kind = weights.hub.repo if weights.hub else name
    chosen = library.DistilBertConfig if "distil" in kind else library.BertConfig
    with tempfile.TemporaryDirectory() as folder:
        chosen().save_pretrained(folder)
        yield architecture.model_copy(update={"folder": folder}), True


class Network:
    """A network of shapes, its input, and the operations of one forward pass.

    Attributes
    ----------
    example : an input without a batch, on the meta device
    parameter_bytes, file_bytes : of the weights that are trained; of a snapshot's file
    head_features : that the classifier sees
    flops : of one forward pass of one input, a multiply-add counting as 2
    """

    def __init__(self, architecture: Architecture, n_classes: int) -> None:
        with torch.device("meta"):
            if isinstance(architecture, ImageArchitecture):
                side = architecture.image_size
                self.example = torch.empty(architecture.channels, side, side)
            else:
                self.example = torch.empty(N_TOKENS, dtype=torch.long)
            self.model: nn.Module = build(architecture, n_classes).eval()
        tensors = self.model.state_dict().values()
        self.head_features = classifier(self.model).in_features
        self.parameter_bytes = sum(tensor.nbytes for tensor in self.model.parameters())
        self.file_bytes = sum(tensor.nbytes + HEADER_BYTES for tensor in tensors)
        math_only, counter = sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False)
        with FakeTensorMode(), math_only, counter:
            self._forward(1)
        self.flops = counter.get_total_flops()

    def _forward(self, batch: int) -> set[int]:
        """One forward pass, inside FakeTensorMode; returns the keys of the weights' storages.

        Fake tensors of the CPU stand in for the GPU's: the meta device knows neither autocast nor
        the fused attention, which keeps no attention map.
        """
        weights = {
            name: torch.empty(tensor.shape, dtype=tensor.dtype).requires_grad_(tensor.requires_grad)
            for name, tensor in chain(self.model.named_parameters(), self.model.named_buffers())
        }
        inputs = torch.ones(batch, *self.example.shape, dtype=self.example.dtype)
        functional_call(self.model, weights, (inputs,))
        return {tensor.untyped_storage()._cdata for tensor in weights.values()}

    def training_bytes(self, recipe: Recipe, *, bfloat16: bool) -> int:
        """Memory of a training step: weights, gradients, optimiser, and what backward needs."""
        batch = micro_batch(recipe)
        weights = (2 + OPTIMIZER_COPIES[recipe.optimizer]) * self.parameter_bytes
        saved = self._saved(batch, bfloat16=bfloat16)
        return weights + saved + batch * self._widest(bfloat16=bfloat16)

    def forward_bytes(self, batch: int) -> int:
        """Memory of a forward pass in float32 that keeps nothing: a lower bound."""
        return self.parameter_bytes + batch * self._widest(bfloat16=False)

    def _saved(self, batch: int, *, bfloat16: bool) -> int:
        """Bytes that training keeps for backward, beside the weights."""
        storages: dict[int, Any] = {}  # kept alive, so that no key is used twice

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            storages[storage._cdata] = storage
            return tensor

        self.model.train()
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=bfloat16)
        with FakeTensorMode(), autocast, saved_tensors_hooks(pack, lambda tensor: tensor):
            weights = self._forward(batch)
        return sum(item.nbytes() for key, item in storages.items() if key not in weights)

    def _widest(self, *, bfloat16: bool) -> int:
        """Bytes of the input and the output of the layer where they are largest, one input."""
        sizes = []

        def measure(_: nn.Module, inputs: Any, output: Any) -> None:
            tensors = [item for item in (*inputs, output) if isinstance(item, Tensor)]
            storages = [tensor.untyped_storage() for tensor in tensors]
            sizes.append(sum({item._cdata: item.nbytes() for item in storages}.values()))

        layers = [module for module in self.model.modules() if not list(module.children())]
        hooks = [layer.register_forward_hook(measure) for layer in layers]
        self.model.eval()
        with FakeTensorMode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            self._forward(1)
        for hook in hooks:
            hook.remove()
        return max(sizes)
