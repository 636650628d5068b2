"""An experiment about AND-OR interactions: split once, and shown wherever interactions are."""

import shutil

import pandas as pd

import whypretrain
from tests.project import Project
from tests.report.explorer.results import data_of

AND_OR = """
suites:
  and_or: [tiny_and_or]
experiments:
  tiny_and_or:
    extends: tiny
    interactions: {kind: and_or}
"""
NETWORKS = ("probe", "finetune", "finetune-seed2", "scratch", "scratch-seed2")


def test_and_or_interactions_are_split_once_and_shown_everywhere(project: Project) -> None:
    path = project.folder / "and_or.yaml"
    path.write_text(AND_OR, encoding="utf-8")
    folder = project.folder / "results/experiments/tiny_and_or"
    asked = ("--configfile", "tiny.yaml", "and_or.yaml", "--config", "suite=and_or", "--")
    targets = [
        "results/explorer/and_or/index.html",
        "results/overlays/tiny_and_or/000.pdf",
        "results/figures/and_or/fig2.pdf",
    ]
    try:
        project.snakemake(*asked, *targets)
        assert sorted(one.stem for one in (folder / "and_or").glob("[a-z]*.h5")) == sorted(NETWORKS)
        sparsity = pd.read_csv(folder / "tables/sparsity.csv")
        assert set(sparsity["kind"]) == {"harsanyi", "and_or"}
        shown = data_of(project.folder / targets[0], "experiment-0")
        assert shown["n_sets"] == sparsity.query("kind == 'and_or'")["n_sets"].iloc[0]
        found = whypretrain.read_explanations(folder / "and_or/finetune.h5")
        sample = shown["samples"][0]
        strongest = found[sample["id"]].strongest(len(sample["strongest"]["finetune"]))
        signed = strongest.index.to_series().where(strongest["kind"] == "and", -strongest.index)
        assert sample["strongest"]["finetune"] == signed.tolist()
        # A split is of outputs alone: what is salient does not change it.
        path.write_text(f"{AND_OR}metrics: {{salience_threshold: 0.1}}", encoding="utf-8")
        due = project.due(*asked, *targets)
        assert any(job.startswith("knowledge") for job in due)
        assert not any(job.startswith("decompose") for job in due)
        # How near to the least it must be, does.
        path.write_text(AND_OR.replace("and_or}", "and_or, tolerance: 0.01}"), encoding="utf-8")
        due = project.due(*asked, *targets)
        assert sum(job.startswith("decompose") for job in due) == len(NETWORKS)
        assert not any(job.startswith("extract") for job in due)
    finally:  # other tests look at all that is there
        path.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        for made in ("figures/and_or", "tables/and_or", "explorer/and_or", "overlays/tiny_and_or"):
            shutil.rmtree(project.folder / "results" / made, ignore_errors=True)
