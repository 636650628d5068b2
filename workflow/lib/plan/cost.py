"""From work to seconds, bytes and memory: which measurements a plan needs, and what follows."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet
import torch

from whypretrain.interactions.memory import CPU_BYTES
from whypretrain.interactions.store import Measurement, write_measurements
from whypretrain.networks.train import EVALUATION_BATCH, EVALUATION_NUMBERS
from whypretrain.settings.data import Digits
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.settings.training import Augmentation, Recipe
from workflow.lib.plan import inputs, measure
from workflow.lib.plan.calibrate import Calibration, Request
from workflow.lib.plan.jobs import Job
from workflow.lib.plan.network import Network, micro_batch
from workflow.lib.plan.work import EXTRACTIONS, ON_CARD, TRAININGS, Work, Workload

START = {
    "prepare": "prepare",
    "probe": "probe",
    "metrics": "metrics",
    "claims": "figures.fig2",
    "figure": "figures.fig2",
    "player_sheet": "figures.player_sheet",
    "robustness_table": "figures.player_sheet",
}
"""The stage whose imports are timed for a rule; the others import about what `train` does."""
FIXED = {"prepare": 0.2, "player_sheet": 3.5, "samples": 0.2, "probe": 0.7, "metrics": 0.6}
"""Stated: seconds of a job beside imports and what is counted; the others take 0.3."""
OTHERWISE_FIXED = 0.3
PER_ITEM = 1e-3  # stated: seconds of preparing one item
PER_INTERACTION = 2e-6  # stated: seconds of the stage `metrics` for each
PER_BYTE = 2 / 4e8  # stated: a snapshot is written, and copied when the run ends
CARD_START = 4.0  # stated: seconds until CUDA and its libraries are ready
PROBE_ITERATIONS = 300  # stated: of L-BFGS; each reads all features four times
FLOPS_OF_A_CORE = 2e10  # stated: of the probe's regression
COALITIONS_AT_ONCE = 256  # a card with room to spare takes more


class Machine(NamedTuple):
    """What the jobs run on: cores, cards (0: none), and what a card does, if that is stated."""

    cores: int
    gpus: int = 0
    tflops: float | None = None


class Costs:
    """What jobs cost, once what `requests` lists has been measured.

    Parameters
    ----------
    architectures : as they can be built now, by model
    """

    def __init__(
        self, workload: Workload, architectures: dict[str, Architecture], machine: Machine
    ) -> None:
        self.workload, self.architectures, self.machine = workload, architectures, machine
        self.calibration = Calibration({}, {}, 0, 1.0)
        self._networks: dict[tuple[str, int], Network] = {}
        self._group_bytes: dict[tuple[Any, ...], float] = {}
        self.device = torch.device("cuda" if machine.gpus and not machine.tflops else "cpu")

    def network(self, job: Job, work: Work) -> Network:
        """The network of a job, as shapes."""
        key = (work.model, self.workload.n_classes(work, job.rule))
        if key not in self._networks:
            self._networks[key] = Network(self.architectures[work.model], key[1])
        return self._networks[key]

    def requests(self, jobs: Sequence[Job]) -> list[Request]:
        """Measurements that the jobs need, each once."""
        found: dict[tuple[Any, ...], Request] = {}
        for job in jobs:
            for request in self._requests(job):
                found.setdefault(request.key, request)
        return list(found.values())

    def _requests(self, job: Job) -> list[Request]:
        work, found = self.workload.of(job), []
        if not job.rule.startswith("fetch"):
            stage = START.get(job.rule, "train")
            found.append(Request(("start", stage), partial(measure.startup_time, stage)))
        by_clock = self.machine.tflops is None
        if job.rule in TRAININGS | {"probe", "robustness"} and by_clock:
            found.append(self._training(job, work))
        if job.rule in EXTRACTIONS:
            experiment = self.workload.config.experiments[job.of("experiment") or ""]
            settings = self.workload.config.extract(job.of("experiment") or "")
            settings = settings.model_copy(update={"architecture": self.architectures[work.model]})
            extraction = partial(
                measure.extraction_time,
                settings,
                experiment.sampling,
                n_samples=work.samples,
                flops=self.network(job, work).flops,
                device=self.device,
                by_clock=by_clock,
            )
            found.append(Request(self._extraction_key(job), extraction))
        if work.dataset and isinstance(self.architectures.get(work.model), ImageArchitecture):
            found += self._loading(job, work)
        return found

    def _training(self, job: Job, work: Work) -> Request:
        recipe, network = self._recipe(work), self.network(job, work)
        size = self.workload.sizes[work.dataset]
        items = (work.trained // recipe.epochs if work.trained else size.train, size.test)
        training = partial(
            measure.training_time,
            self.architectures[work.model],
            recipe,
            n_classes=self.workload.n_classes(work, job.rule),
            n_items=items,
            flops=network.flops,
            device=self.device,
        )
        return Request(self._training_key(job, work), training)

    def _recipe(self, work: Work) -> Recipe:
        """How a network is trained; where it is not, one of those of its experiments."""
        if work.recipe is not None:
            return work.recipe
        config = self.workload.config
        name = next(
            name
            for name, chosen in config.experiments.items()
            if (chosen.model, chosen.dataset) == (work.model, work.dataset)
        )
        return config.train(config.run(name, "finetune").name).recipe

    def _training_key(self, job: Job, work: Work) -> tuple[Any, ...]:
        recipe = self._recipe(work)
        if measure.batch_at_once(recipe, self.network(job, work).flops) < micro_batch(recipe):
            return ("train", work.model)
        step = {"batch_size", "micro_batch_size", "optimizer", "clip_gradient_norm"}
        return ("train", work.model, work.dataset, recipe.model_dump_json(include=step))

    def _extraction_key(self, job: Job) -> tuple[Any, ...]:
        chosen = self.workload.config.experiments[job.of("experiment") or ""]
        players = chosen.sampling.players.model_dump_json()
        return ("extract", chosen.model, players, chosen.sampling.background)

    def _loading(self, job: Job, work: Work) -> list[Request]:
        architecture = self.architectures[work.model]
        assert isinstance(architecture, ImageArchitecture)
        encoded, size = self._encoded(work), self.workload.sizes[work.dataset]
        found = []

        def load(kind: str, augmentation: Augmentation | None, count: int) -> None:
            loading = partial(measure.loading_time, encoded, architecture, augmentation, count)
            found.append(Request(self._loading_key(work, kind), loading))

        if job.rule == "robustness":
            settings = self.workload.config.robustness_of(job.of("run") or "")
            shifting = partial(measure.shifting_time, encoded, settings)
            found.append(Request(self._loading_key(work, "shifted"), shifting))
        if job.rule in TRAININGS:
            recipe = self._recipe(work)
            load(f"augmented {recipe.augmentation}", recipe.augmentation, size.train)
        if job.rule in TRAININGS | {"probe"}:
            load("as it is", None, size.train if job.rule == "probe" else size.test)
        if job.rule == "samples":
            load("decoded", None, 1 << 60)
        return found

    def _loading_key(self, work: Work, kind: str) -> tuple[Any, ...]:
        return ("load", work.model, work.dataset, kind)

    def _encoded(self, work: Work) -> list[bytes]:
        """Images like those of a dataset: its own where it is prepared."""
        path = Path(f"results/datasets/{work.dataset}/train.parquet")
        if path.exists():
            batch = next(pyarrow.parquet.ParquetFile(path).iter_batches(inputs.N_ENCODED))
            return [image["bytes"] for image in batch["image"].to_pylist()]
        if isinstance(self.workload.config.datasets[work.dataset], Digits):
            return inputs.random_encoded(1, (8, 8))
        architecture = self.architectures[work.model]
        assert isinstance(architecture, ImageArchitecture)
        return inputs.random_encoded(architecture.channels)

    def seconds(self, job: Job, found: dict[tuple[Any, ...], Any]) -> float:
        """How long a job takes on this machine, or on the stated cards; downloads count as 0.

        Parameters
        ----------
        found : what was measured, by the keys of `requests`
        """
        if job.rule.startswith("fetch"):
            return 0.0
        work = self.workload.of(job)
        start = found["start", START.get(job.rule, "train")]
        total = start + FIXED.get(job.rule, OTHERWISE_FIXED)
        if self.machine.gpus and job.rule in ON_CARD:
            total += CARD_START
        if job.rule in TRAININGS | {"probe", "robustness"}:
            total += self._trained(job, work, found)
        if work.kept:
            total += work.kept * self.network(job, work).file_bytes * PER_BYTE
        if job.rule == "probe":
            head = self.network(job, work)
            features = head.head_features * self.workload.n_classes(work, job.rule)
            n_train = self.workload.sizes[work.dataset].train
            total += 4 * PROBE_ITERATIONS * n_train * features / FLOPS_OF_A_CORE
        if job.rule in EXTRACTIONS:
            total += self._extracted(job, work, found)
        if job.rule == "prepare":
            size = self.workload.sizes[work.dataset]
            total += PER_ITEM * (size.train + size.test)
        if job.rule == "samples":
            loading = found.get(self._loading_key(work, "decoded"), PER_ITEM)
            total += loading * self.workload.sizes[work.dataset].train
        if job.rule == "metrics":
            n_players = self.workload.config.experiments[
                job.of("experiment") or ""
            ].sampling.players.n
            total += PER_INTERACTION * ((work.samples * work.snapshots) << n_players)
        return float(total)

    def _trained(self, job: Job, work: Work, found: dict[tuple[Any, ...], Any]) -> float:
        recipe = self._recipe(work)
        if self.machine.tflops:
            flops = self.network(job, work).flops / (1e12 * self.machine.tflops)
            each, fixed, evaluated = 3 * flops, 0.0, flops
        else:
            fixed, each, evaluated = found[self._training_key(job, work)]
        kind = "shifted" if job.rule == "robustness" else "as it is"
        augmented = self._loading_key(work, f"augmented {recipe.augmentation}")
        evaluated += found.get(self._loading_key(work, kind), 0.0)
        loaded = found.get(augmented, 0.0)
        return float(
            work.steps * fixed + work.trained * (each + loaded) + work.evaluated * evaluated
        )

    def _extracted(self, job: Job, work: Work, found: dict[tuple[Any, ...], Any]) -> float:
        time = found[self._extraction_key(job)]
        if self.machine.tflops:
            speed = 1e12 * self.machine.tflops
            sample, plain = time.flops / speed, time.plain_flops / speed
        else:
            sample, plain = time.sample, time.plain
        return float(work.samples * time.planned + work.snapshots * (work.samples * sample + plain))

    def operations(self, job: Job) -> int:
        """Floating-point operations of networks, a multiply-add counting as 2.

        Every coalition counts as a whole forward pass: an upper bound, as passes share work.
        Training counts as three forward passes.
        """
        work = self.workload.of(job)
        passes = 3 * work.trained + work.evaluated + work.forwards
        return passes * self.network(job, work).flops if passes else 0

    def disk(self, job: Job) -> int:
        """Bytes of the large files that a job leaves: weights, snapshots and interactions."""
        work = self.workload.of(job)
        if job.rule == "fetch_weights" or work.kept:
            return max(work.kept, 1) * self.network(job, work).file_bytes
        if job.rule in EXTRACTIONS:
            n_classes = self.workload.sizes[work.dataset].classes
            return round(work.snapshots * work.samples * self._group(job, work, n_classes))
        return 0

    def _group(self, job: Job, work: Work, n_classes: int) -> float:
        """Bytes of a sample in a file of interactions: two files of few samples tell."""
        key = (*self._extraction_key(job), n_classes)
        if key not in self._group_bytes:
            name = job.of("experiment") or ""
            settings = self.workload.config.extract(name)
            settings = settings.model_copy(update={"architecture": self.architectures[work.model]})
            sampling = self.workload.config.experiments[name].sampling
            masked = inputs.random_masked(settings, sampling, torch.device("cpu"))
            values = np.ones(1 << masked.n_players)
            one = Measurement(
                "",
                0,
                values,
                values,
                masked.players.numpy(),
                np.ones(n_classes, np.float32),
                "0" * 64,
            )
            count = min(work.samples, 24)
            samples = [
                Measurement(**{**vars(one), "sample": f"{index:05d}"}) for index in range(count)
            ]
            # As long as what stands in the file besides: settings, how the weights were made.
            attributes = {"settings": settings.to_json(), "made": "x" * 1500}
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "interactions.h5")
                write_measurements(path, samples, attributes)
                self._group_bytes[key] = path.stat().st_size / count
        return self._group_bytes[key]

    def memory(self, job: Job) -> int:
        """Bytes a job takes where it computes: on a card, or in the machine with its libraries."""
        work, resident = self.workload.of(job), self.calibration.resident
        on_card = bool(self.machine.gpus)
        if not work.model or job.rule not in ON_CARD:
            return 0 if on_card else resident
        network = self.network(job, work)
        if work.recipe is not None:
            half = work.recipe.mixed_precision and on_card
            needed = network.training_bytes(work.recipe, bfloat16=half)
        elif job.rule in EXTRACTIONS:
            extraction = self.workload.config.extraction.batch_size
            needed = network.forward_bytes(extraction or COALITIONS_AT_ONCE)
            if extraction is None and not on_card:  # see `fitting_batch_size`
                needed = min(needed, network.parameter_bytes + CPU_BYTES)
        else:
            batch = min(EVALUATION_BATCH, EVALUATION_NUMBERS // network.example.numel())
            needed = network.forward_bytes(batch)
        return needed if on_card else resident + needed
