"""Experiments that extend others, by hand or by variations: what they become, what is refused."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.settings.test_whole import ROOT, VALID
from whypretrain.settings.experiments import Variation, expand
from whypretrain.settings.reading import ConfigError, laid_over
from whypretrain.settings.report import Varied
from whypretrain.settings.training import RecipeChoice
from whypretrain.settings.whole import Config, check

BASE = "vgg-digits"


def varied(factors: Any, **others: Any) -> dict[str, Any]:
    """The shipped configuration with one variation in the place of its own, and a suite of it."""
    values = copy.deepcopy(VALID)
    values["variations"] = {"mine": {"base": BASE, "factors": factors, **others}}
    values["suites"] = {"embedded": [BASE], "mine": ["mine"]}
    return values


def made(factors: Any, **others: Any) -> Config:
    return check(varied(factors, **others))


def mistake(values: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        check(values)
    return str(caught.value)


def test_each_value_of_each_key_is_an_experiment() -> None:
    config = made({"sampling.seed": [1, 2], "sampling.baseline": ["zero"], "probe.l2": [0.5]})
    assert config.suites["mine"] == [
        BASE,
        f"{BASE}-sampling.seed-1",
        f"{BASE}-sampling.seed-2",
        f"{BASE}-sampling.baseline-zero",
        f"{BASE}-probe.l2-0.5",
    ]
    base = config.experiments[BASE]
    origin = {"extends": BASE, "title": "", "factor": "sampling.seed", "level": "2"}
    other = base.sampling.model_copy(update={"seed": 2})
    changed = base.model_copy(update={"sampling": other} | origin)
    assert config.experiments[f"{BASE}-sampling.seed-2"] == changed
    zero = base.sampling.model_copy(update={"baseline": "zero"})
    origin |= {"factor": "sampling.baseline", "level": "zero"}
    changed = base.model_copy(update={"sampling": zero} | origin)
    assert config.experiments[f"{BASE}-sampling.baseline-zero"] == changed


def test_a_level_sets_several_keys_or_a_whole_section() -> None:
    rate = {f"{variant}.override.learning_rate": 0.01 for variant in ("finetune", "scratch")}
    players = {"sampling.players": {"kind": "superpixels", "n": 5}}
    config = made({"learning_rate": {"high": rate}, "players": {"superpixels": players}})
    high = config.experiments[f"{BASE}-learning_rate-high"]
    assert high.finetune.override == high.scratch.override == {"learning_rate": 0.01}
    # Of another kind, so nothing is taken over: superpixels have no cells.
    chosen = config.experiments[f"{BASE}-players-superpixels"].sampling.players
    assert chosen.model_dump() == {"kind": "superpixels", "n": 5}


def test_an_experiment_extends_another() -> None:
    values = copy.deepcopy(VALID)
    own = {"extends": BASE, "sampling": {"players": {"n": 4}}, "sampling.seed": 3}
    values["experiments"]["mine"] = own
    values["experiments"]["further"] = {"extends": "mine", "seeds": [5]}
    config = check(values)
    base, mine = config.experiments[BASE], config.experiments["mine"]
    players = base.sampling.players.model_copy(update={"n": 4})
    sampling = base.sampling.model_copy(update={"players": players, "seed": 3})
    changed = {"extends": BASE, "title": "", "sampling": sampling}
    assert mine == base.model_copy(update=changed)
    further = {"extends": "mine", "seeds": [5]}
    assert config.experiments["further"] == mine.model_copy(update=further)
    assert config.title("mine") == "VGG · digits_5to9"
    assert not {"mine", "further"} & config.varied().keys()
    own |= {"factor": "players", "level": "few"}
    config = check(values)
    assert config.title("mine") == "VGG · digits, players few"
    assert config.varied()["mine"] == Varied(base=BASE, levels={"players": "few"})
    values["experiments"]["further"] |= {"factor": "seeds", "level": "5"}
    config = check(values)
    assert config.title("further") == "VGG · digits, players few, seeds 5"
    both = {"players": "few", "seeds": "5"}
    assert config.varied()["further"] == Varied(base=BASE, levels=both)


def test_nothing_is_shared_with_the_base_or_with_what_was_read() -> None:
    """YAML's anchors give experiments one and the same section: a change must stay where it is."""
    values = varied({"sampling.players.n": [4]})
    base = values["experiments"][BASE]
    values["experiments"]["vit-digits"]["sampling"] = base["sampling"]
    before = copy.deepcopy(values)
    config = check(values)
    assert values == before
    sizes = {
        name: e.sampling.players.n for name, e in config.experiments.items() if "digits" in name
    }
    assert sizes.pop(f"{BASE}-sampling.players.n-4") == 4
    assert set(sizes.values()) == {10}


