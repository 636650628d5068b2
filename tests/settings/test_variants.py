"""Further ways of adapting: the runs that they make, what is shared, what is refused."""

import copy
from typing import Any

import pytest

from tests.settings.test_whole import VALID
from whypretrain.settings.reading import ConfigError
from whypretrain.settings.whole import Config, check

RECIPE = "digits_downstream"
LORA = {"recipe": RECIPE, "override": {"trained": "lora"}}


def with_variants(variants: dict[str, Any], experiment: str = "vit-digits") -> Config:
    values = copy.deepcopy(VALID)
    values["experiments"][experiment]["variants"] = variants
    return check(values)


def test_each_variant_is_trained_with_every_seed() -> None:
    config = with_variants({"lora": LORA})
    plain = check(VALID).variants("vit-digits")
    own = config.variants("vit-digits")
    assert set(own) == {*plain, "lora", "lora-seed1", "lora-seed2"}
    assert [name for name in own if name in plain] == plain
    run = config.run("vit-digits", "lora-seed2")
    assert (run.variant, run.seed, run.start) == ("finetune", 2, "")
    assert run.name.startswith("vit_mini/digits_5to9/finetune-digits_downstream-seed2-")
    assert config.train(run.name).recipe.trained == "lora"
    assert config.train(run.name).snapshots == [0, 1]
    assert config.trajectories("vit-digits") == ["finetune", "scratch"]


def test_runs_are_shared_by_what_trained_them() -> None:
    same = {"same": {"recipe": RECIPE}, "again": {"recipe": RECIPE, "start": "random"}}
    config = with_variants(same)
    runs = config.experiments["vit-digits"].runs()
    assert runs["same"] == runs["finetune"]
    assert runs["again-seed1"] == runs["scratch-seed1"]
    assert len(config.runs()) == len(check(VALID).runs())


def test_a_variant_goes_on_from_the_end_of_another() -> None:
    ways = {
        "third": {"recipe": RECIPE, "start": "second"},
        "second": {"recipe": RECIPE, "start": "probe"},
    }
    config = with_variants(ways)
    runs = config.experiments["vit-digits"].runs()
    assert runs["second"].start == runs["second-seed1"].start == runs["probe"].name
    assert runs["third-seed1"].start == runs["second-seed1"].name
    assert {runs[name].variant for name in ("second", "third-seed2")} == {"continued"}
    assert len({runs[name].name for name in ("second", "third", "finetune")}) == 3
    assert config.train(runs["second"].name).variant == "continued"


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ({"x": {"recipe": "y"}}, "variants.x.recipe = 'y': unknown"),
        ({"x": {"recipe": RECIPE, "override": {"train": 1}}}, "unknown key 'train'"),
        ({"x": {"recipe": RECIPE, "start": "y"}}, "{'x': 'y'} start from none of pretrained"),
        (
            {name: {"recipe": RECIPE, "start": other} for name, other in ("ab", "ba")},
            "or from each other in a circle",
        ),
        ({"scratch": {"recipe": RECIPE}}, "variants.scratch: give it a name of its own"),
        ({"l2-sp": {"recipe": RECIPE}}, "variants.l2-sp: give it a name of its own, without '-'"),
        (
            {"x": {"recipe": RECIPE, "override": {"trained": "lora", "l2_sp": 1}}},
            "LoRA's changes start from nothing",
        ),
    ],
)
def test_a_mistake_is_named(variants: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_variants(variants)
    assert message in str(caught.value)


def test_lora_is_for_transformers() -> None:
    message = r"experiments.resnet-\w+.variants.lora.override.trained = 'lora': .* 'cnn'"
    with pytest.raises(ConfigError, match=message):
        with_variants({"lora": LORA}, "resnet-digits")
