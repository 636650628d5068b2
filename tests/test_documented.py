"""What the README and the docs say to type, typed; the Python they show, run; their links followed.

Commands on the suite `embedded` are run in a copy of the project where that suite is one ViT,
trained for one epoch. Suites that need downloads, a card or hours, and another machine's tools, are
planned (`snakemake -n`, `make -n`) and not run; NOT_RUN says of the rest what runs it instead.
"""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from tests.project import ROOT, Project
from whypretrain.settings.reading import read_over
from whypretrain.settings.whole import check

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("make ", "snakemake ", "python -", "CUDA_VISIBLE_DEVICES=", "XDG_CACHE_HOME=", "rm -rf")
PLANNED = (
    *("suite=paper", "suite=sensitivity", "suite=upstreams", "suite=adapting", "planted"),
    *("rates.csv", "coverage.csv", "slurm"),
    "mine/fig2",
)
"""Of commands that would take hours, downloads or a cluster: these are shown by `snakemake -n`."""
FILLED = {
    "<suite>": "embedded",
    "<stage>": "train",
    "<file>": "results/figures/embedded/fig3.pdf",
}
NOT_RUN = {
    "python -m whypretrain.stages.explorer": "the workflow",
    "python -m validation.benchmarks.bench": "`make bench`",
    "python -m validation.estimate": "nothing: it takes an hour; tests estimate planted games",
    "snakemake --sdm conda …": "nothing: conda is not at hand; a test compares its file with pip's",
}
SNAKEMAKE_FIRST = "snakemake --cores all"
"""Run before all others, which are then about what exists."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Fenced blocks of a page: their language, empty if none is said, and what stands in them."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def spoken(page: Path) -> list[str]:
    """Commands of a page, in its blocks without a language and in its inline code."""
    lines = [
        line for language, block in blocks(page) if not language for line in block.splitlines()
    ]
    lines = [re.split(r"\s+# ", line)[0] for line in lines]
    return [
        command
        for command in [*lines, *re.findall(r"`([^`\n]+)`", prose(page))]
        if command.startswith(PROGRAMS)
    ]


def typed(command: str) -> str:
    """A command as the test types it: blanks filled in, what would take hours only planned."""
    for blank, word in FILLED.items():
        command = command.replace(blank, word)
    if "workflow.lib.plan" in command:  # another suite takes longer and shows no more
        command = command.replace("suite=paper", "suite=embedded")
    if any(word in command for word in PLANNED) and command.startswith("snakemake"):
        command += " -n"
    return command


COMMANDS = sorted({command for page in PAGES for command in spoken(page)} - set(NOT_RUN))
SHELL = list(dict.fromkeys(typed(command) for command in COMMANDS if "make " not in command[:5]))
SHELL.sort(key=lambda command: (command.startswith("rm"), command != SNAKEMAKE_FIRST))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose suite `embedded` takes seconds; all of it is made."""
    project = Project(tmp_path_factory.mktemp("documented"))
    for part in ("config", "validation"):
        if (ROOT / part).exists() and not (project.folder / part).exists():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, project.folder / part, ignore=ignored)
    config = read_over(project.folder / "config.yaml")
    config["suites"] |= {"embedded": ["vit-digits"], "mine": ["vit-digits"]}
    config["snapshots"] = [0, 1]
    for recipe in ("digits_upstream", "digits_downstream"):
        config["recipes"][recipe] |= {"epochs": 1, "warmup_epochs": 0}
    sampling = config["experiments"]["vit-digits"]["sampling"]
    sampling |= {"per_class": 1, "players": sampling["players"] | {"n": 3}}
    text = yaml.safe_dump(config)
    (project.folder / "config.yaml").write_text(text, encoding="utf-8")
    (project.folder / "mine.yaml").write_text("suite: mine\n", encoding="utf-8")
    run(project.folder, SNAKEMAKE_FIRST)
    return project.folder


def run(folder: Path, command: str) -> str:
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
        "PYTHONPATH": str(folder / "src"),
    }
    result = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


PYTHON = [
    pytest.param(block, id=page.name)
    for page in PAGES
    for language, block in blocks(page)
    if language == "python"
]


@pytest.mark.parametrize("block", PYTHON)
def test_python_of_the_docs(small: Path, block: str) -> None:
    (small / "block.py").write_text(block, encoding="utf-8")
    run(small, "python block.py")


@pytest.mark.parametrize("command", SHELL)
def test_a_command_of_the_docs(small: Path, command: str) -> None:
    assert not re.search(r"[<…]", command), "say in FILLED what stands for it"
    printed = run(small, command)
    for target in re.findall(r"results/\S+\.\w+", command):
        assert (small / target).exists() or command.endswith("-n"), printed


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_a_target_of_make(command: str) -> None:
    run(ROOT, command.replace("make ", "make -n ", 1))


def test_configuration_of_the_docs() -> None:
    """Every example is valid, laid over config.yaml and those before it."""
    config = read_over(ROOT / "config.yaml")
    examples = [block for page in PAGES for language, block in blocks(page) if language == "yaml"]
    assert len(examples) >= 3
    for example in examples:
        update_config(config, yaml.safe_load(example))
        check(config)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            text = target.read_text(encoding="utf-8")
            titles = re.findall(r"^#+ (.*)$", text, re.M)
            plain = [re.sub(r"[^\w\- ]", "", title).strip().lower() for title in titles]
            assert anchor in [title.replace(" ", "-") for title in plain], link


def cells(row: str) -> int:
    """How many cells a row of a Markdown table has; `|` in code or after a backslash is text."""
    row = re.sub(r"`[^`]*`|\\\|", "", row.strip())
    assert row[0] + row[-1] == "||", row
    return row.count("|") - 1


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_rows_of_tables_have_as_many_cells_as_their_header(page: Path) -> None:
    tables = re.findall(r"(?:^\|.*\n?)+", prose(page), re.M)
    for table in tables:
        header, line, *rows = table.splitlines()
        assert re.fullmatch(r"(\| ?:?-+:? ?)+\|", line), f"no header: {header}"
        for row in rows:
            assert cells(row) == cells(header), row


def test_every_page_of_the_docs_says_what_it_answers() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "configuration.md":  # generated
            third = page.read_text(encoding="utf-8").splitlines()[2]
            assert re.fullmatch(r"\*.*\?\*", third), page.name


def test_the_readme_is_short_and_names_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    for page in (ROOT / "docs").glob("*.*"):
        assert re.search(rf"\b{page.stem}\b", text), page.name


def test_headings_do_not_skip_a_level() -> None:
    for page in PAGES:
        levels = [len(mark) for mark in re.findall(r"^(#+) ", prose(page), re.M)]
        assert all(after <= before + 1 for before, after in pairwise(levels)), page.name
