"""The profiles: what a cluster is asked for, and that a local run is not held up by it."""

import re
from pathlib import Path

import pytest
import yaml

from tests.project import ROOT, Project

PROFILES = [path.parent.name for path in (ROOT / "profiles").glob("*/config.yaml")]


def text(profile: str) -> str:
    return Path(ROOT, "profiles", profile, "config.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_entry_has_its_reason(profile: str) -> None:
    entries = text(profile).split("\n\n")
    for entry in entries:
        if re.search(r"^[\w-]+:", entry, re.MULTILINE):
            assert entry.startswith("#"), entry


def test_jobs_that_may_use_a_card_ask_slurm_for_one() -> None:
    asked = set(yaml.safe_load(text("slurm"))["set-resources"])
    rules: set[str] = set()
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        parts = re.split(r"^rule (\w+):$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        rules |= {n for n, body in zip(parts[1::2], parts[2::2], strict=True) if "gpu=" in body}
    assert "train" in rules
    rules.add("train_ends")  # `use rule train`, with its resources
    assert asked == rules


def test_a_local_run_is_limited_in_cards_alone() -> None:
    default = yaml.safe_load(text("default"))
    assert default["resources"] == ["card=100"]
    assert not {"default-resources", "set-resources"} & set(default)


def test_the_slurm_profile_replaces_the_limit_of_one_card(project: Project) -> None:
    arguments = ["--workflow-profile", "profiles/slurm", "--config", "suite=paper"]
    printed = project.snakemake("-n", *arguments)
    assert "Using workflow specific profile profiles/slurm" in printed
    jobs = re.findall(r"^rule (\w+):$.*?resources: (.*?)$", printed, re.MULTILINE | re.DOTALL)
    found = dict(jobs)
    assert "gpu=1" in found["train"]
    assert "gpu" not in found["knowledge"]
    # A model's size is known before its weights are: that of VGG-16 by the largest of its kind.
    assert "mem_mb=16400" in "".join(resources for rule, resources in jobs if rule == "convert")


def test_the_end_of_a_failed_run_names_rule_and_log(project: Project) -> None:
    table = project.folder / "results/experiments/tiny/summary.csv"
    before = table.read_bytes()
    table.write_bytes(b"")
    target = "results/figures/tiny/fig4.pdf"
    try:
        printed = project.snakemake("--allowed-rules", "figure", "--", target, check=False)
    finally:
        table.write_bytes(before)
    assert "figure: results/logs/figures/tiny-fig4.log\nFinished work is kept: " in printed
    assert "Traceback" not in printed
    project.snakemake("--", target)
