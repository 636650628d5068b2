"""The whole configuration: checked before any work, and cut into what each stage needs."""

from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from whypretrain.settings.base import Name, Section, known, require
from whypretrain.settings.data import Dataset, Digits, PrepareSettings
from whypretrain.settings.experiments import Experiment, Run, Variation, expand, note_origins
from whypretrain.settings.fetch import FetchSettings
from whypretrain.settings.interactions import Extraction, ExtractSettings, SamplesSettings
from whypretrain.settings.knowledge import (
    AdaptingSettings,
    Metrics,
    MetricsSettings,
    Splitting,
    Statistics,
)
from whypretrain.settings.models import Architecture, ConvertSettings, ImageModel, Model
from whypretrain.settings.planted import Planted
from whypretrain.settings.reading import ConfigError, check_plain, explain
from whypretrain.settings.report import (
    ClaimsSettings,
    Drawing,
    Explorer,
    ExplorerSettings,
    Figures,
    FigureSettings,
    Setup,
    Varied,
)
from whypretrain.settings.robustness import Robustness, RobustnessSettings
from whypretrain.settings.similarity import SimilaritySettings
from whypretrain.settings.training import (
    PretrainSettings,
    Probe,
    ProbeSettings,
    Recipe,
    RecipeChoice,
    Snapshots,
    TrainSettings,
)

LARGEST_TILT = 45
"""Degrees; an image that is turned further might belong to the next quarter turn."""


