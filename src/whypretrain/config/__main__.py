"""Check a configuration, print its schema, or print the settings that a stage is given.

    python -m whypretrain.config check config.yaml
    python -m whypretrain.config schema > workflow/schemas/config.schema.json
    python -m whypretrain.config show config.yaml train vgg-digits scratch
"""

import argparse
import json
import sys
from pathlib import Path

import yaml

from whypretrain.config.whole import Config, ConfigError, check

STAGES = ["prepare", "pretrain", "samples", "probe", "train", "extract", "measure", "figure"]


def schema() -> str:
    """The JSON schema of config.yaml, generated from the types."""
    return json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m whypretrain.config", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("check", help="validate a file")
    checks.add_argument("file", type=Path)
    commands.add_parser("schema", help="print the JSON schema")
    show = commands.add_parser("show", help="print one stage's settings as JSON")
    show.add_argument("file", type=Path)
    show.add_argument("stage", choices=STAGES)
    show.add_argument("names", nargs="+", help="dataset, model, experiment or suite; then variant")
    arguments = parser.parse_args()
    if arguments.command == "schema":
        print(schema(), end="")
        return
    try:
        config = check(yaml.safe_load(arguments.file.read_text(encoding="utf-8")))
    except (ConfigError, OSError, yaml.YAMLError) as error:
        sys.exit(f"{arguments.file}: {error}")
    if arguments.command == "check":
        print(f"{arguments.file}: valid; suites: {', '.join(config.suites)}")
    else:
        print(getattr(config, arguments.stage)(*arguments.names).to_json())


if __name__ == "__main__":
    main()
