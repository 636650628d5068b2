"""What each job has to compute and to keep, and how long that takes at the measured rates."""

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet

from whypretrain.data.rotations import N_ROTATIONS
from whypretrain.data.sources import load_source
from whypretrain.settings.data import Digits
from whypretrain.settings.models import Architecture, ImageModel
from whypretrain.settings.training import Recipe
from whypretrain.settings.whole import Config
from workflow.lib.plan.calibrate import Calibration, Request, at_once
from workflow.lib.plan.jobs import Job
from workflow.lib.plan.network import Network, count
from workflow.lib.resources import BACKWARD, knowledge_bytes

TRAININGS = {"pretrain", "finetune", "scratch", "train"}
EXTRACTIONS = {"extract", "extract_final"}
ON_CARD = TRAININGS | EXTRACTIONS | {"probe", "robustness"}
START = dict.fromkeys(ON_CARD | {"samples", "convert", "convert_text"}, "networks")
"""Rules by what they cost, and libraries that their stages import; the others import `tables`."""
FIXED = {"probe": 0.7, "knowledge": 2.0, "player_sheet": 3.0, "explorer": 2.0, "figure": 1.5}
OTHERWISE_FIXED, PER_JOB = 0.4, 0.4
"""Stated seconds of a job beside imports and what is counted, and of Snakemake for a job."""
PER_ITEM, PER_INTERACTION, PER_MEASURED = 1e-3, 4e-6, 4e-3
"""Stated seconds of preparing an item, of `knowledge` for an interaction, and of digests, checks
and writing for a sample and snapshot."""
PER_BYTE, CARD_START = 2 / 4e8, 4.0
"""Stated seconds of writing and copying a snapshot, and of starting CUDA."""
PROBE_FLOPS = 4 * 300 / 2e10
"""Stated seconds of the probe's regression for each number: L-BFGS reads all four times."""
SHARING = {"whypretrain_vgg": 1.9, "whypretrain_resnet": 2.5, "whypretrain_vit": 1.3}
SHARING |= {"vgg": 20.0, "resnet": 4.4, "mobilenet": 5.0}
SHARING_OF_FAMILY = {"cnn": 3.0, "transformer": 1.1}
"""How many times faster extraction is with sharing, as measured in docs/performance.md."""
OPTIMIZER_COPIES = {"adamw": 2, "sgd": 1}
LARGE = 1e9
"""FLOP of a forward pass from which on networks of a family are about equally fast, a FLOP."""


class DatasetSize(NamedTuple):
    """Classes, and items of each split; `source`: prepared, derived or stated."""

    classes: int
    train: int
    test: int
    source: str


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


def dataset_size(config: Config, name: str) -> DatasetSize | None:
    """The size of a dataset: as prepared, as it must come out, or as configured; else None."""
    dataset, splits = config.datasets[name], []
    paths = [Path(f"results/datasets/{name}/{part}.parquet") for part in ("train", "test")]
    if all(path.exists() for path in paths):
        splits = [pyarrow.parquet.read_metadata(path) for path in paths]
        n_classes = len(json.loads(splits[0].metadata[b"classes"]))
        return DatasetSize(n_classes, splits[0].num_rows, splits[1].num_rows, "prepared")
    if isinstance(dataset, Digits):
        source = load_source(dataset)
        return DatasetSize(len(source.classes), len(source.train), len(source.test), "derived")
    classes = len(getattr(dataset, "classes", None) or ()) or dataset.n_classes
    if dataset.sizes is None or classes is None:
        return None
    return DatasetSize(classes, dataset.sizes.train, dataset.sizes.test, "stated")


