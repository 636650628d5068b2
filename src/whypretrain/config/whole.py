"""The whole configuration: checked before any work, and cut into what each stage needs.

`python -m whypretrain.config --help` does both by hand.
"""

from typing import Any, Self

import psutil
from pydantic import Field, ValidationError, model_validator

from whypretrain.config.base import Name, Section, allowed
from whypretrain.config.data import Dataset, Digits, PrepareSettings
from whypretrain.config.figures import Figures, FigureSettings
from whypretrain.config.interactions import (
    Extraction,
    ExtractSettings,
    SamplesSettings,
    Sampling,
)
from whypretrain.config.metrics import Metrics, MetricsSettings
from whypretrain.config.models import Model
from whypretrain.config.training import (
    PretrainSettings,
    Probe,
    ProbeSettings,
    Recipe,
    RecipeChoice,
    Snapshots,
    TrainedVariant,
    TrainSettings,
)
from whypretrain.interactions.players import grid_capacity

ARRAYS_IN_MEMORY = 16
"""Float64 arrays of shape (n_samples, 2**n) that the stage `metrics` holds at once, rounded up."""


class ConfigError(ValueError):
    """The configuration is wrong; the message names key, value and what is allowed."""


class Experiment(Section):
    """An architecture on a dataset: three models, their interactions, their comparison."""

    model: Name
    """One of `models`."""
    dataset: Name
    """The downstream task: one of `datasets`."""
    finetune: RecipeChoice
    """How the pre-trained weights are fine-tuned."""
    scratch: RecipeChoice
    """How the same architecture is trained from random weights."""
    title: str = ""
    """How figures call it; `<model> · <dataset>` if empty."""
    probe: Probe = Probe()
    """How the linear probe of the pre-trained model is fitted."""
    sampling: Sampling = Sampling()
    """What is explained: samples, players, baseline."""
    seed: int = 0
    """Of fine-tuning and of training from scratch: first weights, order and augmentation."""


