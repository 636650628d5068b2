"""Check a configuration, print its schema or reference, or print the settings of one stage.

python -m whypretrain.settings check config.yaml
python -m whypretrain.settings check config.yaml mine.yaml
python -m whypretrain.settings show config.yaml extract vgg-digits
python -m whypretrain.settings schema > workflow/schemas/config.schema.json
python -m whypretrain.settings reference > docs/configuration.md

Each file is merged over those before it, and all over config.yaml and config/ beside the first.
For the stages planted and simulation, the name is `all`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from whypretrain.settings.base import Section, known
from whypretrain.settings.reading import ConfigError, read_over
from whypretrain.settings.whole import Config, check
from whypretrain.stages import command


def load(*paths: Path) -> Config:
    """Read files by :func:`read_over` and validate them; a ConfigError names the file, or all."""
    values = read_over(*paths)
    try:
        return check(values)
    except ConfigError as error:
        message = f"{', '.join(map(str, paths))}: {error}"
        raise ConfigError(message) from None


def stages(config: Config) -> dict[str, tuple[Callable[[str], Section], Iterable[str]]]:
    """The settings of each stage, and the names that it has settings for."""
    datasets, models, runs = config.datasets, config.models, config.runs()
    downloads = [name for name in datasets if datasets[name].download_folder(name)]
    weights = [name for name in models if models[name].weights.hub]
    here = [name for name in models if models[name].weights.dataset]
    probes = [name for name in runs if runs[name].variant == "probe"]

    def fetch(name: str) -> Section:
        return (config.fetch_dataset if name in downloads else config.fetch_weights)(name)

    return {
        "fetch": (fetch, [*downloads, *weights]),
        "prepare": (config.prepare, datasets),
        "convert": (config.convert, [name for name in models if name not in here]),
        "pretrain": (config.pretrain, here),
        "samples": (config.samples, config.experiments),
        "probe": (config.probe, probes),
        "train": (config.train, [name for name in runs if name not in probes]),
        "robustness": (config.robustness_of, runs),
        "similarity": (config.similarity, config.experiments),
        "extract": (config.extract, config.experiments),
        "decompose": (config.decompose, config.experiments),
        "knowledge": (config.knowledge, config.experiments),
        "adapting": (config.adapting, [n for n, own in config.experiments.items() if own.variants]),
        "claims": (config.claims, config.suites),
        "figure": (config.figure, config.suites),
        "explorer": (config.explore, config.suites),
        "planted": (lambda _: config.planted, ["all"]),
        "simulation": (lambda _: config.statistics, ["all"]),
    }


def schema() -> str:
    """The JSON schema of configuration files, generated from the types.

    No key is required, as a file may hold only what it changes.
    """
    definitions = Config.model_json_schema()
    for section in (definitions, *definitions["$defs"].values()):
        section.pop("required", None)
    # Dotted keys, such as `sampling.seed`.
    definitions["$defs"]["Experiment"]["patternProperties"] = {"\\.": {}}
    return json.dumps(definitions, indent=2, ensure_ascii=False) + "\n"


def reference() -> str:
    """Markdown: every section of the configuration with its keys, types, defaults and meanings."""
    definitions = Config.model_json_schema()
    sections = {"Config": definitions} | definitions.pop("$defs")
    lines = [
        "# Configuration reference",
        "",
        "This page lists all keys of `config.yaml`, of the files in `config/`, and of files given",
        "with `--configfile`. Unknown keys and values of another type are errors, reported before",
        "any work. `make schema` writes this page from the types in `src/whypretrain/settings/`;",
        "do not edit it.",
    ]
    for name, section in sections.items():
        title = "config.yaml" if name == "Config" else name
        lines += ["", f"## {title}", "", section.get("description", "").partition("\n")[0], ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        for key, field in section["properties"].items():
            required = key in section.get("required", [])
            default = "**required**" if required else f"`{json.dumps(field.get('default'))}`"
            meaning = " ".join(field.get("description", "").split())
            lines.append(f"| `{key}` | {_kind(field)} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _kind(field: dict[str, Any]) -> str:
    """A JSON schema's type in a few words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if options := field.get("anyOf") or field.get("oneOf"):
        return " or ".join(map(_kind, options))
    if values := field.get("enum") or ([field["const"]] if "const" in field else []):
        return " or ".join(f"`{value}`" for value in values)
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"mapping of names to {_kind(field['additionalProperties'])}"
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {field[key]:g}" for key, sign in bounds.items() if key in field]
    return " ".join([str(field.get("type", "any")), *limits])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m whypretrain.settings", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("check", help="validate files")
    commands.add_parser("schema", help="print the JSON schema")
    commands.add_parser("reference", help="print docs/configuration.md")
    show = commands.add_parser("show", help="print the settings of one stage as JSON")
    for own in (checks, show):
        text = "each is merged over those before it"
        own.add_argument("files", type=Path, nargs="+", metavar="FILE", help=text)
    show.add_argument("stage", metavar="STAGE", help="such as train; any other name lists them")
    show.add_argument("name", metavar="NAME", help="dataset, model, run, experiment or suite")
    arguments = parser.parse_args()
    if arguments.command in ("schema", "reference"):
        print(schema() if arguments.command == "schema" else reference(), end="")
        return
    files = ", ".join(map(str, arguments.files))
    try:
        config = load(*arguments.files)
        if arguments.command == "check":
            print(f"{files}: valid; suites: {', '.join(config.suites)}")
            return
        found = stages(config)
        known(f"{files}: STAGE", arguments.stage, found)
        settings, names = found[arguments.stage]
        known(f"{files}: NAME", arguments.name, list(names))
    except ValueError as error:
        sys.exit(str(error))
    print(settings(arguments.name).to_json())


if __name__ == "__main__":
    command.run(main)