def test_what_is_not_trained_differently_is_not_trained_again() -> None:
    n_before = len(made({"title": ["other"]}).runs())
    sampling = {
        "sampling.players.n": [4],
        "sampling.baseline": ["zero", "blur"],
        "sampling.background": ["mask"],
        "sampling.seed": [1],
        "sampling.per_class": [8],
    }
    assert len(made(sampling).runs()) == n_before
    assert len(made({"probe.l2": [3]}).runs()) == n_before + 1
    further = {"one": {"seeds": [1]}, "seven": {"seeds": [7]}}
    assert len(made({"seeds": further}).runs()) == n_before + 2  # seed 1 is a seed of the base
    assert len(made({"scratch.override.epochs": [3]}).runs()) == n_before + 3  # one a seed


def test_the_background_reaches_extraction_and_no_other_experiment() -> None:
    config = made({"sampling.background": ["mask"]})
    assert config.extract(BASE).background == "keep"
    assert config.extract(f"{BASE}-sampling.background-mask").background == "mask"


def test_a_suite_may_name_variations_that_share_a_base_and_single_experiments() -> None:
    values = varied({"probe.l2": [2]})
    values["variations"]["more"] = {"base": BASE, "factors": {"probe.l2": [3]}}
    values["suites"]["mine"] = ["vit-digits", "mine", "more"]
    values["suites"]["one"] = [f"{BASE}-probe.l2-3"]
    config = check(values)
    assert config.suites["mine"] == ["vit-digits", BASE, f"{BASE}-probe.l2-2", f"{BASE}-probe.l2-3"]
    figure = config.figure("mine")
    assert figure.titles[1:3] == ["VGG · digits", "VGG · digits, probe.l2 2"]
    assert {name: one.base for name, one in figure.varied.items()} == dict.fromkeys(
        [f"{BASE}-probe.l2-2", f"{BASE}-probe.l2-3"], BASE
    )
    assert figure.varied[f"{BASE}-probe.l2-3"].levels == {"probe.l2": "3"}


NAMED = "several keys at once, give names: `<factor>: {<level>: {<key>: <value>, …}}`"
ORIGIN = f"(the experiment extends '{BASE}')"
MISTAKES = [
    ({"seed": 1}, "variations.mine.factors.seed = 1: give a list of values; for several"),
    ({"x": [{"seed": 1}]}, NAMED),
    ({"x": {"a": 1}}, NAMED),
    ({"x": {1: {"seed": 1}}}, "key 1: must be text; put it in quotes"),
    ({"x": {"a b": {"seed": 1}}}, "a name has 1 to 64 letters"),
    ({"a b": [1]}, "variations.mine.factors.a b = 'a b': a name has 1 to 64 letters"),
    ({}, "variations.mine.factors"),
    ({"seed": []}, "factors.seed = []: give at least one value, each once"),
    ({"seed": [1, 1]}, "factors.seed = [1, 1]: give at least one value, each once"),
    ({"model.n": [1]}, f"experiments.{BASE}-model.n-1.model"),
    ({"dataset": ["a/b"]}, f"'{BASE}-dataset-a/b': a name has 1 to 64"),
    ({"x": {"l" * 60: {"seed": 1}}}, "a name has 1 to 64 letters"),
    (
        {"sampling.seed": ["1"]},
        f"experiments.{BASE}-sampling.seed-1.sampling.seed = '1': Input should",
    ),
    ({"sampling.player.n": [2]}, "unknown key 'player'; did you mean 'players'?"),
    ({"sampling.player.n": [2]}, ORIGIN),
    ({"sampling.players.n": [20]}, f"experiments.{BASE}-sampling.players.n-20.sampling.players.n"),
    ({"sampling.players.n": [20]}, ORIGIN),
    ({"scratch.override.epoch": [2]}, "did you mean 'epochs'?"),
    ({"model": ["vgg"]}, f"experiments.{BASE}-model-vgg.model = 'vgg': unknown"),
    ({"model": ["vgg"]}, ORIGIN),
]


@pytest.mark.parametrize(("factors", "message"), MISTAKES)
def test_a_mistake_is_named(factors: Any, message: str) -> None:
    found = mistake(varied(factors))
    assert message in found
    assert len(found.splitlines()) == 1


def test_an_unknown_base_is_named() -> None:
    values = varied({"probe.l2": [2]})
    values["variations"]["mine"]["base"] = "vgg-digit"
    assert "variations.mine.base = 'vgg-digit': unknown; did you mean 'vgg-dig" in mistake(values)


def test_a_mistake_of_the_base_is_named_once() -> None:
    values = varied({"sampling.seed": [1, 2]})
    values["experiments"][BASE]["probe"] = {"l2": "0"}
    assert mistake(values) == (
        f"experiments.{BASE}.probe.l2 = '0': Input should be a valid number; "
        f"YAML reads this as text: leave out quotes, and write 1e-3 as 1.0e-3"
    )