class Config(Section):
    """config.yaml."""

    suite: Name = "embedded"
    """The suite to run; on the command line `--config suite=NAME`."""
    suites: dict[Name, list[Name]] = Field(min_length=1)
    """Experiments of each suite. Suites share an experiment's results."""
    experiments: dict[Name, Experiment]
    """Every experiment, whether or not a suite names it."""
    models: dict[Name, Model]
    """Architectures with their pre-trained weights."""
    datasets: dict[Name, Dataset]
    """Upstream and downstream datasets."""
    recipes: dict[Name, Recipe]
    """How networks are trained, by name."""
    snapshots: Snapshots = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1]
    """Fractions of every training run at which weights are kept and interactions measured."""
    extraction: Extraction = Extraction()
    """Numerics of the forward passes."""
    metrics: Metrics = Metrics()
    """Options of the tables."""
    figures: Figures = Figures()
    """Options of the figures."""

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        _known("suite", self.suite, self.suites)
        for suite, names in self.suites.items():
            if len(set(names)) < len(names) or not names:
                message = f"suites.{suite} = {names}: name at least one experiment, each once"
                raise ValueError(message)
            for name in names:
                _known(f"suites.{suite}", name, self.experiments)
        for name, model in self.models.items():
            _known(f"models.{name}.weights.dataset", model.weights.dataset, self.datasets)
            _known(f"models.{name}.weights.recipe", model.weights.recipe, self.recipes)
        for name, experiment in self.experiments.items():
            key = f"experiments.{name}"
            _known(f"{key}.model", experiment.model, self.models)
            _known(f"{key}.dataset", experiment.dataset, self.datasets)
            for variant in ("finetune", "scratch"):
                choice: RecipeChoice = getattr(experiment, variant)
                _known(f"{key}.{variant}.recipe", choice.recipe, self.recipes)
                self._recipe(choice, f"{key}.{variant}.override")
            self._check_players(experiment, f"{key}.sampling.players")
        return self

    def _check_players(self, experiment: Experiment, key: str) -> None:
        players = experiment.sampling.players
        capacity = grid_capacity(players.cells, players.margin)
        if players.n > capacity:
            message = (
                f"{key}.n = {players.n}: at most {capacity}, the cells of a "
                f"{players.cells}×{players.cells} grid inside a margin of {players.margin}; "
                f"lower n, raise cells or lower margin"
            )
            raise ValueError(message)
        image_size = self.models[experiment.model].image_size
        if players.cells > image_size:
            message = (
                f"{key}.cells = {players.cells}: at most {image_size}, "
                f"the image_size of model '{experiment.model}'"
            )
            raise ValueError(message)
        dataset = self.datasets[experiment.dataset]
        n_classes = len(dataset.classes) if isinstance(dataset, Digits) else 2
        n_samples = experiment.sampling.per_class * n_classes
        memory = psutil.virtual_memory().total
        most = (memory // (8 * ARRAYS_IN_MEMORY * n_samples)).bit_length() - 1
        if players.n > most:
            message = (
                f"{key}.n = {players.n}: at most {most}, as {ARRAYS_IN_MEMORY} float64 arrays of "
                f"{n_samples} × 2**n must fit in this machine's {memory / 2**30:.0f} GiB of memory"
            )
            raise ValueError(message)

    def _recipe(self, choice: RecipeChoice, key: str) -> Recipe:
        merged = {**self.recipes[choice.recipe].model_dump(), **choice.override}
        try:
            return Recipe.model_validate(merged)
        except ValidationError as error:
            message = f"{key}: {explain(error)}"
            raise ValueError(message) from error

    def suite_experiments(self) -> list[str]:
        """Names of the experiments of the suite that is run."""
        return self.suites[self.suite]

    def prepare(self, dataset: str) -> PrepareSettings:
        """Settings of the stage `prepare`."""
        return PrepareSettings(dataset=self.datasets[dataset])

    def pretrain(self, model: str) -> PretrainSettings:
        """Settings of the stage `pretrain`."""
        chosen = self.models[model]
        return PretrainSettings(
            architecture=chosen.architecture(),
            recipe=self.recipes[chosen.weights.recipe],
            seed=chosen.weights.seed,
        )

    def samples(self, experiment: str) -> SamplesSettings:
        """Settings of the stage `samples`."""
        chosen = self.experiments[experiment]
        model = self.models[chosen.model]
        return SamplesSettings(
            sampling=chosen.sampling, image_size=model.image_size, channels=model.channels
        )

    def probe(self, experiment: str) -> ProbeSettings:
        """Settings of the stage `probe`."""
        chosen = self.experiments[experiment]
        architecture = self.models[chosen.model].architecture()
        return ProbeSettings(architecture=architecture, probe=chosen.probe)

    def train(self, experiment: str, variant: TrainedVariant) -> TrainSettings:
        """Settings of the stage `train`."""
        chosen = self.experiments[experiment]
        choice = chosen.finetune if variant == "finetune" else chosen.scratch
        return TrainSettings(
            architecture=self.models[chosen.model].architecture(),
            variant=variant,
            recipe=self._recipe(choice, variant),
            snapshots=self.snapshots,
            seed=chosen.seed,
        )

    def extract(self, experiment: str) -> ExtractSettings:
        """Settings of the stage `extract`."""
        architecture = self.models[self.experiments[experiment].model].architecture()
        return ExtractSettings(architecture=architecture, extraction=self.extraction)

    def measure(self, experiment: str) -> MetricsSettings:
        """Settings of the stage `metrics`."""
        return MetricsSettings(experiment=experiment, metrics=self.metrics)

    def figure(self, suite: str) -> FigureSettings:
        """Settings of every figure of a suite."""
        names = self.suites[suite]
        titles = [self.title(name) for name in names]
        return FigureSettings(experiments=names, titles=titles, figures=self.figures)

    def title(self, experiment: str) -> str:
        """How figures call an experiment."""
        chosen = self.experiments[experiment]
        model = self.models[chosen.model].title or chosen.model
        return chosen.title or f"{model} · {chosen.dataset}"


def check(values: dict[str, Any]) -> Config:
    """Validate a configuration as read from YAML.

    Raises
    ------
    ConfigError
        With one line a mistake: the key, the value and what is allowed.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error)) from error


def explain(error: ValidationError) -> str:
    """One line a mistake: `key = value: what is wrong`."""
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"] if part != "[key]")
        reason = item["msg"].removeprefix("Value error, ")
        value = item["input"]
        shown = "" if isinstance(value, dict | Section) else f" = {value!r}"
        lines.append(f"{key}{shown}: {reason}" if key else reason)
    return "\n".join(lines)


def _known(key: str, name: str, names: dict[str, Any]) -> None:
    if name not in names:
        message = f"{key} = '{name}': unknown; {allowed(name, list(names))}"
        raise ValueError(message)
