"""Further ways of adapting in the workflow: trained, measured, compared, and only what is new."""

import shutil

import pandas as pd

from tests.project import TINY_RUNS, Project

WAYS = """
suites:
  ways: [tiny_ways]
experiments:
  tiny_ways:
    extends: tiny
    variants:
      biases: {title: biases, recipe: tiny, override: {trained: biases}}
      probe_first: {start: probe, recipe: tiny, override: {l2_sp: 1}}
"""


def test_variants_are_trained_measured_and_compared(project: Project) -> None:
    path = project.folder / "ways.yaml"
    before = set((project.folder / f"results/runs/{TINY_RUNS}").iterdir())
    path.write_text(WAYS, encoding="utf-8")
    asked = ("--configfile", "tiny.yaml", "ways.yaml", "--config", "suite=ways")
    try:
        due = project.due(*asked)
        trained = {job for job in due if job.startswith(("train:", "train_ends:", "probe:"))}
        assert len(trained) == 4  # two variants with two seeds; the paper's networks are there
        assert all(job.startswith("train_ends:") for job in trained)
        project.snakemake(*asked)
        table = pd.read_csv(project.folder / "results/experiments/tiny_ways/adapting.csv")
        accuracy = table[table["quantity"] == "accuracy"]
        ways = ["probe", "finetune", "scratch", "biases", "probe_first"]
        assert sorted(accuracy["variant"]) == sorted(ways)
        pairs = table.loc[table["quantity"] == "agreement", "variant"].unique()
        assert len(pairs) == 5 * 6 // 2 - 1
        for name in ("adapting", "pairs"):
            numbers = pd.read_csv(project.folder / f"results/figures/ways/{name}.csv")
            assert set(numbers["experiment"]) == {"tiny_ways"}
        assert project.due(*asked) == set()
    finally:  # other tests look at all that is there
        path.unlink()
        made = project.folder / "results"
        shutil.rmtree(made / "experiments/tiny_ways")
        for folder in ("figures", "tables", "explorer"):
            shutil.rmtree(made / folder / "ways")
        for run in set((made / f"runs/{TINY_RUNS}").iterdir()) - before:
            shutil.rmtree(run)
