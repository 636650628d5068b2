"""The workflow as a whole: its target, its messages, its cards, its report of what was done."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jinja2
import pandas as pd
import pytest

from tests.project import ROOT, Project
from tests.workflow.test_invalidation import FIGURE_NAMES
from whypretrain.claims.verdicts import ANSWERS
from workflow.lib import start


def test_every_job_leaves_a_log_and_a_benchmark_record(project: Project) -> None:
    stages = ("prepare", "pretrain", "samples", "probe", "train", "extract")
    for rule in (*stages, "robustness", "similarity", "knowledge"):
        assert list((project.folder / "results/logs" / rule).rglob("*.log")), rule
        for path in (project.folder / "results/benchmarks" / rule).rglob("*.tsv"):
            assert pd.read_csv(path, sep="\t")["s"].item() > 0
    for log in (project.folder / "results/logs/train").rglob("*.log"):
        assert "step/s] loss" in log.read_text(encoding="utf-8")


def test_each_figure_has_a_picture_and_its_numbers(project: Project) -> None:
    folder = project.folder / "results/figures/tiny"
    for name in FIGURE_NAMES:
        vector = (folder / f"{name}.pdf").read_bytes()
        assert vector.startswith(b"%PDF")
        assert b"/FontFile2" in vector  # embedded TrueType
        assert b"/Type3" not in vector  # which journals refuse
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        # No sample of this suite is decided rightly by interactions, as `redundancy` wants.
        assert (len(pd.read_csv(folder / f"{name}.csv")) > 0) != (name == "redundancy")
    numbers = pd.read_csv(folder / "fig3.csv").query("reading == 'positive'")["number"]
    tables = project.folder / "results/experiments/tiny/tables"
    ratio = pd.read_csv(tables / "ratio.csv").query(
        "order == 'all' and reading == 'positive' and reference == 'measured'"
    )
    assert numbers.item() == pytest.approx(ratio["ratio"].mean())


def test_claims_are_judged_and_have_every_reference(project: Project) -> None:
    folder = project.folder / "results/tables/tiny"
    claims = pd.read_csv(folder / "claims.csv").set_index("claim")
    answers = claims[list(ANSWERS)]
    assert answers.isin(["open", "–"]).to_numpy().all()  # two seeds are too few
    assert (answers == "open").to_numpy().any()
    assert claims.loc["discard", ["chance", "swapped", "second_run"]].notna().to_numpy().all()
    document = (folder / "claims.md").read_text(encoding="utf-8")
    assert all(statement in document for statement in claims["statement"])
    overview = pd.read_csv(folder / "overview.csv")
    between = (overview["low"] <= overview["number"]) & (overview["number"] <= overview["high"])
    assert between[overview["quantity"].str.startswith("accuracy")].all()


def test_a_figure_of_several_tables(project: Project) -> None:
    project.snakemake("--", "results/figures/tiny/sensitivity.pdf")
    numbers = pd.read_csv(project.folder / "results/figures/tiny/sensitivity.csv")
    assert set(numbers["quantity"]) >= {"discard_over_preserve", "accuracy_gain", "earlier"}
    assert set(numbers["experiment"]) == {"tiny"}


def test_results_hold_no_path_of_this_machine(project: Project) -> None:
    here = str(project.folder).encode()
    for path in (project.folder / "results").rglob("*"):
        if path.is_file() and "logs" not in path.parts:
            assert here not in path.read_bytes(), path


def test_a_wrong_configuration_ends_before_any_job(project: Project) -> None:
    with project.edited("tiny.yaml", "per_class: 2", "per_class: 2\n      clases: 3"):
        printed = project.snakemake("-n", check=False)
    assert "experiments.tiny.sampling" in printed
    assert "unknown key 'clases'; did you mean 'per_class'? allowed: per_class, total" in printed
    assert "Traceback" not in printed
    printed = project.snakemake("-n", "--config", "suite=papre", check=False)
    assert "suite = 'papre': unknown; did you mean 'paper'? allowed: " in printed


def test_another_suite_is_chosen_on_the_command_line(project: Project) -> None:
    due = project.due("--config", "suite=embedded")
    assert "figure:embedded:fig3" in due
    assert "pretrain:vgg_mini" in due


def test_the_papers_suite_is_fourteen_experiments_in_few_jobs(project: Project) -> None:
    due = project.due("--config", "suite=paper")
    measured = {job.partition(":")[2] for job in due if job.startswith("knowledge:")}
    networks = ["vgg16", "resnet50", "vit_small", "vit_base"]
    expected = {f"{net}-{data}" for net in networks for data in ("cub", "cifar10", "cars")}
    assert measured == expected | {"bert_base-sst2", "distilbert-sst2"}
    assert sum(job.startswith("fetch_") for job in due) == 10
    assert len(due) < 400  # Snakemake's dry run takes seconds for thousands


def test_planted_truth_needs_no_other_result(project: Project) -> None:
    assert project.due("--forcerun", "planted", "--", "planted") == {"planted"}


def test_only_the_download_rules_reach_the_network(project: Project) -> None:
    printed = project.snakemake("-n", "-p", "--config", "suite=paper")
    commands = [line for line in printed.splitlines() if " -m whypretrain." in line]
    fetching = [line for line in commands if "-m whypretrain.stages.fetch " in line]
    assert len(fetching) == 10
    assert fetching == [line for line in commands if "HF_HUB_OFFLINE=0" in line]


def test_the_card_is_asked_for_only_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = tmp_path / "nvidiactl"
    monkeypatch.setattr(start, "NVIDIA_DRIVER", driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert start.local_gpus() == 0
    driver.touch()
    assert start.local_gpus() == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert start.local_gpus() == 0


def test_two_jobs_never_share_the_card(tmp_path: Path) -> None:
    """The default profile, picked up by itself, lets jobs that ask for a card take turns."""
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")
    (tmp_path / "Snakefile").write_text(
        "rule all:\n    input: ['a', 'b', 'c']\n"
        "rule one:\n    output: '{name}'\n    wildcard_constraints: name='[abc]'\n"
        "    resources: card=100\n"
        "    shell: 'mkdir busy && sleep 0.3 && rmdir busy && touch {output}'\n"
    )
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["snakemake", "--cores", "3"]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    (tmp_path / "profiles").unlink()
    unlimited = subprocess.run(
        [*command, "--forceall"], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert unlimited.returncode != 0  # without the profile the jobs do collide


def test_threads_are_what_snakemake_grants(project: Project) -> None:
    printed = project.snakemake("-n", "-p", "--forceall")
    commands = [line for line in printed.splitlines() if "whypretrain.stages.train " in line]
    assert commands
    assert all("--threads 1" in line for line in commands)


def test_every_figure_has_a_caption() -> None:
    template = jinja2.Template((ROOT / "workflow/report/figures.rst").read_text(encoding="utf-8"))
    captions = []
    for name in (*FIGURE_NAMES, "sensitivity"):
        captions.append(template.render(snakemake={"wildcards": {"figure": name}}))
        assert len(captions[-1].split()) > 10, name
    assert len(set(captions)) == len(captions)


def test_the_report_holds_every_figure_with_its_caption(project: Project) -> None:
    project.snakemake("--report", "report.html")
    report = (project.folder / "report.html").read_text(encoding="utf-8")
    for name in FIGURE_NAMES:
        assert f'"name": "{name}.png"' in report
    assert '"name": "claims.html"' in report
    for words in ("in nats of log-odds", "Three answers to each claim", "What pre-training"):
        assert words in report
    for category in ("Claims", "Figures of the paper", "Further figures"):
        assert f'"{category}"' in report
    assert "Fig. 2: knowledge by order" in report
    assert str(project.folder.parent) not in report


def test_every_file_that_the_docs_of_the_findings_name_has_a_rule(project: Project) -> None:
    targets = set()
    for page in ("questions", "claims", "suites", "method"):
        text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
        for path in re.findall(r"results/[\w/<>.-]+\.(?:csv|md|pdf)", text):
            named = re.sub("<s>|<suite>|mine", "embedded", path)
            targets.add(named.replace("<e>", "vit-digits"))
    assert len(targets) > 12
    printed = project.snakemake("-n", *sorted(targets))
    assert "MissingRuleException" not in printed
