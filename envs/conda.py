"""Write whypretrain.yaml, the conda environment of the rules, from requirements.lock.

    python envs/conda.py

Snakemake copies the file elsewhere before using it, so it cannot refer to the lock file; the pins
of everything the workflow itself needs are written out. A test keeps the two in step.
"""

import re
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
HEAD = """\
# Written by envs/conda.py from requirements.lock: run `make lock`, do not edit.
name: whypretrain
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def pins() -> dict[str, str]:
    """Name → version of everything in the lock file, the first where there are several."""
    text = (HERE / "requirements.lock").read_text(encoding="utf-8")
    return dict(reversed(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE)))


def render() -> str:
    """The text of whypretrain.yaml: the package's direct dependencies and the workflow's."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["workflow"]
    names = sorted(re.split(r"[<>=!~\s;\[]", item)[0] for item in wanted)
    versions = pins()
    return HEAD + "".join(f"      - {name}=={versions[name]}\n" for name in names)


if __name__ == "__main__":
    (HERE / "whypretrain.yaml").write_text(render(), encoding="utf-8")
