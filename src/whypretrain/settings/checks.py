"""Checks across sections: every name is known, and what is combined fits together."""

from typing import TYPE_CHECKING

from whypretrain.settings.base import known, require
from whypretrain.settings.data import Digits
from whypretrain.settings.experiments import Experiment
from whypretrain.settings.interactions import GridPlayers, check_grid, check_room
from whypretrain.settings.models import ImageModel, TextModel

if TYPE_CHECKING:
    from whypretrain.settings.whole import Config

LARGEST_TILT = 45
"""Degrees; an image that is turned further might belong to the next quarter turn."""


def check_sections(config: "Config") -> None:
    """Check what no section can check alone.

    Raises
    ------
    ValueError
        With one line a mistake: the key, the value and what is allowed.
    """
    known("suite", config.suite, config.suites)
    for suite, names in config.suites.items():
        message = f"suites.{suite} = {names}: name at least one experiment, each once"
        require(names and len(set(names)) == len(names), message)
        for name in names:
            known(f"suites.{suite}", name, config.experiments | config.variations)
    for name, model in config.models.items():
        _check_weights(config, f"models.{name}.weights", model)
    for name, experiment in config.experiments.items():
        key = f"experiments.{name}"
        known(f"{key}.model", experiment.model, config.models)
        known(f"{key}.dataset", experiment.dataset, config.datasets)
        for variant in ("finetune", "scratch"):
            choice = getattr(experiment, variant)
            known(f"{key}.{variant}.recipe", choice.recipe, config.recipes)
            config.recipe(choice, f"{key}.{variant}.override")
        _check_upstream(config, f"{key}.dataset", experiment)
        _check_sampling(config, key, experiment)


def _check_weights(config: "Config", key: str, model: ImageModel | TextModel) -> None:
    weights = model.weights
    if weights.dataset is None or weights.recipe is None:
        return
    known(f"{key}.dataset", weights.dataset, config.datasets)
    known(f"{key}.recipe", weights.recipe, config.recipes)
    message = f"{key}.dataset: text models cannot be pre-trained here; give hub or path"
    require(isinstance(model, ImageModel), message)
    turned = config.recipes[weights.recipe].augmentation.rotate
    message = (
        f"{key}.labels = 'rotation': recipe '{weights.recipe}' turns images by up to "
        f"{turned:g} degrees itself; lower augmentation.rotate below {LARGEST_TILT}"
    )
    require(weights.labels != "rotation" or turned < LARGEST_TILT, message)


def _check_upstream(config: "Config", key: str, experiment: Experiment) -> None:
    upstream = config.models[experiment.model].weights.dataset or ""
    seen, tested = config.datasets.get(upstream), config.datasets[experiment.dataset]
    if isinstance(seen, Digits) and isinstance(tested, Digits):
        message = (
            f"{key} = '{experiment.dataset}': model '{experiment.model}' may be pre-trained on "
            f"images that this dataset tests on; give it and '{upstream}' the same classes and "
            f"seed, and set its test_from behind all training images"
        )
        require(not seen.may_train_on_tests_of(tested), message)


def _check_sampling(config: "Config", key: str, experiment: Experiment) -> None:
    players = experiment.sampling.players
    model, dataset = config.models[experiment.model], config.datasets[experiment.dataset]
    task = "image" if isinstance(model, ImageModel) else "text"
    message = (
        f"{key}.dataset = '{experiment.dataset}': is of task '{dataset.task}', model "
        f"'{experiment.model}' is for '{task}'"
    )
    require(dataset.task == task, message)
    kinds = ["grid", "superpixels", "annotations"] if task == "image" else ["words"]
    kinds += ["parts"] if dataset.source == "cub" else []
    message = (
        f"{key}.sampling.players.kind = '{players.kind}': on a dataset of source "
        f"'{dataset.source}' allowed: {', '.join(kinds)}"
    )
    require(players.kind in kinds, message)
    if isinstance(players, GridPlayers) and isinstance(model, ImageModel):
        check_grid(players, model.image_size, f"{key}.sampling.players", experiment.model)
    check_room(players, model, f"{key}.sampling.players.n", experiment.model)
