"""What jobs cost: operations, bytes, and seconds at the rates of this machine.

Seconds of a job = start of a process + FLOP / rate + inputs decoded + a little that is stated
here. Rates are measured with random weights and inputs, which take as long as real ones.
"""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow.parquet
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from whypretrain.data.images import Images
from whypretrain.data.rotations import N_ROTATIONS
from whypretrain.data.sources import load_source
from whypretrain.data.table import Split
from whypretrain.networks.build import build, classifier
from whypretrain.networks.numerics import configure
from whypretrain.settings.data import Digits
from whypretrain.settings.models import Architecture, ImageArchitecture, ImageModel
from whypretrain.settings.training import Augmentation, Recipe
from whypretrain.settings.whole import Config
from workflow.lib.resources import BACKWARD, knowledge_bytes

if TYPE_CHECKING:
    from workflow.lib.plan import Job

TRAININGS = {"pretrain", "train"}
ON_CARD = TRAININGS | {"extract", "probe", "robustness"}
IMPORTS = {"tables": "pandas, scipy.stats", "networks": "pandas, whypretrain.networks.train"}
"""What stages import that compute tables, or with networks."""
NETWORKS = ON_CARD | {"samples", "convert", "convert_text"}
FIXED = {"probe": 1.1, "knowledge": 2.4, "player_sheet": 3.4, "explorer": 2.4, "figure": 1.9}
OTHERWISE_FIXED, CARD_START = 0.8, 4.0
"""Stated seconds of a job beside imports and what is counted, and of starting CUDA."""
PER_ITEM, PER_INTERACTION, PER_MEASURED, PER_BYTE = 1e-3, 4e-6, 4e-3, 5e-9
"""Stated seconds of preparing an item, of `knowledge` for an interaction, of checking and writing
for a sample and snapshot, and of writing and copying a byte of a snapshot."""
PROBE = 6e-8
"""Stated seconds of the probe's regression for an item, feature and class."""
SHARING = {"whypretrain_vgg": 1.9, "whypretrain_resnet": 2.5, "whypretrain_vit": 1.3}
SHARING |= {"vgg": 20.0, "resnet": 4.4, "mobilenet": 5.0}
SHARING_OF_FAMILY = {"cnn": 3.0, "transformer": 1.1}
"""How many times faster extraction is with sharing, as measured in docs/performance.md."""
LIBRARIES = 9e8
"""Bytes of a process with all imports."""
N_TOKENS, PHOTO = 32, (500, 375)
"""Assumed length of a sentence, and pixels of a photograph."""
EACH, AT_ONCE = 0.6, {"cpu": 5e10, "cuda": 1e13}
"""Seconds of one measurement, and FLOP of a measured step."""


class DatasetSize(NamedTuple):
    """Classes, and items of each split."""

    classes: int
    train: int
    test: int


class Network(NamedTuple):
    """Sizes of a network: FLOP of one forward pass, a multiply-add counting as 2, and bytes.

    `activations` of one input, which training keeps; `widest`: input and output of the layer where
    they are largest. `features` are those that the classifier sees.
    """

    flops: int
    weights: int
    activations: int
    widest: int
    features: int
    family: str


class Work(NamedTuple):
    """What a job computes.

    Items `trained` and `evaluated`; `measured` pairs of a sample and a snapshot, and `forwards` of
    their masked inputs; snapshots `kept` as files.
    """

    model: str = ""
    dataset: str = ""
    recipe: Recipe | None = None
    trained: int = 0
    evaluated: int = 0
    measured: int = 0
    forwards: int = 0
    kept: int = 0


class Rates(NamedTuple):
    """What this machine does, in seconds on a core that is free.

    `starts` of processes by their imports; `loading` of an augmented input from a `photo` or a
    `small` image; FLOP/s by family of networks and whether a network is trained.
    """

    starts: dict[str, float]
    loading: dict[str, float]
    flops: dict[tuple[str, bool], float]


def dataset_size(config: Config, name: str) -> DatasetSize | None:
    """The size of a dataset: as prepared, as it must come out, or as configured; else None."""
    dataset = config.datasets[name]
    paths = [Path(f"results/datasets/{name}/{part}.parquet") for part in ("train", "test")]
    if all(path.exists() for path in paths):
        train, test = map(pyarrow.parquet.read_metadata, paths)
        return DatasetSize(
            len(json.loads(train.metadata[b"classes"])), train.num_rows, test.num_rows
        )
    if isinstance(dataset, Digits):
        source = load_source(dataset)
        return DatasetSize(len(source.classes), len(source.train), len(source.test))
    classes = len(getattr(dataset, "classes", None) or ()) or dataset.n_classes
    if dataset.sizes is None or classes is None:
        return None
    return DatasetSize(classes, dataset.sizes.train, dataset.sizes.test)