class Costs:
    """What the jobs of a configuration cost, once its networks are added.

    Parameters
    ----------
    device : on which networks run here: `cpu` or `cuda`
    tflops : what a card does, in TFLOP/s; None takes what is measured
    """

    def __init__(
        self, config: Config, jobs: Sequence[Job], device: str, tflops: float | None
    ) -> None:
        self.config, self.device, self.tflops = config, device, tflops
        self.networks: dict[str, Network] = {}
        self.architectures: dict[str, Architecture] = {}
        self.assumed: list[str] = []
        self.runs, self.on_card = config.runs(), device == "cuda" or tflops is not None
        names = sorted({dataset for _, dataset in map(self.subject, jobs)} - {""})
        found = {name: dataset_size(config, name) for name in names}
        self.sizes = {name: size for name, size in found.items() if size}
        self.unknown = [name for name, size in found.items() if size is None]

    def add(self, model: str, architecture: Architecture, assumed: bool) -> None:
        """Count a network; `assumed` says that its architecture is a guess."""
        classes = max([size.classes for size in self.sizes.values()], default=2)
        self.networks[model] = count(architecture, classes)
        self.architectures[model] = architecture
        self.assumed += [model] * assumed

    def item(self, job: Job, found: Calibration) -> dict[str, Any]:
        """All that a job costs; a record of an earlier run wins over the arithmetic."""
        work, seconds, recorded = self.work(job), 0.0, False
        with suppress(OSError, ValueError, IndexError):
            rows = Path(job.benchmark).read_text(encoding="utf-8").splitlines()
            seconds, recorded = float(rows[1].split()[0]), self.tflops is None
        if found.starts and not recorded:
            seconds = self.seconds(job, found)
        return {
            "rule": job.rule,
            **job.wildcards,
            "forwards": work.forwards if job.rule in EXTRACTIONS else 0,
            "operations": self.operations(job),
            "disk_bytes": self.disk(job),
            "memory_bytes": self.memory(job, found.resident),
            "seconds": seconds,
            "recorded": recorded,
        }

    def subject(self, job: Job) -> tuple[str, str]:
        """Model and dataset of a job; empty where it has none."""
        run, experiment = job.wildcards.get("run"), job.wildcards.get("experiment")
        if run or experiment:
            chosen = self.runs[run] if run else self.config.experiments[experiment or ""]
            return chosen.model, chosen.dataset
        model, dataset = job.wildcards.get("model", ""), job.wildcards.get("dataset", "")
        return model, self.config.models[model].weights.dataset or "" if model else dataset

    def work(self, job: Job) -> Work:
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
        if job.rule in EXTRACTIONS | {"knowledge"}:
            sampling = self.config.experiments[job.wildcards["experiment"]].sampling
            n_samples = sum(sampling.of_class(c, size.classes) for c in range(size.classes))
            weights = sum(path.endswith(".safetensors") for path in job.inputs)
            measured = n_samples * (weights if job.rule in EXTRACTIONS else 2 * count + 2)
            return work._replace(measured=measured, forwards=measured << sampling.players.n)
        return work

    def operations(self, job: Job) -> int:
        """FLOP of networks; every masked input counts whole: an upper bound, as passes share."""
        work = self.work(job)
        forwards = work.forwards if job.rule in EXTRACTIONS else 0
        passes = BACKWARD * work.trained + work.evaluated + forwards
        return passes * self.networks[work.model].flops if passes else 0

    def requests(self, jobs: list[Job]) -> list[Request]:
        """Rates to measure: of every small network, and of the smallest large one of a family.

        A large network of texts stands for others only where there is none of images, as its
        library takes seconds to import.
        """
        works = [self.work(job) for job in jobs if job.rule in ON_CARD]
        names = {work.model for work in works if work.dataset in self.sizes}
        texts = {name: not isinstance(self.config.models[name], ImageModel) for name in names}
        large = {n: self.networks[n] for n in names if self.networks[n].flops > LARGE}
        order = sorted(large, key=lambda name: (texts[name], large[name].flops))
        chosen = {large[name].family: name for name in reversed(order)}.values()
        kept = sorted(names - large.keys()) + sorted(chosen, key=order.index)
        wanted = {(w.model, batch): None for w in works for batch in (0, self.batch(w))}
        return [
            Request(model, batch, self.architectures[model], self.networks[model].flops)
            for model, batch in sorted(wanted, key=lambda key: key[1])
            if model in kept
        ]

    def batch(self, work: Work) -> int:
        """Inputs of a measured training step; 0 of a job that does not train."""
        if work.recipe is None or work.model not in self.networks:
            return 0
        micro = min(work.recipe.batch_size, work.recipe.micro_batch_size or math.inf)
        return at_once(int(micro), self.networks[work.model].flops, self.device)

    def rate(self, model: str, batch: int, found: Calibration) -> float:
        """FLOP/s of a network: as stated, as measured, or of the one most like it."""
        if self.tflops:
            return 1e12 * self.tflops
        mine = self.networks[model]

        def unlike(key: tuple[str, int]) -> tuple[bool, bool, float, int]:
            other = self.networks[key[0]]
            apart = abs(math.log(other.flops / mine.flops))
            kind = bool(key[1]) != bool(batch)
            return kind, other.family != mine.family, apart, abs(key[1] - batch)

        return found.rates[min(found.rates, key=unlike)]

    def seconds(self, job: Job, found: Calibration) -> float:
        """How long a job takes on this machine, or on the stated cards; downloads count as 0."""
        if job.rule.startswith("fetch"):
            return 0.0
        work, size = self.work(job), self.sizes.get(self.subject(job)[1])
        total = found.starts[START.get(job.rule, "tables")] + PER_JOB
        total += FIXED.get(job.rule, OTHERWISE_FIXED)
        if job.rule == "prepare" and size:
            total += PER_ITEM * (size.train + size.test)
        if job.rule == "knowledge":
            total += PER_INTERACTION * work.forwards
        if job.rule not in ON_CARD or size is None:
            return total
        network = self.networks[work.model]
        total += self.loading(work, found) + work.kept * network.weights * PER_BYTE
        total += CARD_START * self.on_card + PER_MEASURED * work.measured
        forward = network.flops / self.rate(work.model, 0, found)
        if work.recipe:
            rate = self.rate(work.model, self.batch(work), found)
            total += BACKWARD * work.trained * network.flops / rate
        if job.rule == "probe":
            total += PROBE_FLOPS * size.train * network.features * size.classes
        passes = work.evaluated + work.forwards / self.sharing(work.model)
        if work.forwards:  # the noise floor: a sample a snapshot, once more and without sharing
            n_snapshots = sum(path.endswith(".safetensors") for path in job.inputs)
            passes += n_snapshots * work.forwards / work.measured
        return total + passes * forward

    def loading(self, work: Work, found: Calibration) -> float:
        """Seconds of decoding and augmenting the images that a job sees."""
        if not isinstance(self.config.models[work.model], ImageModel):
            return 0.0
        if not isinstance(self.config.datasets[work.dataset], Digits):
            return (work.trained + work.evaluated) * found.loading["photo"]
        changes = work.recipe.augmentation.model_dump(exclude_defaults=True) if work.recipe else {}
        trained = found.loading["augmented" if changes else "small"]
        return work.trained * trained + work.evaluated * found.loading["small"]

    def sharing(self, model: str) -> float:
        """How many times faster extraction is than by whole forward passes."""
        name = getattr(self.config.models[model], "timm", "")
        known = [factor for start, factor in SHARING.items() if name.startswith(start)]
        factors = [*known, SHARING_OF_FAMILY[self.networks[model].family]]
        return factors[0] if self.config.extraction.sharing else 1.0

    def disk(self, job: Job) -> int:
        """Bytes of the large files that a job leaves: weights, snapshots and interactions."""
        work = self.work(job)
        if job.rule in EXTRACTIONS and work.measured:
            return 16 * work.forwards + work.measured * (4 * self.sizes[work.dataset].classes + 200)
        return work.kept * self.networks[work.model].weights if work.kept else 0

    def memory(self, job: Job, resident: float) -> float:
        """Bytes a job takes where it computes: on a card, or in the machine with its libraries."""
        work, libraries = self.work(job), 0.0 if self.on_card else resident
        if job.rule == "knowledge" and work.measured:
            n_samples = work.measured // (2 * len(self.config.snapshots) + 2)
            n_players = self.config.experiments[job.wildcards["experiment"]].sampling.players.n
            return resident + knowledge_bytes(n_samples, n_players)
        if job.rule not in ON_CARD or work.model not in self.networks:
            return libraries
        network = self.networks[work.model]
        if work.recipe is None:
            batch = self.config.extraction.batch_size or 256
            return libraries + network.weights + min(batch * network.widest, 2 << 30)
        micro = min(work.recipe.batch_size, work.recipe.micro_batch_size or work.recipe.batch_size)
        kept = micro * (network.activations + network.widest)
        kept //= 2 if work.recipe.mixed_precision and self.on_card else 1
        return libraries + (2 + OPTIMIZER_COPIES[work.recipe.optimizer]) * network.weights + kept
