"""config.yaml: what is accepted, and one clear message for what is not."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from whypretrain.settings.__main__ import reference, schema
from whypretrain.settings.base import Section
from whypretrain.settings.reading import ConfigError, read_over
from whypretrain.settings.training import Recipe
from whypretrain.settings.whole import Config, check

ROOT = Path(__file__).parents[2]
VALID = read_over(ROOT / "config.yaml")

# (path to the key, value put there, what the message must say)
MISTAKES = [
    ("sute", "embedded", "unknown key 'sute'; did you mean 'suite'? allowed: suite, suites"),
    (
        "suite",
        "paperr",
        "suite = 'paperr': unknown; did you mean 'paper'? allowed: adapting, embedded_seeds, pa",
    ),
    ("suites.embedded", ["vgg-digit"], "did you mean 'vgg-digits'?"),
    ("suites.embedded", [], "suites.embedded = []: name at least one experiment"),
    ("suites.embedded", ["vgg-digits", "vgg-digits"], "each once"),
    ("suites.a/b", ["vgg-digits"], "suites.a/b"),
    ("experiments.vgg-digits.model", "vgg", "experiments.vgg-digits.model = 'vgg': unknown"),
    ("experiments.vgg-digits.dataset", "mnist", "allowed: digits_0to4, digits_5to9"),
    ("experiments.vgg-digits.finetune.recipe", "x", "experiments.vgg-digits.finetune.recipe = 'x'"),
    ("experiments.vgg-digits.finetune.override", {"epoch": 3}, "did you mean 'epochs'?"),
    ("experiments.vgg-digits.scratch.override", {"epochs": 0}, "epochs = 0: Input should be gr"),
    ("experiments.vgg-digits.sampling.per_class", 0, "per_class = 0"),
    (
        "experiments.vgg-digits.sampling.players.n",
        17,
        "players.n = 17: at most 16, as the workflow",
    ),
    ("experiments.vgg-digits.sampling.players.margin", 1, "n = 10: at most 4, the cells of"),
    ("experiments.vgg-digits.sampling.players.cells", 29, "cells = 29: at most 28, the image_size"),
    ("experiments.vgg-digits.sampling.players.kind", "voronoi", "'grid'"),
    ("experiments.vgg-digits.sampling.baseline", "black", "'pixel_mean'"),
    ("experiments.vgg-digits.sampling.background", "blur", "'keep' or 'mask'"),
    ("experiments.vgg-digits.interactions.kind", "or", "kind = 'or': Input should be 'harsanyi'"),
    ("experiments.vgg-digits.interactions.tolerance", 0, "tolerance = 0: Input should be greater"),
    ("experiments.vgg-digits.seeds", ["0"], "experiments.vgg-digits.seeds.0 = '0'"),
    ("experiments.vgg-digits.least_scratch_accuracy", 45, "accuracy = 45: Input should be less"),
    ("experiments.vgg-digits.probe.l2", 0, "probe.l2 = 0: Input should be greater than 0"),
    ("snapshots", [0, 0.5, 1.5], "snapshots.2 = 1.5: Input should be less than or equal to 1"),
    ("snapshots", [-0.1, 0, 1], "snapshots.0 = -0.1"),
    ("snapshots", [0, 0.5], "must begin with 0 and end with 1"),
    ("snapshots", [0, 0.5, 0.2, 1], "must increase strictly"),
    ("snapshots", [0, 0.12345, 1], "0.12345 has more than 4 decimal places"),
    ("snapshots", "all", "snapshots = 'all': Input should be a valid list"),
    ("models.vgg_mini.image_size", 28.5, "models.vgg_mini.image_size = 28.5"),
    ("models.vgg_mini.channels", 2, "models.vgg_mini.channels = 2: Input should be 1 or 3"),
    ("models.vgg_mini.mean", [0.1, 0.2], "mean = [0.1, 0.2]: needs one value per channel (1)"),
    ("models.vgg_mini.std", [0.0], "models.vgg_mini.std.0 = 0.0"),
    ("models.vgg_mini.options", {"num_classes": 3}, "['num_classes'] are set by the workflow"),
    ("models.vgg_mini.weights.dataset", "imagenet", "models.vgg_mini.weights.dataset"),
    ("models.vgg_mini.weights.recipe", "best", "models.vgg_mini.weights.recipe = 'best'"),
    ("datasets.digits_0to4.source", "mnist", "datasets.digits_0to4"),
    ("datasets.digits_0to4.classes", [0, 10], "classes.1 = 10"),
    ("datasets.digits_0to4.classes", [1, 1], "classes = [1, 1]: a digit is given twice"),
    ("datasets.digits_0to4.train_per_class", 5, "one of train_per_class and test_fraction"),
    ("datasets.digits_0to4.test_from", 9, "train_from and test_from need train_per_class"),
    ("datasets.digits_5to9_20.test_from", 99, "dataset = 'digits_5to9_20': model 'vit_mini_same' "),
    ("datasets.digits_5to9_20.seed", 1, "may be pre-trained on images that this dataset tests on"),
    ("models.vit_mini.weights.dataset", "digits_5to9_80", "model 'vit_mini' may be pre-trained"),
    ("models.vgg_mini.weights.labels", "colour", "labels = 'colour': Input should be 'classes'"),
    (
        "models.vgg16.weights.labels",
        "rotation",
        "labels = 'rotation': only for weights",
    ),
    (
        "recipes.digits_upstream_80.augmentation.rotate",
        45,
        "models.vit_mini_rotation.weights.labels = 'rotation': recipe 'digits_upstream_80' turns",
    ),
    (
        "recipes.digits_upstream_80.augmentation.randaugment",
        {"n_ops": 1, "magnitude": 10.9},
        "randaugment.magnitude = 10.9: Input should be less than or equal to 10",
    ),
    ("recipes.digits_upstream_80.augmentation.randaugment", {}, "turns images by up to 64 degrees"),
    ("recipes.digits_upstream.augmentation.randaugment", True, "augmentation.randaugment = True"),
    ("robustness.noise", [0.2, 0.1], "robustness.noise = [0.2, 0.1]: [0.2, 0.1] must increase"),
    ("robustness.noise", [0], "robustness.noise.0 = 0: Input should be greater than 0"),
    ("robustness.rotation", [181], "robustness.rotation.0 = 181: Input should be less than or"),
    ("robustness.masked_words", [1.5], "robustness.masked_words.0 = 1.5"),
    ("recipes.digits_upstream.learning_rate", "1e-3", "learning_rate = '1e-3'"),
    ("recipes.digits_upstream.epochs", True, "recipes.digits_upstream.epochs = True"),
    ("recipes.digits_upstream.optimizer", "adam", "optimizer = 'adam': Input should be 'adamw'"),
    (
        "recipes.digits_downstream.freeze_batch_norm",
        True,
        "reestimate_batch_norm = true: freeze_batch_norm = true keeps the statistics; set one",
    ),
    ("experiments.vgg-digits.scratch.override", {"freeze_batch_norm": True}, "set one of them"),
    ("recipes.digits_upstream.augmentation.rotate", 200, "augmentation.rotate = 200"),
    ("extraction.batch_size", 0, "extraction.batch_size = 0"),
    ("extraction.background", "mask", "unknown key 'background'; allowed: batch_size, sharing"),
    ("extraction.precision", "fp16", "extraction.precision = 'fp16': Input should be 'float32'"),
    ("extraction.shared", True, "unknown key 'shared'; did you mean 'sharing'?"),
    ("metrics.salience_threshold", 1, "metrics.salience_threshold = 1"),
    ("metrics.salience_thresholds", [], "metrics.salience_thresholds = []: List should have"),
    ("metrics.salience_thresholds", [0.1, 0.05], "must increase strictly"),
    ("metrics.salience_thresholds", [0.5, 1], "metrics.salience_thresholds.1 = 1"),
    ("metrics.salience_scale", "batch", "'sample' or 'model'"),
    (
        "experiments.vgg-digits.sampling.players.n",
        1,
        "n = 1: Input should be greater than or equal",
    ),
    ("experiments.vgg-digits.sampling.players.n", 17, "n = 17: at most 16"),
    ("figures.ratio_reading", "mean", "'positive', 'zero', 'salient' or 'weighted'"),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    """The valid configuration with one key set."""
    values = copy.deepcopy(VALID)
    parts = path.split(".")
    target = values
    for part in parts[:-1]:
        target = target.setdefault(part, {})
    target[parts[-1]] = value
    return values


def test_the_shipped_configuration_is_valid() -> None:
    config = check(VALID)
    assert config.suite_experiments() == ["vgg-digits", "resnet-digits", "vit-digits"]
    assert len(config.snapshots) >= 8


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES)
def test_a_mistake_is_named(path: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(changed(path, value))
    assert message in str(caught.value)
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", "$(ls)", "x" * 65, "é"])
def test_names_cannot_leave_their_folder_or_reach_a_shell(name: str) -> None:
    values = copy.deepcopy(VALID)
    values["experiments"][name] = values["experiments"]["vgg-digits"]
    with pytest.raises(ConfigError) as caught:
        check(values)
    assert f"{name!r}: a name has 1 to 64 letters, digits" in str(caught.value)


def test_several_mistakes_are_named_at_once() -> None:
    values = changed("extraction.batch_size", 0)
    values["metrics"] = {"salience_scale": "batch"}
    with pytest.raises(ConfigError) as caught:
        check(values)
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_section_is_named() -> None:
    with pytest.raises(ConfigError, match="recipes: Field required"):
        check({key: value for key, value in VALID.items() if key != "recipes"})


def test_an_override_changes_one_variant_of_one_experiment() -> None:
    config = check(changed("experiments.vgg-digits.scratch.override", {"learning_rate": 0.5}))
    rates = {
        (experiment, variant): config.train(config.run(experiment, variant).name)
        for experiment in ("vgg-digits", "vit-digits")
        for variant in ("finetune", "scratch")
    }
    changed_ones = {key for key, value in rates.items() if value.recipe.learning_rate != 0.001}
    assert changed_ones == {("vgg-digits", "scratch")}


def test_a_download_names_the_key_that_takes_its_place() -> None:
    config = check(VALID)
    settings = config.fetch_dataset("cub")
    assert settings.path_key == "datasets.cub.path"
    assert settings.archive is not None
    assert settings.hub is None


def test_experiments_share_the_networks_that_are_the_same() -> None:
    values = copy.deepcopy(VALID)
    twin = copy.deepcopy(values["experiments"]["vgg-digits"])
    values["experiments"]["twin"] = twin
    n_before = len(check(VALID).runs())
    twin["sampling"] = {"per_class": 1, "players": {"n": 4}}
    assert len(check(values).runs()) == n_before
    twin["seeds"] = [7]
    assert len(check(values).runs()) == n_before + 2
    twin["probe"] = {"l2": 3.0}
    assert len(check(values).runs()) == n_before + 3
    twin["finetune"]["override"] = {"epochs": 3}
    config = check(values)
    assert len(config.runs()) == n_before + 3
    names = [config.run("twin", "finetune").name, config.run("vgg-digits", "finetune").name]
    assert names[1] == "vgg_mini/digits_5to9/finetune-digits_downstream-seed0"
    assert re.fullmatch(names[1].replace("seed0", "seed7") + "-[0-9a-f]{8}", names[0])


def test_settings_survive_json_and_their_text_depends_on_values_alone() -> None:
    config = check(VALID)
    stages: list[Section] = [
        config.prepare("digits_5to9"),
        config.pretrain("vgg_mini"),
        config.samples("vgg-digits"),
        config.probe(config.run("vgg-digits", "probe").name),
        config.train(config.run("vgg-digits", "finetune").name),
        config.robustness_of(config.run("vgg-digits", "finetune").name),
        config.similarity("vgg-digits"),
        config.extract("vgg-digits"),
        config.knowledge("vgg-digits"),
        config.figure("embedded"),
    ]
    for settings in stages:
        assert type(settings).from_json(settings.to_json()) == settings
        assert list(json.loads(settings.to_json())) == sorted(json.loads(settings.to_json()))
    assert Recipe(epochs=2, batch_size=3).to_json() == Recipe(batch_size=3, epochs=2).to_json()
    assert Recipe(epochs=2, batch_size=3).to_json() != Recipe(epochs=3, batch_size=2).to_json()


def test_the_kind_of_interactions_changes_what_follows_extraction_alone() -> None:
    changed = copy.deepcopy(VALID)
    changed["experiments"]["vgg-digits"]["interactions"] = {"kind": "and_or"}
    before, after = check(VALID), check(changed)
    assert before.extract("vgg-digits") == after.extract("vgg-digits")
    assert before.samples("vgg-digits") == after.samples("vgg-digits")
    assert after.decompose("vgg-digits") == before.decompose("vgg-digits")
    assert after.knowledge("vgg-digits") == before.knowledge("vgg-digits")
    suite = next(name for name, own in after.suites.items() if own[0] == "vgg-digits")
    assert after.explore(suite).setups[0].interactions == "and_or"
    assert before.explore(suite).setups[0].interactions == "harsanyi"


def test_the_number_of_sets_in_an_overlay_changes_no_figure() -> None:
    changed = copy.deepcopy(VALID) | {"figures": {"sets": 7}}
    before, after = check(VALID), check(changed)
    assert after.figures.sets == 7
    for made in ("figure", "claims", "explore"):
        assert getattr(after, made)("embedded") == getattr(before, made)("embedded")


def test_schema_and_reference_are_in_step_with_the_types() -> None:
    remedy = "run `make schema`"
    written = ROOT / "workflow" / "schemas" / "config.schema.json"
    assert written.read_text(encoding="utf-8") == schema(), remedy
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == reference(), remedy


def test_every_key_has_a_meaning() -> None:
    definitions = Config.model_json_schema()
    sections = {"Config": definitions} | definitions["$defs"]
    assert all(section.get("description") for section in sections.values())
    missing = [
        f"{name}.{key}"
        for name, section in sections.items()
        for key, field in section["properties"].items()
        if not field.get("description")
        and "const" not in field  # a kind, which its section describes
    ]
    assert not missing


def test_each_seed_is_a_network_of_either_way() -> None:
    values = changed("experiments.vgg-digits.seeds", [4, 1])
    config = check(values)
    names = ["probe", "finetune", "scratch", "finetune-seed1", "scratch-seed1"]
    assert config.variants("vgg-digits") == names
    one, two = (config.run("vgg-digits", name) for name in ("finetune", "finetune-seed1"))
    assert (one.seed, two) == (4, one._replace(seed=1))
    assert config.trajectories("vgg-digits") == ["finetune", "scratch"]
    assert config.train(one.name).snapshots == config.snapshots
    assert config.train(two.name).snapshots == [0, 1]
    values["experiments"]["vgg-digits"]["trajectories"] = "all"
    config = check(values)
    assert config.trajectories("vgg-digits") == names[1:]
    assert config.train(two.name).snapshots == config.snapshots


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1], 1])
def test_seeds_are_several_different_numbers(seeds: Any) -> None:
    with pytest.raises(ConfigError, match=r"experiments\.vgg-digits"):
        check(changed("experiments.vgg-digits.seeds", seeds))


def test_the_key_that_seeds_replaced_is_named() -> None:
    with pytest.raises(ConfigError, match="unknown key 'seed'; did you mean 'seeds'"):
        check(changed("experiments.vgg-digits.seed", 1))
