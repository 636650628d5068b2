"""Variations: from one experiment, others that differ from it in what was chosen.

They are spelled out as experiments before anything else is checked, so that all that holds for
experiments holds for them.
"""

import copy
import json
from itertools import combinations, product
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from whypretrain.settings.base import Name, Section, allowed, check_name

Values = dict[str, Any]
Scalar = str | bool | int | float | None
NAMED = "`<factor>: {<level>: {<key>: <value>, …}}`"


def _check_levels(levels: Any) -> Any:
    # One message, where a union's would be one for each of its types.
    if isinstance(levels, list) and all(isinstance(value, Scalar) for value in levels):
        return levels
    if isinstance(levels, dict) and all(isinstance(keys, dict) for keys in levels.values()):
        for level in levels:
            try:
                check_name(level)
            except ValueError as error:
                message = f"level {level!r}: {error}"
                raise ValueError(message) from None
        return levels
    message = f"give a list of values; for mappings, or several keys at once, {NAMED}"
    raise ValueError(message)


Levels = Annotated[list[Scalar] | dict[Name, Values], BeforeValidator(_check_levels)]


class Varied(Section):
    """How an experiment that a variation makes differs from its base."""

    base: str
    """The experiment it is made from."""
    levels: dict[str, str]
    """The level of each factor that is not the base's own."""


class Variation(Section):
    """Experiments that are made from one by changing keys of it, to see what hangs on them."""

    base: Name
    """One of `experiments`."""
    factors: dict[Name, Levels] = Field(min_length=1)
    """What is varied: `<key>: [<value>, …]` gives one dotted key of the experiment other values;
    `<factor>: {<level>: {<key>: <value>, …}, …}` sets several keys at once, or whole sections."""
    design: Literal["one_at_a_time", "factorial"] = "one_at_a_time"
    """Every level of every factor alone, or every combination of levels, where a factor may also
    stay as it is in the base."""

    def levels(self) -> dict[str, dict[str, Values]]:
        """The keys that each level of each factor sets."""
        return {
            factor: {_label(value): {factor: value} for value in levels}
            if isinstance(levels, list)
            else levels
            for factor, levels in self.factors.items()
        }

    def experiments(self) -> dict[str, Varied]:
        """The experiments that are made, by name: `<base>-<factor>-<level>`, in the file's order.

        >>> list(Variation(base="vgg", factors={"seed": [1, 2]}).experiments())
        ['vgg-seed-1', 'vgg-seed-2']
        """
        found = {}
        for chosen in self._designed():
            parts = [self.base, *[part for pair in chosen.items() for part in pair]]
            found["-".join(parts)] = Varied(base=self.base, levels=chosen)
        return found

    def _designed(self) -> list[dict[str, str]]:
        """The levels of each experiment, fewest changes first; factors that stay are left out."""
        levels = self.levels()
        if self.design == "one_at_a_time":
            return [{factor: level} for factor, own in levels.items() for level in own]
        combined = [
            {factor: level for factor, level in zip(levels, row, strict=True) if level is not None}
            for row in product(*[[*own, None] for own in levels.values()])
        ]
        return sorted(filter(None, combined), key=len)


def _label(value: Scalar) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def expand(values: Values) -> Values:
    """Add the experiments that variations make, and name them in the suites that name variations.

    Parameters
    ----------
    values : a configuration as read from YAML, which is left as it is

    Returns
    -------
    the configuration with more `experiments`, and `suites` of experiments alone. Sections that are
    not of the right form stay as they are, for the checks that follow to say so.

    Raises
    ------
    ValueError
        If a base is unknown, names clash or are no names, factors or levels repeat each other, or a
        level sets nothing or a key inside something that is no section.
    """
    variations = _variations(values)
    written = values.get("experiments") if variations else None
    if not isinstance(written, dict):
        return values
    made: Values = {}
    members: dict[str, list[str]] = {}
    for name, variation in variations.items():
        key = f"variations.{name}"
        if name in written:
            message = f"{key}: an experiment has this name too; a suite could mean either"
            raise ValueError(message)
        base = written.get(variation.base)
        if not isinstance(base, dict):
            message = f"{key}.base = '{variation.base}': unknown; "
            raise ValueError(message + allowed(variation.base, list(written)))
        own = _made(key, variation, base)
        for experiment in own:
            if experiment in written or experiment in made:
                message = f"{key}: makes experiment '{experiment}', but there is one of this name"
                raise ValueError(message)
        made |= own
        members[name] = [variation.base, *own]
    expanded = {**values, "experiments": {**written, **made}}
    if isinstance(values.get("suites"), dict):
        expanded["suites"] = {
            suite: _spelled_out(names, members) for suite, names in values["suites"].items()
        }
    return expanded


