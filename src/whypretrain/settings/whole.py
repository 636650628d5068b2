"""The whole configuration: checked before any work, and cut into what each stage needs.

`python -m whypretrain.settings --help` does both by hand.
"""

from typing import Any, Self, get_args

import psutil
from pydantic import Field, ValidationError, model_validator

from whypretrain.settings.base import Name, Section, allowed
from whypretrain.settings.claims import ClaimsSettings, SimulationSettings
from whypretrain.settings.data import Dataset, Digits, PrepareSettings
from whypretrain.settings.experiments import Experiment
from whypretrain.settings.explorer import Explorer, ExplorerSettings, Setup
from whypretrain.settings.fetch import FetchSettings
from whypretrain.settings.figures import Figures, FigureSettings
from whypretrain.settings.interactions import (
    Extraction,
    ExtractSettings,
    GridPlayers,
    SamplesSettings,
    Sampling,
    check_grid,
    check_room,
)
from whypretrain.settings.metrics import Metrics, MetricsSettings
from whypretrain.settings.mistakes import ConfigError, explain
from whypretrain.settings.models import (
    Architecture,
    ConvertSettings,
    ImageArchitecture,
    ImageModel,
    Model,
    TextArchitecture,
    TextModel,
)
from whypretrain.settings.planted import Planted
from whypretrain.settings.reading import check_plain
from whypretrain.settings.robustness import Robustness, RobustnessSettings
from whypretrain.settings.runs import ModelName, Run, Variant
from whypretrain.settings.statistics import Statistics
from whypretrain.settings.training import (
    PretrainSettings,
    Probe,
    ProbeSettings,
    Recipe,
    RecipeChoice,
    Snapshots,
    TrainSettings,
)
from whypretrain.settings.variations import Variation, Varied, expand, note_origins

ARRAYS_IN_MEMORY = 16
"""Float64 arrays of shape (n_samples, 2**n) that the stage `metrics` holds at once, rounded up."""


LARGEST_TILT = 45
"""Degrees from which on an image that is turned might as well be one of the next quarter turn."""


