"""What each job has to compute and to keep: exact arithmetic from configuration and sizes."""

from collections.abc import Sequence
from typing import NamedTuple

from whypretrain.data.rotations import N_ROTATIONS
from whypretrain.networks.train import n_batches
from whypretrain.settings.models import Architecture
from whypretrain.settings.training import Recipe
from whypretrain.settings.whole import Config
from workflow.lib.plan.jobs import Job, waits_for
from workflow.lib.plan.sizes import DatasetSize

SHARED, SUITE = "shared by several", "figures and claims"
OF_SUITE = {"claims", "explorer", "figure"}
TRAININGS = {"pretrain", "finetune", "scratch"}
EXTRACTIONS = {"extract", "extract_final"}
ON_CARD = TRAININGS | EXTRACTIONS | {"probe", "robustness"}


class Work(NamedTuple):
    """What a job computes.

    `steps` of training and the items they see; items that are `evaluated`; `samples`, `snapshots`
    and `forwards` of extraction; snapshots `kept` as files.
    """

    model: str = ""
    dataset: str = ""
    recipe: Recipe | None = None
    steps: int = 0
    trained: int = 0
    evaluated: int = 0
    samples: int = 0
    snapshots: int = 0
    forwards: int = 0
    kept: int = 0


class Workload:
    """The work of the jobs of a configuration's suite.

    Parameters
    ----------
    sizes : of the datasets that are known
    """

    def __init__(self, config: Config, sizes: dict[str, DatasetSize]) -> None:
        self.config, self.sizes, self.runs = config, sizes, config.runs()

    def missing(self, job: Job) -> set[str]:
        """Datasets whose size one must know to say what a job costs, and does not."""
        found = {job.of("dataset") or ""}
        if job.rule == "pretrain":
            found.add(self.config.models[job.of("model") or ""].weights.dataset or "")
        if job.of("run"):
            found.add(self.runs[job.of("run") or ""].dataset)
        if job.of("experiment"):
            found.add(self.config.experiments[job.of("experiment") or ""].dataset)
        return found - self.sizes.keys() - {""}

    def of(self, job: Job) -> Work:
        """What a job of known size computes."""
        run, experiment = job.of("run"), job.of("experiment")
        if job.rule == "pretrain":
            return self._upstream(job.of("model") or "")
        if run is not None:
            chosen = self.runs[run]
            size = self.sizes[chosen.dataset]
            if job.rule in TRAININGS:
                recipe = self.config.train(run).recipe
                kept = len(self.config.snapshots)
                return _training(chosen.model, chosen.dataset, recipe, size[1:3], kept)
            work = Work(chosen.model, chosen.dataset)
            if job.rule == "probe":
                return work._replace(evaluated=size.train + size.test, kept=1)
            n_shifts = len(self.config.robustness_of(run).shifts())
            return work._replace(evaluated=n_shifts * size.test)
        if experiment is not None:
            return self._measured(experiment, job)
        if job.of("model"):
            return Work(job.of("model") or "", kept=1)
        return Work(dataset=job.of("dataset") or "")

    def _upstream(self, model: str) -> Work:
        settings = self.config.pretrain(model)
        dataset = self.config.models[model].weights.dataset or ""
        times = N_ROTATIONS if settings.labels == "rotation" else 1
        items = (times * self.sizes[dataset].train, times * self.sizes[dataset].test)
        return _training(model, dataset, settings.recipe, items, kept=1)

    def _measured(self, experiment: str, job: Job) -> Work:
        chosen, n_classes = self.config.experiments[experiment], 0
        n_classes = self.sizes[chosen.dataset].classes
        n_samples = sum(chosen.sampling.of_class(c, n_classes) for c in range(n_classes))
        work = Work(chosen.model, chosen.dataset, samples=n_samples)
        if job.rule in EXTRACTIONS:
            count = len(job.outputs)
        elif job.rule == "metrics":
            count = 2 * len(self.config.snapshots) + len(self.config.variants(experiment)) - 2
        else:
            return work
        forwards = (n_samples * count) << chosen.sampling.players.n
        is_extraction = job.rule in EXTRACTIONS
        return work._replace(snapshots=count, forwards=forwards if is_extraction else 0)

    def n_classes(self, work: Work, rule: str) -> int:
        """Outputs of the network of a job."""
        if rule == "pretrain" and self.config.pretrain(work.model).labels == "rotation":
            return N_ROTATIONS
        return self.sizes[work.dataset].classes if work.dataset in self.sizes else 2

    def architecture(self, model: str) -> Architecture:
        """What a network is built from."""
        return self.config.architecture(model)


def _training(model: str, dataset: str, recipe: Recipe, items: Sequence[int], kept: int) -> Work:
    n_train, n_test = items
    return Work(
        model,
        dataset,
        recipe,
        steps=recipe.epochs * n_batches(n_train, recipe),
        trained=recipe.epochs * n_train,
        evaluated=(recipe.epochs + 1) * n_test,
        kept=kept,
    )


def owners(jobs: Sequence[Job]) -> list[str]:
    """The experiment that each job is for: its own, or the only one that needs what it makes."""
    before = waits_for(jobs)
    users: list[set[str]] = [
        {job.of("experiment") or ""} - {""} if job.rule not in OF_SUITE else set() for job in jobs
    ]
    changed = True
    while changed:
        changed = False
        for position, needed in enumerate(before):
            if jobs[position].rule in OF_SUITE:
                continue
            for maker in needed:
                if not users[position] <= users[maker]:
                    users[maker] |= users[position]
                    changed = True
    return [
        SUITE if job.rule in OF_SUITE else next(iter(found)) if len(found) == 1 else SHARED
        for job, found in zip(jobs, users, strict=True)
    ]
