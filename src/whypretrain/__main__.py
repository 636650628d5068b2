"""List the stages of the workflow and what each does: `python -m whypretrain`."""

import ast
from pathlib import Path

STAGES = (
    *("fetch", "prepare", "convert", "pretrain", "samples", "player_sheet", "probe", "train"),
    *("robustness", "similarity", "extract", "decompose", "knowledge", "adapting", "claims"),
    *("figure", "overlay", "explorer"),
)
"""In the order in which the workflow runs them."""


def listed() -> str:
    """A line for each stage: its name, and the first sentence of its docstring."""
    lines = []
    for name in STAGES:
        source = Path(__file__).with_name("stages") / f"{name}.py"  # importing all takes seconds
        told = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
        lines.append(f"  {name:<14}{told.splitlines()[0].partition('`: ')[2]}")
    return "\n".join(lines)


def main() -> None:
    """Print the list and how to go on."""
    print(
        "Snakemake runs these stages (`snakemake --cores all`); you can also run each by hand:\n\n"
        f"{listed()}\n\n"
        "  python -m whypretrain.stages.STAGE --help                    what it reads and writes\n"
        "  python -m whypretrain.settings show config.yaml STAGE NAME   its --settings\n"
        "  python -m whypretrain.settings --help                        check a configuration"
    )


if __name__ == "__main__":
    main()