def test_names_that_clash_are_refused() -> None:
    values = varied({"probe.l2": [2]})
    values["experiments"][f"{BASE}-probe.l2-2"] = copy.deepcopy(values["experiments"][BASE])
    assert f"makes experiment ['{BASE}-probe.l2-2'], which exists already" in mistake(values)
    del values["experiments"][f"{BASE}-probe.l2-2"]
    values["variations"]["more"] = {"base": BASE, "factors": {"probe.l2": [2]}}
    assert "variations.more: makes experiment" in mistake(values)
    values["variations"] = {"vit-digits": {"base": BASE, "factors": {"probe.l2": [2]}}}
    assert "variations.vit-digits: an experiment has the same name" in mistake(values)
    factors = {"x": {"1-y": {"seed": 1}}, "x-1": {"y": {"seed": 2}}}
    assert "variations.mine: two of its experiments would have" in mistake(varied(factors))


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"extends": "vgg-digit"}, "extends = 'vgg-digit': unknown; did you mean 'vgg-digits'?"),
        ({"extends": "mine"}, "experiments.mine.extends = 'mine': the experiments extend each"),
        ({"extends": "other"}, "extends = 'mine': the experiments extend each other in a circle"),
        ({"extends": 3}, "experiments.mine.extends = 3"),
        ({"extends": BASE, "factor": "x"}, "factor = 'x', level = '': give both, with extends"),
        ({"extends": BASE, "..": 1}, "unknown key ''"),
        ({"seeds": [1]}, "experiments.mine.model: Field required"),
    ],
)
def test_a_mistake_in_an_extension_is_named(own: dict[str, Any], message: str) -> None:
    values = copy.deepcopy(VALID)
    values["experiments"] |= {"mine": own}
    if own.get("extends") == "other":
        values["experiments"]["other"] = {"extends": "mine"}
    assert message in mistake(values)


def test_the_example_of_the_documentation_is_valid() -> None:
    values = copy.deepcopy(VALID)
    for name in ("bring-your-own", "suites"):
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        values = laid_over(values, yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.S)[0]))
    config = check(values)
    assert len(config.suites["mine"]) == 1 + 3 + 2 + 2 + 1
    assert "resnet-leaves-players-fine" in config.suites["mine"]
    how = config.run("resnet-leaves-learning_rate-low", "scratch").how
    assert isinstance(how, RecipeChoice)
    assert how.override == {"epochs": 4, "learning_rate": 1e-4}  # the base's own stays


@pytest.mark.parametrize(
    ("base", "n_experiments", "n_networks"), [("vit-digits", 19, 33), ("resnet-digits", 6, 22)]
)
def test_the_shipped_variations_are_of_many_experiments_and_few_networks(
    base: str, n_experiments: int, n_networks: int
) -> None:
    config = check(VALID)
    names = [name for name in config.suites["sensitivity"] if name.startswith(base)]
    assert len(names) == n_experiments
    runs = {run.name for name in names for run in config.experiments[name].runs().values()}
    assert len(runs) == n_networks


def test_both_variants_meet_both_lengths() -> None:
    config = check(VALID)
    base = "resnet-digits"
    names = [base, *(name for name in config.experiments if name.startswith(f"{base}-epochs"))]
    epochs, networks = set(), set()
    for name in names:
        runs = [config.run(name, variant) for variant in ("finetune", "scratch")]
        epochs.add(tuple(config.train(run.name).recipe.epochs for run in runs))
        networks |= {run.name for run in runs}
    assert epochs == {(50, 50), (50, 100), (100, 50), (100, 100)}
    assert len(networks) == 4


def test_malformed_sections_are_left_to_the_checks() -> None:
    for unchanged in ({}, {"experiments": 3}, {"experiments": {"a": 1}, "variations": 3}):
        assert expand(unchanged) == unchanged
    assert "variations = 3: must hold keys with values, but is of type int" in mistake(
        VALID | {"variations": 3}
    )


letters = st.text("abc", min_size=1, max_size=3)
scalars = st.one_of(st.integers(1, 99), st.booleans(), letters)
levels = st.one_of(
    st.lists(scalars, min_size=1, max_size=3, unique_by=lambda value: str(value).lower()),
    st.dictionaries(letters, st.dictionaries(letters, scalars, min_size=1), min_size=1, max_size=3),
)


def leaves(section: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key and its value."""
    if not isinstance(section, dict):
        yield path, section
        return
    for key, value in section.items():
        yield from leaves(value, f"{path}.{key}" if path else key)


@given(st.dictionaries(letters, levels, min_size=1, max_size=3))
def test_an_experiment_differs_from_its_base_in_its_levels_alone(factors: dict[str, Any]) -> None:
    base = {"model": "m", "dataset": "0"}
    values = {
        "experiments": {"e": base},
        "variations": {"v": {"base": "e", "factors": factors}},
        "suites": {"s": ["v"]},
    }
    before = copy.deepcopy(values)
    variation = Variation(base="e", factors=factors)
    expanded = expand(values)
    assert values == before
    assert expand(expanded | {"variations": {}}) == expanded | {"variations": {}}
    assert expanded["suites"]["s"] == ["e", *variation.experiments()]
    assert list(expanded["experiments"]) == expanded["suites"]["s"]
    for name, own in variation.experiments().items():
        assert name == f"e-{own['factor']}-{own['level']}"
        assert own["extends"] == "e"
        levels, level = factors[own["factor"]], own["level"]
        if isinstance(levels, list):
            assert str(own[own["factor"]]).lower() == level.lower()
        else:
            assert levels[level].items() <= own.items()
        assert dict(leaves(expanded["experiments"][name])) == base | own
