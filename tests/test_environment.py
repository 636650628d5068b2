"""The pinned environments are in step with what the package says it needs."""

import importlib.util
import itertools
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("conda", ROOT / "envs" / "conda.py")
assert spec is not None
assert spec.loader is not None
conda = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conda)


def test_every_dependency_is_locked_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = conda.pins()
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for text in itertools.chain.from_iterable(groups):
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[requirement.name]), f"{text}: run `make lock`"


def test_the_conda_file_is_written_from_the_lock() -> None:
    written = (ROOT / "envs" / "whypretrain.yaml").read_text(encoding="utf-8")
    assert written == conda.render(), "run `make lock`"


def test_the_lock_is_hashed_and_names_no_host() -> None:
    text = (ROOT / "envs" / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert all("--hash=sha256:" in block for block in blocks)
