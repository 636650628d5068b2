"""`pip install .` gives the functions for notebooks and the stages, wherever one stands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT
from whypretrain import __version__

SOURCES = ["src", "pyproject.toml", "README.md", "LICENSE"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed a copy of the sources, without what they depend on."""
    folder = tmp_path_factory.mktemp("package")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", "site"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "."], cwd=folder, check=True)
    return folder / "site"


def python(site: Path, *arguments: str) -> str:
    """What Python prints in an empty folder, with the installed package and no checkout."""
    empty = site.parent / "empty"
    empty.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(site)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def test_all_files_are_installed(site: Path) -> None:
    def files(folder: Path) -> set[Path]:
        found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return {path for path in found if "__pycache__" not in path.parts}

    assert files(site / "whypretrain") == files(ROOT / "src/whypretrain")
    assert list(site.glob(f"whypretrain-{__version__}.dist-info"))


def test_the_functions_and_the_stages_are_there(site: Path) -> None:
    code = """
import torch, whypretrain
model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
found = whypretrain.explain_image(model, torch.rand(1, 8, 8), players=3)
print(whypretrain.__file__, len(found.interactions))
"""
    assert python(site, "-c", code).split() == [str(site / "whypretrain/__init__.py"), "8"]
    for stage in ("extract", "explorer", "figure"):
        assert f"usage: python -m whypretrain.stages.{stage}" in python(
            site, "-m", f"whypretrain.stages.{stage}", "--help"
        )