class Config(Section):
    """config.yaml."""

    suite: Name = "embedded"
    """The suite to run; on the command line `--config suite=NAME`."""
    suites: dict[Name, list[Name]] = Field(min_length=1)
    """Experiments of each suite; a variation stands for its base and all that it makes. Suites
    share an experiment's results."""
    experiments: dict[Name, Experiment]
    """Every experiment, whether or not a suite names it."""
    variations: dict[Name, Variation] = {}
    """Experiments that are made from one by changing what it chooses."""
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
    robustness: Robustness = Robustness()
    """Shifts of the test split under which final networks are measured."""
    metrics: Metrics = Metrics()
    """Options of the tables."""
    statistics: Statistics = Statistics()
    """Intervals and null controls."""
    figures: Figures = Figures()
    """Options of the figures."""
    explorer: Explorer = Explorer()
    """What the explorer's page holds."""
    planted: Planted = Planted()
    """The check with networks whose interactions are known."""

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        _known("suite", self.suite, self.suites)
        for suite, names in self.suites.items():
            if len(set(names)) < len(names) or not names:
                message = f"suites.{suite} = {names}: name at least one experiment, each once"
                raise ValueError(message)
            for name in names:
                _known(f"suites.{suite}", name, self.experiments | self.variations)
        for name, model in self.models.items():
            self._check_weights(name, model)
        for name, experiment in self.experiments.items():
            key = f"experiments.{name}"
            _known(f"{key}.model", experiment.model, self.models)
            _known(f"{key}.dataset", experiment.dataset, self.datasets)
            for variant in ("finetune", "scratch"):
                choice: RecipeChoice = getattr(experiment, variant)
                _known(f"{key}.{variant}.recipe", choice.recipe, self.recipes)
                self._recipe(choice, f"{key}.{variant}.override")
            self._check_upstream(experiment, key)
            self._check_sampling(experiment, f"{key}.sampling")
        return self

    def _check_weights(self, name: str, model: ImageModel | TextModel) -> None:
        key, weights = f"models.{name}.weights", model.weights
        if weights.dataset is None or weights.recipe is None:
            return
        _known(f"{key}.dataset", weights.dataset, self.datasets)
        _known(f"{key}.recipe", weights.recipe, self.recipes)
        if isinstance(model, TextModel):
            message = f"{key}.dataset: text models are not trained upstream here; give hub or path"
            raise ValueError(message)
        turned = self.recipes[weights.recipe].augmentation.rotate
        if weights.labels == "rotation" and turned >= LARGEST_TILT:
            message = (
                f"{key}.labels = 'rotation': recipe '{weights.recipe}' turns images by up to "
                f"{turned:g} degrees itself; lower augmentation.rotate below {LARGEST_TILT}"
            )
            raise ValueError(message)

    def _check_upstream(self, experiment: Experiment, key: str) -> None:
        upstream = self.models[experiment.model].weights.dataset
        seen, tested = self.datasets.get(upstream or ""), self.datasets[experiment.dataset]
        if not (isinstance(seen, Digits) and isinstance(tested, Digits)):
            return
        if seen.may_train_on_tests_of(tested):
            message = (
                f"{key}.dataset = '{experiment.dataset}': model '{experiment.model}' may be "
                f"pre-trained on images that this dataset tests on; give it and '{upstream}' the "
                f"same classes and seed, and it a test_from behind all training images"
            )
            raise ValueError(message)

    def _check_sampling(self, experiment: Experiment, key: str) -> None:
        sampling, model = experiment.sampling, self.models[experiment.model]
        dataset = self.datasets[experiment.dataset]
        task = "image" if isinstance(model, ImageModel) else "text"
        if dataset.task != task:
            message = (
                f"{key.rpartition('.')[0]}.dataset = '{experiment.dataset}': is of task "
                f"'{dataset.task}', model '{experiment.model}' is for '{task}'"
            )
            raise ValueError(message)
        allowed_kinds = ["grid", "superpixels", "annotations"] if task == "image" else ["words"]
        if dataset.source == "cub":
            allowed_kinds.append("parts")
        if sampling.players.kind not in allowed_kinds:
            message = (
                f"{key}.players.kind = '{sampling.players.kind}': on a dataset of source "
                f"'{dataset.source}' allowed: {', '.join(allowed_kinds)}"
            )
            raise ValueError(message)
        if isinstance(sampling.players, GridPlayers) and isinstance(model, ImageModel):
            check_grid(sampling.players, model.image_size, f"{key}.players", experiment.model)
        check_room(sampling.players, model, f"{key}.players.n", experiment.model)
        self._check_memory(sampling, dataset, f"{key}.players.n")

    def _check_memory(self, sampling: Sampling, dataset: Dataset, key: str) -> None:
        n_classes = len(dataset.classes) if isinstance(dataset, Digits) else 2
        n_samples = sum(sampling.of_class(label, n_classes) for label in range(n_classes))
        memory = psutil.virtual_memory().total
        most = (memory // (8 * ARRAYS_IN_MEMORY * n_samples)).bit_length() - 1
        if sampling.players.n > most:
            message = (
                f"{key} = {sampling.players.n}: at most {most}, as {ARRAYS_IN_MEMORY} float64 "
                f"arrays of {n_samples} × 2**n must fit in this machine's "
                f"{memory / 2**30:.0f} GiB of memory"
            )
            raise ValueError(message)

    def _recipe(self, choice: RecipeChoice, key: str) -> Recipe:
        merged = {**self.recipes[choice.recipe].model_dump(), **choice.override}
        try:
            return Recipe.model_validate(merged)
        except ValidationError as error:
            message = "\n".join(f"{key}: {line}" for line in explain(error, merged).splitlines())
            raise ValueError(message) from error

    def suite_experiments(self) -> list[str]:
        """Names of the experiments of the suite that is run."""
        return self.suites[self.suite]

    def varied(self) -> dict[str, Varied]:
        """How every experiment that a variation made differs from its base."""
        made: dict[str, Varied] = {}
        for variation in self.variations.values():
            made |= variation.experiments()
        return made

    def prepare(self, dataset: str) -> PrepareSettings:
        """Settings of the stage `prepare`."""
        return PrepareSettings(dataset=self.datasets[dataset])

    def fetch_dataset(self, dataset: str) -> FetchSettings:
        """Settings of the stage `fetch` for a dataset."""
        chosen = self.datasets[dataset]
        assert not isinstance(chosen, Digits)
        return chosen.fetch(dataset)

    def fetch_weights(self, model: str) -> FetchSettings:
        """Settings of the stage `fetch` for pre-trained weights."""
        hub = self.models[model].weights.hub
        return FetchSettings(path_key=f"models.{model}.weights.path", repo_type="model", hub=hub)

    def architecture(self, model: str) -> Architecture:
        """What a network is built from: the part of a model that is not its weights."""
        chosen = self.models[model]
        if isinstance(chosen, ImageModel):
            fields = set(ImageArchitecture.model_fields)
            return ImageArchitecture(**chosen.model_dump(include=fields))
        shared = chosen.model_dump(exclude={"title", "kind", "weights"})
        return TextArchitecture(**shared, folder=f"results/pretrained/{model}/transformers")

    def convert(self, model: str) -> ConvertSettings:
        """Settings of the stage `convert`."""
        return ConvertSettings(architecture=self.architecture(model))

    def pretrain(self, model: str) -> PretrainSettings:
        """Settings of the stage `pretrain`."""
        weights = self.models[model].weights
        assert weights.recipe is not None
        return PretrainSettings(
            architecture=self.architecture(model),
            recipe=self.recipes[weights.recipe],
            labels=weights.labels,
            seed=weights.seed,
        )

    def samples(self, experiment: str) -> SamplesSettings:
        """Settings of the stage `samples`."""
        chosen = self.experiments[experiment]
        architecture = self.architecture(chosen.model)
        return SamplesSettings(sampling=chosen.sampling, architecture=architecture)

    def run(self, experiment: str, variant: ModelName) -> Run:
        """The network that an experiment takes for a variant; others may take it as well."""
        chosen = self.experiments[experiment]
        if variant == "probe":
            return Run(chosen.model, chosen.dataset, variant, chosen.probe, seed=0)
        if variant == "replicate":
            assert chosen.replicate_seed is not None
            seed = chosen.replicate_seed
            return Run(chosen.model, chosen.dataset, "finetune", chosen.finetune, seed)
        choice = chosen.finetune if variant == "finetune" else chosen.scratch
        return Run(chosen.model, chosen.dataset, variant, choice, chosen.seed)

    def variants(self, experiment: str) -> list[ModelName]:
        """The networks of an experiment."""
        replicated = self.experiments[experiment].replicate_seed is not None
        return [*get_args(Variant), *(["replicate"] if replicated else [])]

    def runs(self) -> dict[str, Run]:
        """Every network of every experiment, by name."""
        found = [self.run(e, v) for e in self.experiments for v in self.variants(e)]
        return {run.name: run for run in found}

    def probe(self, run: str) -> ProbeSettings:
        """Settings of the stage `probe`."""
        chosen = self.runs()[run]
        assert isinstance(chosen.how, Probe)
        return ProbeSettings(architecture=self.architecture(chosen.model), probe=chosen.how)

    def train(self, run: str) -> TrainSettings:
        """Settings of the stage `train`."""
        chosen = self.runs()[run]
        assert isinstance(chosen.how, RecipeChoice)
        assert chosen.variant != "probe"
        return TrainSettings(
            architecture=self.architecture(chosen.model),
            variant=chosen.variant,
            recipe=self._recipe(chosen.how, run),
            snapshots=self.snapshots,
            seed=chosen.seed,
        )

    def robustness_of(self, run: str) -> RobustnessSettings:
        """Settings of the stage `robustness`."""
        architecture = self.architecture(self.runs()[run].model)
        return RobustnessSettings(architecture=architecture, robustness=self.robustness)

    def extract(self, experiment: str) -> ExtractSettings:
        """Settings of the stage `extract`."""
        chosen = self.experiments[experiment]
        return ExtractSettings(
            architecture=self.architecture(chosen.model),
            background=chosen.sampling.background,
            extraction=self.extraction,
        )

    def measure(self, experiment: str) -> MetricsSettings:
        """Settings of the stage `metrics`."""
        return MetricsSettings(
            experiment=experiment, metrics=self.metrics, statistics=self.statistics
        )

    def figure(self, suite: str) -> FigureSettings:
        """Settings of every figure of a suite."""
        names, varied = self.suites[suite], self.varied()
        return FigureSettings(
            experiments=names,
            titles=[self.title(name) for name in names],
            varied={name: varied[name] for name in names if name in varied},
            figures=self.figures,
            statistics=self.statistics,
        )

    def claims(self, suite: str) -> ClaimsSettings:
        """Settings of the stage `claims`."""
        names = self.suites[suite]
        return ClaimsSettings(
            **dict(self.figure(suite)),
            kinds=[self.models[self.experiments[name].model].kind for name in names],
        )

    def explore(self, suite: str) -> ExplorerSettings:
        """Settings of the stage `explorer`."""
        chosen = [self.experiments[name] for name in self.suites[suite]]
        return ExplorerSettings(
            **dict(self.figure(suite)),
            suite=suite,
            setups=[
                Setup(
                    model=experiment.model,
                    dataset=experiment.dataset,
                    players=experiment.sampling.players.kind,
                    seed=experiment.seed,
                    replicate_seed=experiment.replicate_seed,
                )
                for experiment in chosen
            ],
            snapshots=self.snapshots,
            metrics=self.metrics,
            explorer=self.explorer,
        )

    def simulation(self) -> SimulationSettings:
        """Settings of the stage `claims.simulation`."""
        n_worlds = self.statistics.simulated_worlds
        return SimulationSettings(n_worlds=n_worlds, statistics=self.statistics)

    def title(self, experiment: str) -> str:
        """How figures call an experiment; one that a variation made by what is varied."""
        varied = self.varied().get(experiment)
        if varied:
            changes = [f"{factor} {level}" for factor, level in varied.levels.items()]
            return ", ".join([self.title(varied.base), *changes])
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
    check_plain(values)
    try:
        values = expand(values)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(note_origins(explain(error, values), values)) from error


def _known(key: str, name: str, names: dict[str, Any]) -> None:
    if name not in names:
        message = f"{key} = '{name}': unknown; {allowed(name, list(names))}"
        raise ValueError(message)