def note_origins(mistakes: str, values: Values) -> str:
    """Say of mistakes in experiments that a variation made where they come from.

    Parameters
    ----------
    mistakes : one line a mistake, beginning with its key
    values : the configuration that :func:`expand` returned

    Returns
    -------
    the lines, without those that repeat a mistake of the base
    """
    origins = {
        experiment: (name, varied.base)
        for name, variation in _variations(values).items()
        for experiment, varied in variation.experiments().items()
    }
    lines = mistakes.splitlines()
    noted = []
    for line in lines:
        ends = [f"experiments.{name}{end}" for name in origins for end in (".", ":", " ")]
        starts = [start for start in ends if line.startswith(start)]
        if starts:
            experiment = max(starts, key=len)[len("experiments.") : -1]
            name, base = origins[experiment]
            if line.replace(experiment, base, 1) not in lines:
                noted.append(f"{line} (an experiment that variations.{name} makes)")
        else:
            noted.append(line)
    return "\n".join(noted)


def _variations(values: Any) -> dict[str, Variation]:
    """The section `variations`; empty if there is none or it is not of the right form."""
    section = values.get("variations") if isinstance(values, dict) else None
    try:
        return TypeAdapter(dict[Name, Variation]).validate_python(section or {})
    except ValidationError:
        return {}


def _made(key: str, variation: Variation, base: Values) -> Values:
    """Every experiment of a variation, as it would be written in YAML."""
    levels = variation.levels()
    for factor, of_factor in variation.factors.items():
        if len(levels[factor]) < max(len(of_factor), 1):
            message = f"{key}.factors.{factor} = {of_factor}: name at least one value, each once"
            raise ValueError(message)
    if variation.design == "factorial":
        _check_factors_apart(key, levels)
    changed = variation.experiments()
    if len(changed) < len(variation._designed()):
        message = f"{key}: two of its experiments would have one name; rename a factor or a level"
        raise ValueError(message)
    made = {}
    for experiment, varied in changed.items():
        try:
            check_name(experiment)
        except ValueError as error:
            message = f"{key}: would make experiment '{experiment}': {error}; give names: {NAMED}"
            raise ValueError(message) from None
        own = copy.deepcopy(base)
        for factor, level in varied.levels.items():
            for path, value in levels[factor][level].items():
                _set(own, path, copy.deepcopy(value), f"{key}.factors.{factor}")
        if own == base:
            message = f"{key}: experiment '{experiment}' would be '{varied.base}' again; leave out "
            raise ValueError(message + "the level that the base has already")
        made[experiment] = own
    return made


def _check_factors_apart(key: str, levels: dict[str, dict[str, Values]]) -> None:
    """In combinations, the later of two factors that set one key would undo the earlier."""
    for one, other in combinations(levels, 2):
        for mine in {path for level in levels[one].values() for path in level}:
            for its in {path for level in levels[other].values() for path in level}:
                if f"{mine}.".startswith(f"{its}.") or f"{its}.".startswith(f"{mine}."):
                    message = (
                        f"{key}.factors: '{one}' and '{other}' both set '{max(mine, its, key=len)}'"
                        f", so they cannot be combined; make one factor of them"
                    )
                    raise ValueError(message)


def _set(section: Values, path: str, value: Any, key: str) -> None:
    """Set a dotted key; sections on the way to it that the base leaves out are made."""
    *parents, last = path.split(".")
    place: Any = section
    for depth, parent in enumerate(parents, 1):
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            message = f"{key}: '{path}': '{'.'.join(parents[:depth])}' is no section"
            raise ValueError(message)
    place[last] = value


def _spelled_out(names: Any, members: dict[str, list[str]]) -> Any:
    """A suite with the experiments of its variations; what two of them share stands once."""
    if not isinstance(names, list):
        return names
    found: list[Any] = []
    for name in names:
        own = members.get(name) if isinstance(name, str) else None
        found += [name] if own is None else [member for member in own if member not in found]
    return found
