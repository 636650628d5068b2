"""A copy of the project for tests that run the tiny suite, edit it or damage it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
TINY_RUNS = "tiny_resnet/tiny_downstream"
TINYS_OWN = {
    "tiny",
    f"{TINY_RUNS}/probe",
    f"{TINY_RUNS}/finetune-tiny-seed0",
    f"{TINY_RUNS}/scratch-tiny-seed0",
}
SECRETS = {"HF_TOKEN": "hf_" + 34 * "s", "USER": "someone-secret", "LOGNAME": "someone-secret"}
"""What is in the environment of every run, and must be in no result: test_secrets.py looks."""
PARTS = [
    *("Snakefile", "config.yaml", "config", "workflow", "profiles", "envs", "src"),
    "validation",
]


class Project:
    """A copy of the workflow in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            source = ROOT / part
            if not source.exists():
                continue
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(source, folder / part, ignore=ignored)
            else:
                shutil.copy(source, folder / part)
        shutil.copy(ROOT / "tests/workflow/tiny.yaml", folder / "tiny.yaml")

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Run Snakemake on the tiny suite; returns all it printed."""
        result = subprocess.run(
            [
                sys.executable,
                "-m",
                "snakemake",
                "--cores=2",
                "--configfile",
                "tiny.yaml",
                *arguments,
            ],
            cwd=self.folder,
            env={**os.environ, **SECRETS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or result.returncode == 0, result.stdout
        return result.stdout

    def due(self, *arguments: str) -> set[str]:
        """Rules that would run now, each with the wildcards that are not the tiny suite's own."""
        listed = self.snakemake("-n", *arguments)
        jobs = re.findall(r"^(?:local)?rule (\w+):$(.*?)(?=^\[|\Z)", listed, re.M | re.S)
        found = set()
        for rule, text in jobs:
            if rule != "all":
                wildcards = re.search(r"wildcards: (.*)", text)
                values = re.findall(r"=([^,\n]+)", wildcards[1]) if wildcards else []
                if rule.startswith("train"):  # which makes networks of both ways and all seeds
                    values = [value.removeprefix(f"{TINY_RUNS}/") for value in values]
                found.add(":".join([rule, *[value for value in values if value not in TINYS_OWN]]))
        return found

    @contextmanager
    def edited(self, name: str, old: str, new: str) -> Iterator[None]:
        """Replace text in a file of the project, and put it back afterwards."""
        path = self.folder / name
        before = path.read_text(encoding="utf-8")
        assert old in before
        path.write_text(before.replace(old, new), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")
