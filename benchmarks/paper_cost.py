"""What a suite costs, as the tables of docs/paper-suite.md: from config.yaml, without a GPU.

No weights and no data are needed: networks have shapes and no numbers. Sizes are in powers of ten.
"""

import argparse
import math
import tempfile
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, get_args

import torch
import yaml
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, DistilBertConfig

from whypretrain.config.models import Architecture, ImageArchitecture
from whypretrain.config.training import Recipe, TrainedVariant
from whypretrain.config.whole import Config, check
from whypretrain.models.build import build

FLOAT64 = 8  # bytes
N_TOKENS = 32
COALITIONS_AT_ONCE = 256  # a card with room to spare takes more
ENCODERS = {"bert_base": BertConfig, "distilbert": DistilBertConfig}  # the defaults: base sizes
OPTIMIZER_COPIES = {"adamw": 2, "sgd": 1}
DATASETS = {  # classes; training and test items
    "cub": (200, (5_994, 5_794)),
    "cifar10": (10, (50_000, 10_000)),
    "cars": (196, (8_144, 8_041)),
    "sst2": (2, (67_349, 872)),
}


class Column(NamedTuple):
    """A column of a table: its numbers are shown in a unit."""

    head: str
    unit: float = 1
    decimals: int = 0
    summed: bool = False


EXTRACTION = [
    Column("Samples"),
    Column("n"),
    Column("Models"),
    Column("Forwards", summed=True),
    Column("GFLOPs each", 1e9, 2),
    Column("PFLOPs", 1e15, 1, summed=True),
    Column("Snapshots, GB", 1e9, 2, summed=True),
    Column("Interactions, MB", 1e6, summed=True),
    Column("GPU memory, GB", 1e9, 1),
]
RUN = [
    Column("items, M", 1e6, 2, summed=True),
    Column("PFLOPs", 1e15, 1, summed=True),
    Column("at once"),
    Column("GPU memory, GB", 1e9, 1),
]
VARIANTS = ("Finetune", "Scratch")
TRAINING = [item._replace(head=f"{which}: {item.head}") for which in VARIANTS for item in RUN]


class Network:
    """A network without numbers, its input, and what a forward pass of it needs."""

    def __init__(self, config: Config, model: str, n_classes: int) -> None:
        architecture: Architecture = config.architecture(model)
        with tempfile.TemporaryDirectory() as folder, torch.device("meta"):
            if isinstance(architecture, ImageArchitecture):
                side = architecture.image_size
                self.example = torch.empty(architecture.channels, side, side)
            else:
                self.example = torch.empty(N_TOKENS, dtype=torch.long)
                ENCODERS[model]().save_pretrained(folder)
                architecture = architecture.model_copy(update={"folder": folder})
            self.model: nn.Module = build(architecture, n_classes)
        self.parameter_bytes = sum(tensor.nbytes for tensor in self.model.parameters())
        self.file_bytes = sum(tensor.nbytes for tensor in self.model.state_dict().values())
        math_only, counter = sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False)
        with FakeTensorMode(), math_only, counter:
            self.forward(1)
        self.flops = counter.get_total_flops()

    def forward(self, batch: int) -> set[int]:
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

    def saved(self, batch: int, *, bfloat16: bool) -> int:
        """Bytes that training keeps for backward, beside the weights."""
        storages: dict[int, Any] = {}  # kept alive, so that no key is used twice

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            storages[storage._cdata] = storage
            return tensor

        self.model.train()
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=bfloat16)
        with FakeTensorMode(), autocast, saved_tensors_hooks(pack, lambda tensor: tensor):
            weights = self.forward(batch)
        return sum(item.nbytes() for key, item in storages.items() if key not in weights)

    def widest(self, *, bfloat16: bool) -> int:
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
            self.forward(1)
        for hook in hooks:
            hook.remove()
        return max(sizes)


def extraction(config: Config, name: str, network: Network) -> list[float]:
    """The numbers of `EXTRACTION` for an experiment."""
    sampling = config.experiments[name].sampling
    n_classes, _ = DATASETS[config.experiments[name].dataset]
    n_samples = sum(sampling.of_class(label, n_classes) for label in range(n_classes))
    n_models = 2 * len(config.snapshots) + 1
    forwards = n_samples * n_models << sampling.players.n
    files, interactions = n_models * network.file_bytes, 2 * FLOAT64 * forwards
    batch_size = config.extraction.batch_size or COALITIONS_AT_ONCE
    gpu = network.file_bytes + batch_size * network.widest(bfloat16=False)
    counts = [n_samples, sampling.players.n, n_models, forwards]
    return [*counts, network.flops, network.flops * forwards, files, interactions, gpu]


def training(recipe: Recipe, sizes: tuple[int, int], network: Network) -> list[float]:
    """The numbers of `RUN` for one training run, with the accuracy measured every epoch."""
    n_parts = math.ceil(recipe.batch_size / (recipe.micro_batch_size or recipe.batch_size))
    batch = math.ceil(recipe.batch_size / n_parts)
    items = recipe.epochs * sizes[0]
    flops = network.flops * (3 * items + (recipe.epochs + 1) * sizes[1])
    weights = (2 + OPTIMIZER_COPIES[recipe.optimizer]) * network.parameter_bytes
    saved = network.saved(batch, bfloat16=recipe.mixed_precision)
    gradients = batch * network.widest(bfloat16=recipe.mixed_precision)
    return [items, flops, batch, weights + saved + gradients]


def table(columns: list[Column], rows: dict[str, list[float]]) -> str:
    """Markdown, with a last line of sums."""
    sums = f"All {len(rows)}"
    rows = rows | {sums: [sum(values) for values in zip(*rows.values(), strict=True)]}
    lines = [["Experiment", *[column.head for column in columns]], ["---"] * (len(columns) + 1)]
    for title, values in rows.items():
        lines.append([title])
        for column, value in zip(columns, values, strict=True):
            shown = f"{value / column.unit:,.{column.decimals}f}"
            lines[-1].append(shown if column.summed or title != sums else "")
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--suite", default="paper")
    arguments = parser.parse_args()
    config = check(yaml.safe_load(arguments.config.read_text(encoding="utf-8")))
    measured: dict[str, list[float]] = {}
    trained: dict[str, list[float]] = {}
    for name in config.suites[arguments.suite]:
        chosen, title = config.experiments[name], config.title(name)
        n_classes, sizes = DATASETS[chosen.dataset]
        network = Network(config, chosen.model, n_classes)
        measured[title] = extraction(config, name, network)
        trained[title] = []
        for variant in get_args(TrainedVariant):
            recipe = config.train(config.run(name, variant).name).recipe
            trained[title] += training(recipe, sizes, network)
    print(table(EXTRACTION, measured), table(TRAINING, trained), sep="\n\n")


if __name__ == "__main__":
    main()