class Config(Section):
    """config.yaml merged over the files in config/."""

    suite: Name = "embedded"
    """The suite to run; on the command line `--config suite=NAME`."""
    suites: dict[Name, list[Name]] = Field(min_length=1)
    """Experiments of each suite. The name of a variation stands for its base and all experiments
    that it makes. Suites that name the same experiment share its results."""
    experiments: dict[Name, Experiment]
    """All experiments, whether or not a suite names them."""
    variations: dict[Name, Variation] = {}
    """Sets of experiments that each change one choice of a base experiment."""
    models: dict[Name, Model]
    """Networks: architectures and their pre-trained weights."""
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
    """What the explorer page shows."""
    planted: Planted = Planted()
    """The check with networks whose interactions are known in advance."""

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        known("suite", self.suite, self.suites)
        for suite, names in self.suites.items():
            message = f"suites.{suite} = {names}: name at least one experiment, each once"
            require(names and len(set(names)) == len(names), message)
            for name in names:
                known(f"suites.{suite}", name, self.experiments | self.variations)
        for name, model in self.models.items():
            self._check_weights(f"models.{name}.weights", model)
        for name, experiment in self.experiments.items():
            key = f"experiments.{name}"
            known(f"{key}.model", experiment.model, self.models)
            known(f"{key}.dataset", experiment.dataset, self.datasets)
            for variant in ("finetune", "scratch"):
                choice = getattr(experiment, variant)
                known(f"{key}.{variant}.recipe", choice.recipe, self.recipes)
                self.recipe(choice, f"{key}.{variant}.override")
            for way, choice in experiment.variants.items():
                known(f"{key}.variants.{way}.recipe", choice.recipe, self.recipes)
                recipe = self.recipe(choice, f"{key}.variants.{way}.override")
                kind = self.models[experiment.model].kind
                message = (
                    f"{key}.variants.{way}.override.trained = 'lora': model "
                    f"'{experiment.model}' is of kind '{kind}', LoRA is for transformers"
                )
                require(recipe.trained != "lora" or kind == "transformer", message)
            self._check_dataset(f"{key}.dataset", experiment)
            self._check_players(f"{key}.sampling.players", experiment)
        return self

    def _check_weights(self, key: str, model: Model) -> None:
        weights = model.weights
        if weights.dataset is None or weights.recipe is None:
            return
        known(f"{key}.dataset", weights.dataset, self.datasets)
        known(f"{key}.recipe", weights.recipe, self.recipes)
        message = f"{key}.dataset: text models cannot be pre-trained here; give hub or path"
        require(isinstance(model, ImageModel), message)
        turned = self.recipes[weights.recipe].augmentation.largest_turn
        message = (
            f"{key}.labels = 'rotation': recipe '{weights.recipe}' turns images by up to "
            f"{turned:g} degrees itself; lower augmentation.rotate, or magnitude and n_ops of "
            f"augmentation.randaugment, until that is below {LARGEST_TILT}"
        )
        require(weights.labels != "rotation" or turned < LARGEST_TILT, message)

    def _check_dataset(self, key: str, experiment: Experiment) -> None:
        model, tested = self.models[experiment.model], self.datasets[experiment.dataset]
        upstream = model.weights.dataset or ""
        seen = self.datasets.get(upstream)
        if isinstance(seen, Digits) and isinstance(tested, Digits):
            message = (
                f"{key} = '{experiment.dataset}': model '{experiment.model}' may be pre-trained "
                f"on images that this dataset tests on; give it and '{upstream}' the same classes "
                f"and seed, and set its test_from behind all training images"
            )
            require(not seen.may_train_on_tests_of(tested), message)
        task = "image" if isinstance(model, ImageModel) else "text"
        message = (
            f"{key} = '{experiment.dataset}': is of task '{tested.task}', model "
            f"'{experiment.model}' is for '{task}'"
        )
        require(tested.task == task, message)

    def _check_players(self, key: str, experiment: Experiment) -> None:
        players = experiment.sampling.players
        model, dataset = self.models[experiment.model], self.datasets[experiment.dataset]
        is_image = isinstance(model, ImageModel)
        kinds = ["grid", "superpixels", "annotations"] if is_image else ["words"]
        kinds += ["parts"] if dataset.source == "cub" else []
        message = (
            f"{key}.kind = '{players.kind}': on a dataset of source '{dataset.source}' "
            f"allowed: {', '.join(kinds)}"
        )
        require(players.kind in kinds, message)
        if players.kind == "grid" and isinstance(model, ImageModel):
            players.check(key, model.image_size, experiment.model)

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

        Raises ValueError, with one line a mistake in the override, whose place it calls `key`.
        """
        merged = {**self.recipes[choice.recipe].model_dump(), **choice.override}
        try:
            return Recipe.model_validate(merged)
        except ValidationError as error:
            message = "\n".join(f"{key}: {line}" for line in explain(error, merged).splitlines())
            raise ValueError(message) from error

    def prepare(self, dataset: str) -> PrepareSettings:
        return PrepareSettings(dataset=self.datasets[dataset])

    def fetch_dataset(self, dataset: str) -> FetchSettings:
        chosen = self.datasets[dataset]
        return FetchSettings(
            path_key=f"datasets.{dataset}.path",
            hub=getattr(chosen, "hub", None),
            archive=getattr(chosen, "archive", None),
        )

    def fetch_weights(self, model: str) -> FetchSettings:
        hub = self.models[model].weights.hub
        return FetchSettings(path_key=f"models.{model}.weights.path", repo_type="model", hub=hub)

    def architecture(self, model: str) -> Architecture:
        """What a network is built from: a model without its weights."""
        return self.models[model].architecture(model)

    def convert(self, model: str) -> ConvertSettings:
        return ConvertSettings(architecture=self.architecture(model))

    def pretrain(self, model: str) -> PretrainSettings:
        weights = self.models[model].weights
        assert weights.recipe is not None
        return PretrainSettings(
            architecture=self.architecture(model),
            recipe=self.recipes[weights.recipe],
            labels=weights.labels,
            seed=weights.seed,
        )

    def samples(self, experiment: str) -> SamplesSettings:
        own = self.experiments[experiment]
        return SamplesSettings(sampling=own.sampling, architecture=self.architecture(own.model))

    def run(self, experiment: str, variant: str) -> Run:
        """The network of an experiment and a variant; experiments may share it."""
        return self.experiments[experiment].runs()[variant]

    def variants(self, experiment: str) -> list[str]:
        """The networks of an experiment."""
        return list(self.experiments[experiment].runs())

    def trajectories(self, experiment: str) -> list[str]:
        """The networks of an experiment of which all snapshots are measured."""
        return self.experiments[experiment].whole()

    def whole_runs(self) -> set[str]:
        """Names of runs of which some experiment measures all snapshots."""
        return {own.runs()[name].name for own in self.experiments.values() for name in own.whole()}

    def runs(self) -> dict[str, Run]:
        """Every network of every experiment, by name."""
        found = [run for own in self.experiments.values() for run in own.runs().values()]
        return {run.name: run for run in found}

    def probe(self, run: str) -> ProbeSettings:
        chosen = self.runs()[run]
        assert isinstance(chosen.how, Probe)
        return ProbeSettings(architecture=self.architecture(chosen.model), probe=chosen.how)

    def train(self, run: str) -> TrainSettings:
        chosen = self.runs()[run]
        assert isinstance(chosen.how, RecipeChoice)
        assert chosen.variant != "probe"
        return TrainSettings(
            architecture=self.architecture(chosen.model),
            variant=chosen.variant,
            recipe=self.recipe(chosen.how, run),
            snapshots=self.snapshots if run in self.whole_runs() else [0, 1],
            tested="every epoch" if run in self.whole_runs() else "first and last epoch",
            seed=chosen.seed,
        )

    def robustness_of(self, run: str) -> RobustnessSettings:
        architecture = self.architecture(self.runs()[run].model)
        return RobustnessSettings(architecture=architecture, robustness=self.robustness)

    def similarity(self, experiment: str) -> SimilaritySettings:
        architecture = self.architecture(self.experiments[experiment].model)
        return SimilaritySettings(
            experiment=experiment,
            architecture=architecture,
            variants=self.variants(experiment),
        )

    def extract(self, experiment: str) -> ExtractSettings:
        chosen = self.experiments[experiment]
        return ExtractSettings(
            architecture=self.architecture(chosen.model),
            background=chosen.sampling.background,
            extraction=self.extraction,
        )

    def decompose(self, experiment: str) -> Splitting:
        chosen = self.experiments[experiment].interactions
        return Splitting(**chosen.model_dump(include=set(Splitting.model_fields)))

    def knowledge(self, experiment: str) -> MetricsSettings:
        own = self.experiments[experiment]
        return MetricsSettings(
            experiment=experiment,
            seeds=own.seeds,
            metrics=self.metrics,
            statistics=self.statistics,
            least_scratch_accuracy=own.least_scratch_accuracy,
        )

    def adapting(self, experiment: str) -> AdaptingSettings:
        chosen = self.experiments[experiment]
        return AdaptingSettings(
            experiment=experiment,
            seeds=chosen.seeds,
            networks=self.variants(experiment),
            titles={name: way.title or name for name, way in chosen.variants.items()},
            statistics=self.statistics,
        )

    def figure(self, suite: str) -> FigureSettings:
        names, varied = self.suites[suite], self.varied()
        return FigureSettings(
            experiments=names,
            titles=[self.title(name) for name in names],
            varied={name: varied[name] for name in names if name in varied},
            figures=Drawing(**self.figures.model_dump(include=set(Drawing.model_fields))),
            statistics=self.statistics,
        )

    def claims(self, suite: str) -> ClaimsSettings:
        names = self.suites[suite]
        return ClaimsSettings(
            **dict(self.figure(suite)),
            kinds=[self.models[self.experiments[name].model].kind for name in names],
        )

    def explore(self, suite: str) -> ExplorerSettings:
        shown = set(Setup.model_fields) - {"players", "interactions"}
        return ExplorerSettings(
            **dict(self.figure(suite)),
            suite=suite,
            setups=[
                Setup(
                    players=own.sampling.players.kind,
                    interactions=own.interactions.kind,
                    **own.model_dump(include=shown),
                )
                for own in map(self.experiments.__getitem__, self.suites[suite])
            ],
            snapshots=self.snapshots,
            metrics=self.metrics,
            explorer=self.explorer,
        )

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

    Raises ConfigError, with one line a mistake: the key, the value and what is allowed.
    """
    try:
        values = expand(check_plain(values))
        return Config.model_validate(values)
    except ValidationError as error:  # a ValueError, too
        raise ConfigError(note_origins(explain(error, values), values)) from error
    except ValueError as error:
        raise ConfigError(str(error)) from error
