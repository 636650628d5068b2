"""Experiments: networks on data, how they are trained, what is explained; and their variations.

Experiments that extend another one, and those that variations make, are written out as whole
experiments before the checks, so that every rule for experiments holds for them too.
"""

import json
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

from whypretrain.settings.base import (
    Name,
    Section,
    Seed,
    Title,
    canonical_json,
    check_name,
    digest,
    known,
    require,
)
from whypretrain.settings.interactions import Sampling
from whypretrain.settings.knowledge import Interactions
from whypretrain.settings.reading import laid_over
from whypretrain.settings.training import Probe, RecipeChoice, Start, TrainedVariant, Way

Variant = Literal["probe", Start]
PAPERS = ("probe", *get_args(TrainedVariant))
"""The networks that the paper compares, which every experiment has."""
Values = dict[str, Any]
Scalar = str | bool | int | float | None
NAMED = "for several keys at once, give names: `<factor>: {<level>: {<key>: <value>, …}}`"
NOT_INHERITED = {"extends", "factor", "level", "title"}
"""Keys of an experiment that one which extends it does not take over."""


class Run(NamedTuple):
    """One network, which experiments may share: everything that its weights depend on.

    `how` is the probe of the pre-trained network, or the recipe of the training; `start` the name
    of the run that a continued one goes on from.
    """

    model: str
    dataset: str
    variant: Variant
    how: Probe | RecipeChoice
    seed: int
    start: str = ""

    @property
    def name(self) -> str:
        """Folder under `results/runs/`; it ends with a digest of any unusual options.

        >>> Run("vgg16", "cub", "probe", Probe(), 0).name
        'vgg16/cub/probe'
        >>> Run("vgg16", "cub", "finetune", RecipeChoice(recipe="vgg_finetune"), 1).name
        'vgg16/cub/finetune-vgg_finetune-seed1'
        """
        name = f"{self.model}/{self.dataset}/{self.variant}"
        if isinstance(self.how, Probe):
            unusual = self.how.model_dump(exclude_defaults=True)
        else:
            name += f"-{self.how.recipe}-seed{self.seed}"
            unusual = self.how.override | ({"start": self.start} if self.start else {})
        return f"{name}-{digest(canonical_json(unusual))[:8]}" if unusual else name


