"""The whole configuration: checked before any work, and cut into what each stage needs."""

from functools import cached_property
from typing import Any, Self, get_args

from pydantic import Field, ValidationError, model_validator

from whypretrain.settings.base import Name, Section
from whypretrain.settings.checks import check_sections
from whypretrain.settings.claims import ClaimsSettings, SimulationSettings
from whypretrain.settings.data import Dataset, Digits, PrepareSettings
from whypretrain.settings.experiments import Experiment
from whypretrain.settings.explorer import Explorer, ExplorerSettings, Setup
from whypretrain.settings.fetch import FetchSettings
from whypretrain.settings.figures import Figures, FigureSettings, Varied
from whypretrain.settings.interactions import Extraction, ExtractSettings, SamplesSettings
from whypretrain.settings.metrics import Metrics, MetricsSettings
from whypretrain.settings.mistakes import ConfigError, explain
from whypretrain.settings.models import (
    Architecture,
    ConvertSettings,
    ImageArchitecture,
    ImageModel,
    Model,
    TextArchitecture,
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
from whypretrain.settings.variations import Variation, expand, note_origins


class Config(Section):
    """config.yaml laid over the files in config/."""

    suite: Name = "embedded"
    """The suite to run; on the command line `--config suite=NAME`."""
    suites: dict[Name, list[Name]] = Field(min_length=1)
    """Experiments of each suite; the name of a variation stands for its base and all that it makes.
    Suites that name the same experiment share its results."""
    experiments: dict[Name, Experiment]
    """All experiments, whether or not a suite names them."""
    variations: dict[Name, Variation] = {}
    """Lists of experiments that each change one choice of a base."""
    models: dict[Name, Model]
    """Networks: architectures with their pre-trained weights."""
    datasets: dict[Name, Dataset]
    """Upstream and downstream datasets."""
    recipes: dict[Name, Recipe]
    """How networks are trained, by name."""
    snapshots: Snapshots = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1]
    """Fractions of every training run at which weights are kept and interactions measured."""
    extraction: Extraction = Extraction()
    """Numerics of the forward passes."""
    robustness: Robustness = Robustness()
    """Shifts of the test split under which the accuracy of final networks is measured."""
    metrics: Metrics = Metrics()
    """What counts as a salient interaction."""
    statistics: Statistics = Statistics()
    """Intervals and chance levels."""
    figures: Figures = Figures()
    """Options of the figures."""
    explorer: Explorer = Explorer()
    """What the explorer page holds."""
    planted: Planted = Planted()
    """The check with networks whose interactions are known in advance."""

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        check_sections(self)
        return self

    def suite_experiments(self) -> list[str]:
        """Names of the experiments in the suite to run."""
        return self.suites[self.suite]

    def varied(self) -> dict[str, Varied]:
        """How each experiment with a `factor` differs from its base, the first without a factor."""
        found = {}
        for name, own in self.experiments.items():
            levels: dict[str, str] = {}
            base, below = name, own
            while below.extends is not None and below.factor:
                levels = {below.factor: below.level} | levels
                base, below = below.extends, self.experiments[below.extends]
            if levels:
                found[name] = Varied(base=base, levels=levels)
        return found

    def recipe(self, choice: RecipeChoice, key: str) -> Recipe:
        """A named recipe with the keys that an experiment overrides.

        Parameters
        ----------
        key : what an error calls the place of the override

        Raises
        ------
        ValueError
            With one line a mistake in the override.
        """
        merged = {**self.recipes[choice.recipe].model_dump(), **choice.override}
        try:
            return Recipe.model_validate(merged)
        except ValidationError as error:
            message = "\n".join(f"{key}: {line}" for line in explain(error, merged).splitlines())
            raise ValueError(message) from error

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
        """What a network is built from: a model without its weights."""
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
        """The network of an experiment and a variant; experiments may share it."""
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
        return self._runs

    @cached_property
    def _runs(self) -> dict[str, Run]:
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
            recipe=self.recipe(chosen.how, run),
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

    def knowledge(self, experiment: str) -> MetricsSettings:
        """Settings of the stage `knowledge`."""
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
        """Settings of `validation.simulation`."""
        n_worlds = self.statistics.simulated_worlds
        return SimulationSettings(n_worlds=n_worlds, statistics=self.statistics)

    def title(self, experiment: str) -> str:
        """Name of an experiment in figures."""
        chosen = self.experiments[experiment]
        if chosen.title:
            return chosen.title
        if chosen.extends is not None and chosen.factor:
            return f"{self.title(chosen.extends)}, {chosen.factor} {chosen.level}"
        return f"{self.models[chosen.model].title or chosen.model} · {chosen.dataset}"


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
