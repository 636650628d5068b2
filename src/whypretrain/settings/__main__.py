"""Check a configuration, print its schema or reference, or the settings that a stage is given.

python -m whypretrain.settings check config.yaml
python -m whypretrain.settings check config.yaml mine.yaml
python -m whypretrain.settings schema > workflow/schemas/config.schema.json
python -m whypretrain.settings reference > docs/configuration.md
python -m whypretrain.settings show config.yaml extract vgg-digits
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from whypretrain.settings.base import allowed
from whypretrain.settings.mistakes import ConfigError
from whypretrain.settings.reading import read_over
from whypretrain.settings.whole import Config, check
from whypretrain.stages import command

STAGES = [
    "fetch_dataset",
    "fetch_weights",
    "convert",
    "prepare",
    "pretrain",
    "samples",
    "probe",
    "train",
    "robustness_of",
    "extract",
    "measure",
    "figure",
    "explore",
]

RUN_STAGES = {"probe", "train", "robustness_of"}
"""Those whose settings go by the name of a run."""


def load(*paths: Path) -> Config:
    """Read and validate files, each laid over those before it.

    Raises
    ------
    ConfigError
        Naming the file, or the files if they are wrong as a whole.
    """
    values = read_over(*paths)
    try:
        return check(values)
    except ConfigError as error:
        message = f"{', '.join(map(str, paths))}: {error}"
        raise ConfigError(message) from None


def schema() -> str:
    """The JSON schema of config.yaml, generated from the types."""
    return json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def reference() -> str:
    """Markdown: every section of config.yaml with its keys, types, defaults and meanings."""
    definitions = Config.model_json_schema()
    sections = {"Config": definitions} | definitions.pop("$defs")
    lines = [
        "# Configuration reference",
        "",
        "Written by `make schema` from the types in `src/whypretrain/config/`; do not edit.",
        "Unknown keys and values of another type are errors, found before any work starts.",
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
    for key in ("anyOf", "oneOf"):
        if key in field:
            return " or ".join(_kind(option) for option in field[key])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
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
    checks = commands.add_parser("check", help="validate a file, or several as one")
    checks.add_argument(
        "files", type=Path, nargs="+", metavar="file", help="each is laid over those before it"
    )
    commands.add_parser("schema", help="print the JSON schema")
    commands.add_parser("reference", help="print docs/configuration.md")
    show = commands.add_parser("show", help="print one stage's settings as JSON")
    show.add_argument("files", type=Path, nargs=1, metavar="file")
    show.add_argument("stage", choices=STAGES)
    show.add_argument("name", help="of the dataset, model, run, experiment or suite")
    arguments = parser.parse_args()
    if arguments.command in ("schema", "reference"):
        print(schema() if arguments.command == "schema" else reference(), end="")
        return
    files = ", ".join(map(str, arguments.files))
    try:
        config = load(*arguments.files)
    except ConfigError as error:
        sys.exit(str(error))
    if arguments.command == "check":
        print(f"{files}: valid; suites: {', '.join(config.suites)}")
    else:
        try:
            print(getattr(config, arguments.stage)(arguments.name).to_json())
        except KeyError:
            known = config.runs() if arguments.stage in RUN_STAGES else None
            hint = f"; {allowed(arguments.name, list(known))}" if known else ""
            sys.exit(f"{files}: {arguments.stage}: nothing named '{arguments.name}'{hint}")


if __name__ == "__main__":
    command.run(main)