class Experiment(Section):
    """A network on a dataset: pre-trained, fine-tuned and trained from scratch."""

    extends: Name | None = None
    """Another of `experiments`, from which this one inherits all keys except the title. Keys given
    here override inherited ones; `sampling.seed: 1` changes one key inside a section."""
    model: Name
    """One of `models`."""
    dataset: Name
    """The downstream task: one of `datasets`."""
    finetune: RecipeChoice
    """How the pre-trained weights are fine-tuned."""
    scratch: RecipeChoice
    """How the same architecture is trained from random weights."""
    variants: dict[Name, Way] = {}
    """Further ways of adapting the network, by name, that are compared with these: LoRA, L2-SP,
    another learning rate, … Each is trained with every seed; of its interactions the last snapshot
    is measured. They make the table `adapting.csv`, and the figure `adapting` of a suite."""
    least_scratch_accuracy: float | None = Field(default=None, gt=0, lt=1)
    """Smallest test accuracy, as a share, that training from scratch should reach according to
    public references. If it stays below, results are marked and no claim is judged. Null sets no
    limit."""
    title: Title = ""
    """Name in figures. If empty, it is `<model> · <dataset>`, or the base's name with `factor` and
    `level`."""
    probe: Probe = Probe()
    """How the linear probe of the pre-trained network is fitted."""
    sampling: Sampling = Sampling()
    """What is explained: samples, players, baseline."""
    interactions: Interactions = Interactions()
    """Which interactions the outputs are taken apart into."""
    seeds: list[Seed] = Field(default=[0, 1, 2], min_length=1)
    """Seeds of fine-tuning and of training from scratch: they set initial weights, order and
    augmentation. Each seed trains one network of either kind. An answer to a claim needs at least
    three seeds."""
    trajectories: Literal["first", "all"] = "first"
    """For which seeds all snapshots are measured. With `first`, only the last snapshot of the other
    seeds is kept and measured. This is cheaper, but claims about the course of training then rest
    on one seed and stay open."""
    factor: Title = ""
    """With `extends`: the name of the changed choice in the figure `sensitivity`."""
    level: Title = ""
    """With `factor`: the name of the new choice."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        message = f"seeds = {self.seeds}: give each once"
        require(len(set(self.seeds)) == len(self.seeds), message)
        given = [key for key in ("extends", "factor", "level") if getattr(self, key)]
        message = f"factor = '{self.factor}', level = '{self.level}': give both, with extends"
        require(len(given) == 3 or given in ([], ["extends"]), message)
        for name in self.variants:
            message = f"variants.{name}: give it a name of its own, without '-' or '.'"
            own = name not in {"pretrained", "random", "untrained", "preserved", *PAPERS}
            require(own and not set(name) & set("-."), message)
        self.ways()
        return self

    def runs(self) -> dict[str, Run]:
        """Its networks by name, such as `probe`, `finetune`, `scratch`, `finetune-seed1`.

        Those of the first seed are named by their variant alone.
        """
        found = {"probe": Run(self.model, self.dataset, "probe", self.probe, 0)}
        for seed in self.seeds:
            suffix = "" if seed == self.seeds[0] else f"-seed{seed}"
            for variant in get_args(TrainedVariant):
                how = getattr(self, variant)
                found[variant + suffix] = Run(self.model, self.dataset, variant, how, seed)
            for name in self.ways():
                found[name + suffix] = self._run(name, seed, suffix, found)
        return found

    def _run(self, name: str, seed: int, suffix: str, before: dict[str, Run]) -> Run:
        way = self.variants[name]
        how = RecipeChoice(recipe=way.recipe, override=way.override)
        begun: dict[str, Start] = {"pretrained": "finetune", "random": "scratch"}
        if way.start in begun:
            return Run(self.model, self.dataset, begun[way.start], how, seed)
        start = before["probe" if way.start == "probe" else way.start + suffix]
        return Run(self.model, self.dataset, "continued", how, seed, start.name)

    def ways(self) -> list[str]:
        """Names of its further variants, each behind the one that it starts from."""
        found: list[str] = []
        while len(found) < len(self.variants):
            known = {"pretrained", "random", *PAPERS, *found}
            ready = [n for n, way in self.variants.items() if n not in found and way.start in known]
            if not ready:
                left = {n: way.start for n, way in self.variants.items() if n not in found}
                message = (
                    f"variants: {left} start from none of pretrained, random, {', '.join(PAPERS)} "
                    "or another variant, or from each other in a circle"
                )
                raise ValueError(message)
            found += ready
        return found

    def whole(self) -> list[str]:
        """Its networks of which all snapshots are measured; of the others, the last."""
        if self.trajectories == "all":
            return [name for name in self.runs() if name.split("-")[0] in get_args(TrainedVariant)]
        return list(get_args(TrainedVariant))


def _check_levels(levels: Any) -> Any:
    # One message, where a union would give one for each of its types.
    if isinstance(levels, list) and all(isinstance(value, Scalar) for value in levels):
        repeated = len(set(map(_label, levels))) < len(levels)
        require(levels and not repeated, "give at least one value, each once")
        return levels
    named = isinstance(levels, dict) and all(isinstance(own, dict) for own in levels.values())
    require(named and levels, f"give a list of values; {NAMED}")
    return {check_name(level): keys for level, keys in levels.items()}


def _label(value: Scalar) -> str:
    return value if isinstance(value, str) else json.dumps(value)


Levels = Annotated[list[Scalar] | dict[str, Values], BeforeValidator(_check_levels)]


class Variation(Section):
    """Experiments that each change one choice of a base, to show how results depend on it."""

    base: Name
    """One of `experiments`."""
    factors: dict[Name, Levels] = Field(min_length=1)
    """What to change. `<key>: [<value>, …]` gives other values to one key of the experiment, such
    as `sampling.seed`. `<factor>: {<level>: {<key>: <value>, …}, …}` changes several keys at once.
    Each level makes one experiment, `<base>-<factor>-<level>`, which extends the base."""

    @model_validator(mode="after")
    def _names_are_possible(self) -> Self:
        made = self.experiments()
        message = "two of its experiments would have one name; rename a factor or a level"
        require(len(made) == sum(map(len, self.factors.values())), message)
        for name in made:
            try:
                check_name(name)
            except ValueError as error:
                message = f"would make experiment '{name}': {error}; {NAMED}"
                raise ValueError(message) from None
        return self

    def experiments(self) -> dict[str, Values]:
        """The experiments that are made, by name, as they would be written in YAML.

        >>> Variation(base="vgg", factors={"seed": [1, 2]}).experiments()["vgg-seed-2"]
        {'seed': 2, 'extends': 'vgg', 'factor': 'seed', 'level': '2'}
        """
        made: dict[str, Values] = {}
        for factor, levels in self.factors.items():
            named: dict[str, Values] = (
                {_label(value): {factor: value} for value in levels}
                if isinstance(levels, list)
                else levels
            )
            for level, keys in named.items():
                origin = {"extends": self.base, "factor": factor, "level": level}
                made[f"{self.base}-{factor}-{level}"] = keys | origin
        return made


def expand(values: Values) -> Values:
    """A configuration with complete `experiments`, and with `suites` that name experiments only.

    Experiments that extend others and those that variations make are written out. Malformed
    sections stay as they are, for the checks that follow to report. Raises ValueError if a base is
    unknown or extends itself, or if names clash.
    """
    experiments, suites = values.get("experiments"), values.get("suites")
    if not isinstance(experiments, dict):
        return values
    try:
        section = values.get("variations") or {}
        variations = TypeAdapter(dict[Name, Variation]).validate_python(section)
    except ValidationError:
        variations = {}
    members = {}
    for name, variation in variations.items():
        key, made = f"variations.{name}", variation.experiments()
        message = f"{key}: an experiment has the same name; rename one, as suites name both"
        require(name not in experiments, message)
        known(f"{key}.base", variation.base, experiments)
        clash = sorted(experiments.keys() & made.keys())
        require(not clash, f"{key}: makes experiment {clash}, which exists already; rename one")
        experiments = experiments | made
        members[name] = [variation.base, *made]
    own = {name: _nested(e) if isinstance(e, dict) else {} for name, e in experiments.items()}
    complete = {
        name: _complete(name, own) if isinstance(experiment, dict) else experiment
        for name, experiment in experiments.items()
    }
    expanded = values | {"experiments": complete}
    if isinstance(suites, dict):
        expanded["suites"] = {suite: _members(names, members) for suite, names in suites.items()}
    return expanded


def _complete(name: str, own: dict[str, Values], above: tuple[str, ...] = ()) -> Values:
    """An experiment with all keys that it takes over, from what each gives itself."""
    base, key = own[name].get("extends"), f"experiments.{name}.extends"
    if not isinstance(base, str):
        return own[name]
    known(key, base, own)
    message = f"{key} = '{base}': the experiments extend each other in a circle; remove one"
    require(base not in (name, *above), message)
    below = _complete(base, own, (*above, name))
    inherited = {key: value for key, value in below.items() if key not in NOT_INHERITED}
    return laid_over(inherited, own[name], by_kind=True)


def _nested(values: Values) -> Values:
    """Dotted keys as sections.

    >>> _nested({"sampling.seed": 1, "sampling": {"total": 5}})
    {'sampling': {'total': 5, 'seed': 1}}
    """
    found: Values = {}
    for key in sorted(values, key=lambda key: key.count(".")):
        value = values[key]
        for part in reversed(key.split(".")):
            value = {part: value}
        found = laid_over(found, value, by_kind=True)
    return found


def _members(names: Any, members: dict[str, list[str]]) -> Any:
    """The experiments of a suite; those that two of its variations share stand once."""
    if not isinstance(names, list):
        return names
    found: list[Any] = []
    for name in names:
        own = members.get(name) if isinstance(name, str) else None
        found += [name] if own is None else [member for member in own if member not in found]
    return found


def note_origins(mistakes: str, values: Values) -> str:
    """Leave out mistakes that an experiment takes over from its base, and name bases in the others.

    `mistakes` has one line a mistake, beginning with its key; `values` is what was expanded.
    """
    experiments = values.get("experiments")
    bases = {
        f"experiments.{name}": own["extends"]
        for name, own in (experiments.items() if isinstance(experiments, dict) else ())
        if isinstance(own, dict) and isinstance(own.get("extends"), str)
    }
    lines = mistakes.splitlines()
    noted = []
    for line in lines:
        starts = [key for key in bases if line.startswith((f"{key}.", f"{key}:", f"{key} "))]
        key = max(starts, key=len, default="")
        if not key:
            noted.append(line)
        elif f"experiments.{bases[key]}{line[len(key) :]}" not in lines:
            noted.append(f"{line} (the experiment extends '{bases[key]}')")
    return "\n".join(noted)
