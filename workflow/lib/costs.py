"""What jobs cost: operations, bytes, and seconds at the rates of this machine.

Seconds of a job = start of a process + FLOP / rate + photographs decoded + a little that is stated
here.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.parquet

from whypretrain.data.inputs import N_ROTATIONS
from whypretrain.data.sources import load_source
from whypretrain.networks.batch_norm import MOST_ESTIMATED
from whypretrain.networks.similarity import MOST_ITEMS
from whypretrain.settings.data import Digits
from whypretrain.settings.models import Architecture, ImageArchitecture, ImageModel, TextModel
from whypretrain.settings.training import Recipe
from whypretrain.settings.whole import Config
from workflow.lib.rates import Network, Rates, count
from workflow.lib.resources import (
    ARRAYS_DECOMPOSED,
    BACKWARD,
    extraction_bytes,
    knowledge_bytes,
)

if TYPE_CHECKING:
    from workflow.lib.plan import Job

ON_CARD = {"pretrain", "train", "train_ends", "extract", "probe", "robustness", "similarity"}
NETWORKS = ON_CARD | {"samples", "convert", "convert_text"}
TABLES = 0.25
"""Start of a process that imports no networks, in starts of one that does."""
FIXED = {"probe": 1.1, "knowledge": 2.4, "player_sheet": 3.4, "explorer": 2.4, "figure": 1.9}
OTHERWISE_FIXED, CARD_START = 0.8, 4.0
"""Stated seconds of a job beside imports and what is counted, and of starting CUDA."""
PER_ITEM, PER_INTERACTION, PER_MEASURED, PER_BYTE, PROBE = 1e-3, 4e-6, 4e-3, 5e-9, 2e-7
PER_SPLIT = 1e-4
"""Stated seconds of preparing an item, of `knowledge` for an interaction, of checking and writing
for a sample and snapshot, of writing a byte of a snapshot, of the probe's regression for an item,
feature and class, and of splitting an output of 12 players into AND and OR."""
SHARING = {"whypretrain_vgg": 1.9, "whypretrain_resnet": 2.5, "whypretrain_vit": 1.3}
SHARING |= {"vgg": 20.0, "resnet": 4.4, "mobilenet": 5.0, "cnn": 3.0, "transformer": 1.1}
SHARING |= {"last_token": 3.1}
"""How many times faster extraction is with sharing (docs/performance.md), by architecture; decoders
are those that give their last token."""
SMALL = 0.05
"""Loading and augmenting a digit, in photographs."""
LIBRARIES = 9e8
"""Bytes of a process with all imports."""


class DatasetSize(NamedTuple):
    """Classes, and items of each split."""

    classes: int
    train: int
    test: int


class Work(NamedTuple):
    """What a job computes.

    Items `trained` and `evaluated`; `measured` pairs of a sample and a snapshot, and `forwards` of
    their masked inputs, over so many `networks`; snapshots `kept` as files.
    """

    recipe: Recipe | None = None
    trained: int = 0
    evaluated: int = 0
    measured: int = 0
    forwards: int = 0
    kept: int = 0
    networks: int = 1


def dataset_size(config: Config, name: str) -> DatasetSize | None:
    """The size of a dataset: as prepared, as it must come out, or as configured; else None."""
    dataset = config.datasets[name]
    paths = [Path(f"results/datasets/{name}/{part}.parquet") for part in ("train", "test")]
    if all(path.exists() for path in paths):
        train, test = map(pyarrow.parquet.read_metadata, paths)
        n_classes = len(json.loads(train.metadata[b"classes"]))
        return DatasetSize(n_classes, train.num_rows, test.num_rows)
    if isinstance(dataset, Digits):
        source = load_source(dataset)
        return DatasetSize(len(source.classes), len(source.train), len(source.test))
    classes = len(getattr(dataset, "classes", None) or ()) or dataset.n_classes
    if dataset.sizes is None or classes is None:
        return None
    return DatasetSize(classes, dataset.sizes.train, dataset.sizes.test)


def architecture(config: Config, name: str, folder: Path) -> Architecture:
    """An architecture that can be built: of an encoder not there, a base-sized one in a folder."""
    found, weights = config.architecture(name), config.models[name].weights
    if isinstance(found, ImageArchitecture):
        return found
    for place in (found.folder, f"resources/weights/{name}", weights.path):
        if place and Path(place, "config.json").is_file():
            return found.model_copy(update={"folder": place})
    from transformers import BertConfig, DistilBertConfig  # noqa: PLC0415  # slow

    distilled = "distil" in (weights.hub.repo if weights.hub else name)
    (DistilBertConfig if distilled else BertConfig)().save_pretrained(folder / name)
    return found.model_copy(update={"folder": str(folder / name)})


class Costs:
    """What jobs cost under a configuration; networks are counted on creation.

    Parameters
    ----------
    folder : an empty one, for the configuration of encoders that are not there yet
    """

    def __init__(self, config: Config, jobs: Sequence["Job"], rates: Rates, folder: Path) -> None:
        self.config, self.rates = config, rates
        models, datasets = ({s[i] for s in map(self.subject, jobs)} - {""} for i in (0, 1))
        found = {name: dataset_size(config, name) for name in sorted(datasets)}
        self.sizes = {name: size for name, size in found.items() if size}
        self.unknown = [name for name, size in found.items() if size is None]
        classes = max([size.classes for size in self.sizes.values()], default=2)
        self.networks = {m: count(architecture(config, m, folder), classes) for m in sorted(models)}
        self.assumed = sorted(path.name for path in folder.iterdir())

    def subject(self, job: "Job") -> tuple[str, str]:
        """Model and dataset of a job; empty where it has none."""
        names = job.wildcards
        if "run" in names or "experiment" in names:
            experiments = self.config.experiments
            run = names.get("run")
            chosen = self.config.runs()[run] if run else experiments[names["experiment"]]
            return chosen.model, chosen.dataset
        model, dataset = names.get("model", ""), names.get("dataset", "")
        return model, self.config.models[model].weights.dataset or "" if model else dataset

    def work(self, job: "Job", size: DatasetSize | None) -> Work:
        """What a job computes on a dataset; nothing where its size is not known."""
        config, names, n_snapshots = self.config, job.wildcards, len(self.config.snapshots)
        if job.rule.startswith(("fetch", "convert")):
            return Work(kept=int("model" in names))
        if size is None:
            return Work()
        if job.rule == "pretrain":
            upstream = config.pretrain(names["model"])
            times = N_ROTATIONS if upstream.labels == "rotation" else 1
            return _training(upstream.recipe, size, times, kept=1)
        if job.rule in {"train", "train_ends"}:
            chosen = config.train(names["run"])
            tested = chosen.recipe.epochs + 1 if job.rule == "train" else 2
            kept = len(chosen.snapshots)
            return _training(chosen.recipe, size, times=1, kept=kept, tested=tested)
        if job.rule == "probe":
            return Work(evaluated=size.train + size.test, kept=1)
        if job.rule == "robustness":
            return Work(evaluated=config.robustness_of(names["run"]).n_passes() * size.test)
        if job.rule in {"extract", "decompose", "knowledge"}:
            sampling = config.experiments[names["experiment"]].sampling
            n_samples = sum(sampling.of_class(c, size.classes) for c in range(size.classes))
            further = len(config.variants(names["experiment"]))
            networks = 2 * n_snapshots + further
            if job.rule != "knowledge":
                whole = names["variant"] in config.trajectories(names["experiment"])
                networks = n_snapshots if whole else 1
            measured = n_samples * networks
            forwards = measured << sampling.players.n
            return Work(measured=measured, forwards=forwards, networks=networks)
        compared = _snapshots(job) if job.rule == "similarity" else 0
        return Work(evaluated=compared * min(size.test, MOST_ITEMS))

    def item(self, job: "Job") -> dict[str, Any]:
        """All that a job costs."""
        model, dataset = self.subject(job)
        network, size = self.networks.get(model), self.sizes.get(dataset)
        work, seconds = self.work(job, size), None
        if self.rates.card != "stated":
            with suppress(OSError, ValueError, IndexError):
                rows = Path(job.benchmark).read_text(encoding="utf-8").splitlines()
                seconds = float(rows[1].split()[0])
        forwards = work.forwards if job.rule == "extract" else 0
        passes = BACKWARD * work.trained + work.evaluated + forwards
        disk = work.kept * network.weights if network else 0
        if job.rule == "decompose":
            disk = 16 * work.forwards
        if forwards and size:
            disk = 16 * forwards + work.measured * (4 * size.classes + 200)
        return {
            "rule": job.rule,
            **job.wildcards,
            "forwards": forwards,
            "flop": passes * network.flops if network else 0,
            "disk_bytes": disk,
            "memory_bytes": LIBRARIES + self.memory(job, work, network),
            "seconds": self.seconds(job, work) if seconds is None else seconds,
            "recorded": seconds is not None,
        }

    def splits(self, job: "Job") -> bool:
        """Whether the job `knowledge` reads outputs that are split into AND and OR."""
        own = self.config.experiments[job.wildcards["experiment"]]
        return own.interactions.kind == "and_or"

    def memory(self, job: "Job", work: Work, network: Network | None) -> float:
        """Bytes that a job takes beside libraries, from the shapes of tensors."""
        rule = job.rule
        if rule == "knowledge":
            n_values = work.forwards // work.networks
            return knowledge_bytes(n_values << self.splits(job), work.networks)
        if rule == "decompose":
            return 8 * ARRAYS_DECOMPOSED * work.forwards
        if rule not in ON_CARD or network is None:
            return 0.0
        if work.recipe is None:
            measured = extraction_bytes(work.forwards, 1)  # forwards are of all networks
            return network.weights + min(256 * 2 * network.widest, 2 << 30) + measured
        micro = min(work.recipe.batch_size, work.recipe.micro_batch_size or work.recipe.batch_size)
        # Weights, gradients and two copies of the optimiser; what the backward pass needs.
        return 4 * network.weights + micro * network.activations

    def seconds(self, job: "Job", work: Work) -> float:
        """How long a job takes; downloads count as 0."""
        if job.rule.startswith("fetch"):
            return 0.0
        model, dataset = self.subject(job)
        size, rates = self.sizes.get(dataset), self.rates
        total = rates.start * (1 if job.rule in NETWORKS else TABLES)
        total += FIXED.get(job.rule, OTHERWISE_FIXED)
        if job.rule == "prepare" and size:
            total += PER_ITEM * (size.train + size.test)
        if job.rule == "knowledge":
            total += PER_INTERACTION * (work.forwards << self.splits(job))
        if job.rule == "decompose":
            total += PER_SPLIT * work.forwards
        if job.rule not in ON_CARD or size is None:
            return total
        network = self.networks[model]
        if isinstance(self.config.datasets[dataset], Digits):
            total += work.trained * rates.decoding * SMALL
        elif isinstance(self.config.models[model], ImageModel):
            total += (work.trained + work.evaluated) * rates.decoding
        total += work.kept * network.weights * PER_BYTE + PER_MEASURED * work.measured
        if job.rule == "probe":
            total += PROBE * size.train * network.features * size.classes
        shares = self.config.extraction.sharing
        factor = sharing(self.config.models[model], network.family) if shares else 1.0
        passes = work.evaluated + work.forwards / factor
        if work.forwards:  # the noise floor: three samples a snapshot, once more, without sharing
            n_again = min(3 * work.networks, work.measured)
            passes += n_again * work.forwards / work.measured
        total += CARD_START * (rates.card != "none")
        plain, train = (rates.flops[network.family, train] for train in (False, True))
        return total + network.flops * (passes / plain + BACKWARD * work.trained / train)


def sharing(model: ImageModel | TextModel, family: str) -> float:
    """How many times faster extraction with sharing is than by whole forward passes."""
    own = model.timm if isinstance(model, ImageModel) else model.feature
    known = [f for kind in (own, family) for key, f in SHARING.items() if kind.startswith(key)]
    return known[0]


def _training(
    recipe: Recipe, size: DatasetSize, times: int, kept: int, tested: int | None = None
) -> Work:
    """Epochs on the train split, with the test split at the start and after every epoch.

    Or with as many passes over the test split as `tested` says.

    Where BatchNorm is estimated anew, so are (at most MOST_ESTIMATED of) the training items.
    """
    each = size.test + recipe.reestimate_batch_norm * min(size.train, MOST_ESTIMATED)
    trained, evaluated = recipe.epochs * size.train, (tested or recipe.epochs + 1) * each
    return Work(recipe, times * trained, times * evaluated, kept=kept)


def _snapshots(job: "Job") -> int:
    return sum(path.endswith(".safetensors") for path in job.inputs)