def count(architecture: Architecture, n_classes: int) -> Network:
    """Count a network's parameters, operations and activations, without computing anything."""
    sizes: list[tuple[int, int]] = []

    def see(_: nn.Module, inputs: Any, output: Any) -> None:
        taken, every = _storages(inputs), _storages(inputs) | _storages(output)
        sizes.append((sum(every.values()) - sum(taken.values()), sum(every.values())))

    with torch.device("meta"):
        model = build(architecture, n_classes).eval()
    # Of texts without the mask of padding, as transformers looks at its values.
    called: Any = model if isinstance(architecture, ImageArchitecture) else model.encoder
    for layer in model.modules():
        if not list(layer.children()):
            layer.register_forward_hook(see)
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), counter:
        called(_random_inputs(architecture, 1, torch.device("meta")))
    made, around = zip(*sizes, strict=True)
    weights = sum(tensor.nbytes for tensor in model.state_dict().values())
    convolutional = sum(isinstance(part, nn.Conv2d) for part in model.modules()) > 1
    family = "cnn" if convolutional else "transformer"
    features = int(classifier(model).in_features)
    return Network(counter.get_total_flops(), weights, sum(made), max(around), features, family)


class Costs:
    """What jobs cost under a configuration.

    Parameters
    ----------
    folder : an empty one, for the configuration of encoders that are not there yet
    device : on which networks run: `cpu` or `cuda`
    tflops : what a card does, in TFLOP/s; None takes what is measured
    """

    def __init__(
        self, config: Config, jobs: Sequence["Job"], folder: str, device: str, tflops: float | None
    ) -> None:
        self.config, self.folder, self.device, self.tflops = config, folder, device, tflops
        self.runs, self.assumed = config.runs(), list[str]()
        subjects = [self.subject(job) for job in jobs]
        names = sorted({dataset for _, dataset in subjects} - {""})
        found = {name: dataset_size(config, name) for name in names}
        self.sizes = {name: size for name, size in found.items() if size}
        self.unknown = [name for name, size in found.items() if size is None]
        classes = max([size.classes for size in self.sizes.values()], default=2)
        models = sorted({model for model, _ in subjects} - {""})
        self.architectures = {model: self._architecture(model) for model in models}
        self.networks = {
            m: count(architecture, classes) for m, architecture in self.architectures.items()
        }

    def _architecture(self, name: str) -> Architecture:
        """An architecture that can be built; an encoder to be downloaded is taken as base-sized."""
        found, weights = self.config.architecture(name), self.config.models[name].weights
        if isinstance(found, ImageArchitecture):
            return found
        for place in (found.folder, f"resources/weights/{name}", weights.path):
            if place and Path(place, "config.json").is_file():
                return found.model_copy(update={"folder": place})
        from transformers import BertConfig, DistilBertConfig  # noqa: PLC0415  # slow

        self.assumed.append(name)
        distilled = "distil" in (weights.hub.repo if weights.hub else name)
        place = f"{self.folder}/{name}"
        (DistilBertConfig if distilled else BertConfig)().save_pretrained(place)
        return found.model_copy(update={"folder": place})

    def subject(self, job: "Job") -> tuple[str, str]:
        """Model and dataset of a job; empty where it has none."""
        run, experiment = job.wildcards.get("run"), job.wildcards.get("experiment")
        if run or experiment:
            chosen = self.runs[run] if run else self.config.experiments[experiment or ""]
            return chosen.model, chosen.dataset
        model, dataset = job.wildcards.get("model", ""), job.wildcards.get("dataset", "")
        return model, self.config.models[model].weights.dataset or "" if model else dataset

    def work(self, job: "Job") -> Work:
        """What a job computes; nothing where the size of its dataset is not known."""
        (model, dataset), count = self.subject(job), len(self.config.snapshots)
        size, work = self.sizes.get(dataset), Work(model, dataset)
        if job.rule.startswith(("fetch", "convert")):
            return work._replace(kept=int(bool(model)))
        if size is None:
            return work
        if job.rule in TRAININGS:
            upstream = self.config.pretrain(model) if job.rule == "pretrain" else None
            times = N_ROTATIONS if upstream and upstream.labels == "rotation" else 1
            recipe = (upstream or self.config.train(job.wildcards["run"])).recipe
            trained, tested = recipe.epochs * times * size.train, (recipe.epochs + 1) * times
            kept = 1 if upstream else count
            return Work(model, dataset, recipe, trained, tested * size.test, kept=kept)
        if job.rule == "probe":
            return work._replace(evaluated=size.train + size.test, kept=1)
        if job.rule == "robustness":
            shifts = self.config.robustness_of(job.wildcards["run"]).shifts()
            return work._replace(evaluated=len(shifts) * size.test)
        if job.rule in {"extract", "knowledge"}:
            sampling = self.config.experiments[job.wildcards["experiment"]].sampling
            n_samples = sum(sampling.of_class(c, size.classes) for c in range(size.classes))
            networks = _snapshots(job) if job.rule == "extract" else 2 * count + 2
            measured = n_samples * networks
            return work._replace(measured=measured, forwards=measured << sampling.players.n)
        return work

    def item(self, job: "Job", rates: Rates) -> dict[str, Any]:
        """All that a job costs; a record of an earlier run wins over the arithmetic."""
        work, recorded = self.work(job), None
        if self.tflops is None:
            with suppress(OSError, ValueError, IndexError):
                rows = Path(job.benchmark).read_text(encoding="utf-8").splitlines()
                recorded = float(rows[1].split()[0])
        forwards = work.forwards if job.rule == "extract" else 0
        passes = BACKWARD * work.trained + work.evaluated + forwards
        return {
            "rule": job.rule,
            **job.wildcards,
            "forwards": forwards,
            "flop": passes * self.networks[work.model].flops if passes else 0,
            "disk_bytes": self.disk(job),
            "memory_bytes": self.memory(job),
            "seconds": self.seconds(job, rates) if recorded is None else recorded,
            "recorded": recorded is not None,
        }

    def seconds(self, job: "Job", rates: Rates) -> float:
        """How long a job takes on this machine, or on the stated cards; downloads count as 0."""
        if job.rule.startswith("fetch"):
            return 0.0
        work, size = self.work(job), self.sizes.get(self.subject(job)[1])
        total = rates.starts["networks" if job.rule in NETWORKS else "tables"]
        total += FIXED.get(job.rule, OTHERWISE_FIXED)
        if job.rule == "prepare" and size:
            total += PER_ITEM * (size.train + size.test)
        if job.rule == "knowledge":
            total += PER_INTERACTION * work.forwards
        if job.rule not in ON_CARD or size is None:
            return total
        network, image = self.networks[work.model], self.config.models[work.model]
        if isinstance(self.config.datasets[work.dataset], Digits):
            total += work.trained * rates.loading["small"]
        elif isinstance(image, ImageModel):
            total += (work.trained + work.evaluated) * rates.loading["photo"]
        total += work.kept * network.weights * PER_BYTE + PER_MEASURED * work.measured
        if job.rule == "probe":
            total += PROBE * size.train * network.features * size.classes
        stated = 1e12 * self.tflops if self.tflops else 0.0
        forward, training = (
            network.flops / (stated or rates.flops[network.family, train])
            for train in (False, True)
        )
        passes = work.evaluated + work.forwards / self.sharing(work.model)
        if work.forwards:  # the noise floor: a sample a snapshot, once more and without sharing
            passes += _snapshots(job) * work.forwards / work.measured
        total += CARD_START * (self.device == "cuda" or stated > 0)
        return total + passes * forward + BACKWARD * work.trained * training

    def sharing(self, model: str) -> float:
        """How many times faster extraction is than by whole forward passes."""
        name = getattr(self.config.models[model], "timm", "")
        known = [factor for start, factor in SHARING.items() if name.startswith(start)]
        factors = [*known, SHARING_OF_FAMILY[self.networks[model].family]]
        return factors[0] if self.config.extraction.sharing else 1.0

    def disk(self, job: "Job") -> int:
        """Bytes of the large files that a job leaves: weights, snapshots and interactions."""
        work = self.work(job)
        if job.rule == "extract" and work.measured:
            return 16 * work.forwards + work.measured * (4 * self.sizes[work.dataset].classes + 200)
        return work.kept * self.networks[work.model].weights if work.kept else 0

    def memory(self, job: "Job") -> float:
        """Bytes that a job takes, from the shapes of tensors."""
        work = self.work(job)
        if job.rule == "knowledge" and work.measured:
            sampling = self.config.experiments[job.wildcards["experiment"]].sampling
            n_samples = work.measured // (2 * len(self.config.snapshots) + 2)
            return LIBRARIES + knowledge_bytes(n_samples, sampling.players.n)
        if job.rule not in ON_CARD or work.model not in self.networks:
            return LIBRARIES
        network = self.networks[work.model]
        if work.recipe is None:
            return LIBRARIES + network.weights + min(256 * network.widest, 2 << 30)
        micro = min(work.recipe.batch_size, work.recipe.micro_batch_size or work.recipe.batch_size)
        # Weights, gradients and two copies of the optimiser; what the backward pass needs.
        return LIBRARIES + 4 * network.weights + micro * (network.activations + network.widest)

    def measure(self, jobs: Sequence["Job"]) -> Rates:
        """Measure this machine; of each family of networks, the smallest that jobs are about."""
        place, names = configure(threads=1, device=self.device), dict[str, str]()
        for model in sorted({self.subject(job)[0] for job in jobs if job.rule in ON_CARD}):
            family = self.networks[model].family
            smallest = names.setdefault(family, model)
            names[family] = min(smallest, model, key=lambda name: self.networks[name].flops)
        flops = {
            (family, train): self._flops(name, place, train=train)
            for family, name in names.items()
            for train in (False, True)
            if self.tflops is None
        }
        loading = {
            "photo": _loading(PHOTO, 224, crop_min_scale=0.25, flip=True),
            "small": _loading((8, 8), 28, rotate=10, translate=0.1, scale=0.1),
        }
        return Rates({key: _start(imports) for key, imports in IMPORTS.items()}, loading, flops)

    def _flops(self, name: str, device: torch.device, *, train: bool) -> float:
        """FLOP/s of a network: of a training step, or of a forward pass."""
        architecture = self.architectures[name]
        model: Any = build(architecture, 10).to(device).train(train)
        if isinstance(architecture, ImageArchitecture) and device.type == "cpu":
            model.to(memory_format=torch.channels_last)
        passes = self.networks[name].flops * (BACKWARD if train else 1)
        size = max(1, min(32 if train else 256, int(AT_ONCE[device.type] / passes)))
        inputs = _random_inputs(architecture, size, device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
        half = torch.autocast("cuda", torch.bfloat16, enabled=train and device.type == "cuda")

        def step() -> None:
            with half, torch.inference_mode(not train):
                loss = model(inputs).float().square().mean()
            if train:
                loss.backward()
                optimizer.step()
                model.zero_grad()
            elif device.type == "cuda":
                torch.cuda.synchronize()

        return size * passes / _seconds(step, on_card=device.type == "cuda")


def _random_inputs(architecture: Architecture, n_items: int, device: torch.device) -> Tensor:
    """What a network takes: images (n_items, channels, side, side), or tokens (n_items, length)."""
    if isinstance(architecture, ImageArchitecture):
        side = architecture.image_size
        return torch.randn(n_items, architecture.channels, side, side, device=device)
    length = min(N_TOKENS, architecture.max_tokens)
    return torch.randint(1000, 2000, (n_items, length), device=device)


def _storages(value: Any) -> dict[int, int]:
    parts = value if isinstance(value, (tuple, list)) else [value]
    return {p.untyped_storage()._cdata: p.nbytes for p in parts if isinstance(p, Tensor)}


def _snapshots(job: "Job") -> int:
    return sum(path.endswith(".safetensors") for path in job.inputs)


def _loading(pixels: tuple[int, int], side: int, **changes: Any) -> float:
    """Seconds of making an input of one grey small, or coloured large, image."""
    noise = np.random.default_rng(0).integers(256, size=(94, 125, 3), dtype=np.uint8)
    buffer, small = io.BytesIO(), side < 64
    Image.fromarray(noise).resize(pixels).convert("L" if small else "RGB").save(buffer, "JPEG")
    split = Split("image", ["a"], ["0"], [buffer.getvalue()], [], [0], [""])
    few: dict[str, Any] = {"channels": 1, "mean": [0.5], "std": [0.5]} if small else {}
    architecture = ImageArchitecture(timm="any", image_size=side, **few)
    images = Images(split, architecture, Augmentation(**changes))
    images.cached = small
    return _seconds(lambda: images[0])


def _start(imports: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, "-c", f"import {imports}"], check=True)  # noqa: S603  (ours)
    return sum(os.times()[2:4]) - sum(before[2:4])


def _seconds(work: Callable[[], Any], *, on_card: bool = False) -> float:
    """Mean time of some work, after once to warm up: of this process, so that others do not count."""
    work()
    clock = time.perf_counter if on_card else time.process_time
    begun, times = clock(), 0
    while clock() < begun + EACH or times < 2:
        work()
        times += 1
    return (clock() - begun) / times
