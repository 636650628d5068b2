"""Names and paths are data: none reaches a shell, a format string, or a folder that is not its own.

What strangers' files do is in test_untrusted_files.py. docs/running.md says what is trusted.
"""

import ast
import copy
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from safetensors.torch import save_file

from tests.conftest import small
from tests.project import Project
from tests.reliability.stages import run_prepare, run_samples
from tests.settings.test_whole import ROOT, VALID
from whypretrain.claims.document import document
from whypretrain.claims.verdicts import ANSWERS
from whypretrain.data.samples import Sample, Samples
from whypretrain.data.table import read_split
from whypretrain.interactions.record import new_record, read_record, write_record
from whypretrain.networks.build import build
from whypretrain.settings.knowledge import Statistics
from whypretrain.settings.reading import ConfigError
from whypretrain.settings.report import ClaimsSettings, Figures
from whypretrain.settings.whole import check
from whypretrain.stages import player_sheet

HOSTILE = [
    "a; touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "a' touch pwned '",
    'a" touch pwned "',
    "a && touch pwned",
    "a | touch pwned",
    "a > pwned",
    "a\ntouch pwned",
    "{wildcards}",
    "{params.settings}",
    "{{x}}",
    "{0!r:>9}",
    "%s%n",
    "$HOME",
    "~root",
    "\\",
    "a\\",
    "-rf",
    "--help",
    "*",
    "?[a-z]",
    "..",
    "../x",
    "/etc/x",
    "a b",
    "a\tb",
    "é",
    "\u202etxt.exe",
    "<script>alert(1)</script>",
    "=1+1",
    "#",
    "!x",
]
"""What a shell, Snakemake, a path, a format string, HTML or a spreadsheet could take amiss."""
SECTIONS = ["suites", "experiments", "variations", "models", "datasets", "recipes"]
MODULES = sorted((ROOT / "src").rglob("*.py"))
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
UNPICKLERS = {"pickle", "_pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}
RUNNERS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"}
"""Functions that run text."""


def calls(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every call of a module: where, the function's name, and its keyword arguments."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            keywords = {k.arg or "**": ast.unparse(k.value) for k in node.keywords}
            yield f"{path.name}:{node.lineno}", ast.unparse(node.func), keywords


def offences(path: Path) -> list[str]:
    """Where a module could run what it reads."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += [f"{path.name}: {n}" for n in names if n.split(".")[0] in UNPICKLERS]
    for where, function, keywords in calls(path):
        name = function.rpartition(".")[2]
        wrong = (
            function in RUNNERS
            or name in {"read_pickle", "unsafe_load", "full_load"}
            or keywords.get("shell") not in (None, "False")
            or keywords.get("allow_pickle") not in (None, "False")
            or (function == "torch.load" and keywords.get("weights_only") != "True")
            or (
                name in {"from_pretrained", "from_config"}
                and function != "nn.Embedding.from_pretrained"
                and keywords.get("trust_remote_code") != "False"
            )
            or (function == "yaml.load" and path.name != "reading.py")
            or (function == "Image.open" and "formats" not in keywords)
            or (name == "extractall" and keywords.get("filter") != "'data'")
        )
        found += [f"{where}: {function}"] if wrong else []
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_runs_what_it_reads(path: Path) -> None:
    assert offences(path) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
        "yaml.load(text, yaml.Loader)",
        "AutoModel.from_pretrained(folder)",
        "AutoModel.from_pretrained(folder, trust_remote_code=True)",
        "Image.open(file)",
        "tar.extractall(folder)",
    ],
)
def test_the_search_finds(line: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(line)
    assert len(offences(tmp_path / "module.py")) == 1


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_value_in_a_shell_command_is_quoted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    commands = re.findall(r"^    shell:\n((?:^        .*\n)+)", text, re.M)
    used = set(re.findall(r"\{[^{}]*\}", "".join(commands)))
    # A number, and a name out of a list of ours.
    unquoted = {field for field in used if not field.endswith(":q}")}
    assert unquoted <= {"{threads}", "{wildcards.figure}"}
    assert (len(commands) > 0) == ("    shell:" in text)


@pytest.mark.parametrize("section", SECTIONS)
def test_hostile_names_are_refused(section: str) -> None:
    for name in HOSTILE:
        values = copy.deepcopy(VALID)
        values[section][name] = next(iter(values[section].values()))
        with pytest.raises(ConfigError, match="a name has 1 to 64 letters"):
            check(values)


def pictures(folder: Path, classes: list[str], names: list[str]) -> None:
    """A folder of images that all differ, with these names of classes and files."""
    for number, split in enumerate(("train", "test")):
        for label, name in enumerate(classes):
            for index, file in enumerate(names):
                path = folder / split / name / f"{file}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (9, 7), 100 * number + 40 * label + index).save(path)


def file_names() -> list[str]:
    """The hostile strings that a file can be called."""
    return [name for name in HOSTILE if "/" not in name and name != ".."]


def test_hostile_ids_and_classes_come_back_and_stay_in_their_place(tmp_path: Path) -> None:
    names = file_names()
    classes = ["$(touch pwned)\n", "=1+1, \"'é"]
    pictures(tmp_path / "data", classes, names)
    out = tmp_path / "out"
    assert run_prepare(out, source="image_folder", path=str(tmp_path / "data")) == ""
    ids = {f"test/{label}/{name}.png" for label in classes for name in names}
    split = read_split(out / "test.parquet")
    assert set(split.ids) == ids
    assert split.classes == sorted(classes)
    players = {"n": 2, "cells": 2, "margin": 0}
    vgg = small("whypretrain_vgg")
    assert run_samples(out, vgg, per_class=len(names), players=players) == ""
    table = pd.read_csv(out / "samples.csv", keep_default_na=False)
    assert set(table["sample"]) == ids
    assert set(table["class"]) == set(classes)
    with pytest.MonkeyPatch.context() as patch:
        arguments = ["--samples", str(out / "samples.h5"), "--folder", str(out / "players")]
        patch.setattr(sys, "argv", ["player_sheet", *arguments])
        player_sheet.main()
    sheets = [path.name for path in (out / "players").glob("[!.]*")]
    assert len(sheets) == len(ids)
    assert all(re.fullmatch(r"\d{3,}-[A-Za-z0-9_.-]+\.png", name) for name in sheets)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}


@pytest.mark.parametrize("name", [*HOSTILE, ".", "a/../b", "a//b", "samples/x"])
def test_hostile_ids_are_only_text(name: str, tmp_path: Path) -> None:
    players = np.zeros((1, 1), dtype=np.int16)
    names = [f"test/{name}", "test/other"]
    record = new_record(
        Samples(["a", "b"], 1, [Sample(n, 0, players, players, players, [], []) for n in names]),
        fractions=[1.0],
        epochs=[1.0],
        outputs=np.zeros((1, 2, 2)),
        logits=np.zeros((1, 2, 2), dtype=np.float32),
        noise_floor=np.zeros((1, 2)),
        digests=[["0", "1"]],
    )
    write_record(tmp_path / "i.h5", record, {})
    assert read_record(tmp_path / "i.h5").samples == names


def test_titles_are_text_in_the_document_of_claims() -> None:
    titles = ["a | b", "<script>alert(1)</script>", "[x](javascript:alert)", "`touch`", "$5 and $6"]
    names = [f"e{index}" for index in range(len(titles))]
    settings = ClaimsSettings(
        experiments=names,
        titles=titles,
        figures=Figures(),
        statistics=Statistics(),
        kinds=["cnn"] * len(names),
    )
    row: dict[str, Any] = {"claim": "discard", "reading": "", "n": 2, "n_seeds": 3, "note": ""}
    row |= dict.fromkeys(["number", "low", "high", "chance", "second_run"], 1.0)
    for column in ("agreement", "retraining"):
        row |= dict.fromkeys([column, f"{column}_low", f"{column}_high"], 1.0)
    row |= dict.fromkeys(ANSWERS, "yes")
    text = document(pd.DataFrame([row | {"experiment": name} for name in names]), settings)
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(lines) == len(titles)
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line)) == 11
        assert not re.search(r"(?<!\\)[<>`\[\]]", line.split(" | ")[0])


NASTY = 'it\'s a "{wildcards} {0}" $(touch pwned); `touch pwned` #%s\\ é *'
"""A folder that a person may have."""
NO_BRACES = str.maketrans("{}", "()")  # refused in the one path that Snakemake reads itself


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose data, annotations and weights have paths as nasty as can be, run."""
    project = Project(tmp_path_factory.mktemp("nasty"))
    data, weights = project.folder / f"{NASTY}\nx", project.folder / f"-w {NASTY}\nx"
    annotations = project.folder / f"{NASTY.translate(NO_BRACES)}.json"
    pictures(data, ["cat", "dog"], ["a", "b"])
    weights.mkdir()
    network = small("whypretrain_resnet")
    save_file(build(network, 3).state_dict(), weights / "model.safetensors")
    ids = [f"test/{label}/a.png" for label in ("cat", "dog")]
    regions = [[[0, 0], [0, 1]], [[5, 5]]]
    annotations.write_text(json.dumps(dict.fromkeys(ids, regions)))
    tiny = yaml.safe_load((project.folder / "tiny.yaml").read_text())
    tiny["datasets"]["tiny_downstream"] = {"source": "image_folder", "path": data.name}
    tiny["models"]["tiny_resnet"]["weights"] = {"path": weights.name}
    players = {"kind": "annotations", "n": 2, "path": annotations.name}
    tiny["experiments"] = {"tiny": tiny["experiments"]["tiny"]}
    tiny["experiments"]["tiny"]["sampling"] = {"per_class": 1, "players": players}
    del tiny["variations"]
    (project.folder / "tiny.yaml").write_text(yaml.safe_dump(tiny))
    project.snakemake(
        "--printshellcmds",
        "results/experiments/tiny/players",
        "results/pretrained/tiny_resnet/weights.safetensors",
    )
    return project


def test_nasty_paths_reach_no_shell(nasty: Project) -> None:
    table = pd.read_csv(nasty.folder / "results/experiments/tiny/samples.csv")
    assert set(table["class"]) == {"cat", "dog"}
    assert len(list((nasty.folder / "results/experiments/tiny/players").glob("*.png"))) == 2
    assert (nasty.folder / "results/pretrained/tiny_resnet/weights.safetensors").exists()
    assert not list(nasty.folder.rglob("pwned"))
    assert not (Path.cwd() / "pwned").exists()
