"""What starts fast: `--help` and mistakes in settings wait for no library, figures for no torch."""

import subprocess
import sys
from pkgutil import iter_modules

import pytest

from whypretrain import stages
from whypretrain.__main__ import STAGES as LISTED
from whypretrain.stages.figure import NAMES

HEAVY = {
    *("torch", "torchvision", "timm", "transformers", "datasets", "huggingface_hub"),
    *("pandas", "sklearn", "scipy", "skimage", "matplotlib", "pyarrow", "h5py"),
}
STAGES = sorted({module.name for module in iter_modules(stages.__path__)} - {"command"})
HELP = """
import runpy, sys
sys.argv = ["stage", "--help"]
try:
    runpy.run_module("whypretrain.stages.{name}", run_name="__main__")
except SystemExit as end:
    assert not end.code
"""
SCIENCE = {
    "figure": [f"whypretrain.report.figures.{name}" for name in NAMES],
    "decompose": ["whypretrain.interactions.splits"],
    "adapting": ["whypretrain.knowledge.adapting"],
    "knowledge": ["whypretrain.knowledge.tables", "whypretrain.knowledge.summary"],
    "claims": ["whypretrain.claims.verdicts", "whypretrain.claims.overview"],
    "explorer": ["whypretrain.report.explorer.experiment", "whypretrain.report.explorer.page"],
    "player_sheet": ["whypretrain.report.player_sheet"],
}
"""Modules that stages import once their command line is parsed."""


def loaded(script: str) -> tuple[str, set[str]]:
    """What a script prints, and the top-level packages that are loaded at its end."""
    script += "\nprint(*sys.modules)"
    line = [sys.executable, "-c", script]
    result = subprocess.run(line, capture_output=True, text=True, check=True)
    said, _, modules = result.stdout.rstrip("\n").rpartition("\n")
    return said, {name.partition(".")[0] for name in modules.split()}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_explains_itself_at_once(name: str) -> None:
    said, modules = loaded(HELP.format(name=name))
    assert said.startswith(f"usage: python -m whypretrain.stages.{name}")
    if "--settings" in said:
        assert f"settings show config.yaml {name} NAME" in " ".join(said.split())
    assert not modules & HEAVY


@pytest.mark.parametrize("stage", SCIENCE)
def test_what_follows_extraction_needs_no_torch(stage: str) -> None:
    imports = ", ".join(["sys", "whypretrain.knowledge.reading", *SCIENCE[stage]])
    _, modules = loaded(f"import {imports}")
    assert "whypretrain" in modules
    assert not modules & {"torch", "timm", "transformers"}


def test_the_package_lists_its_stages_at_once() -> None:
    run = 'import runpy, sys; runpy.run_module("whypretrain", run_name="__main__")'
    said, modules = loaded(run)
    assert [line.split()[0] for line in said.splitlines()[2 : 2 + len(STAGES)]] == list(LISTED)
    assert sorted(LISTED) == STAGES
    assert all(len(line.split()) > 5 and len(line) <= 100 for line in said.splitlines() if line)
    assert not modules & HEAVY
