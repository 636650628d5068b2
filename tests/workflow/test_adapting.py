"""Further ways of adapting in the workflow: trained, measured, compared, and only what is new."""

import pandas as pd

from tests.project import Project

WAYS = """
suites:
  ways: [tiny]
experiments:
  tiny:
    variants:
      biases: {title: biases, recipe: tiny, override: {trained: biases}}
      probe_first: {start: probe, recipe: tiny, override: {l2_sp: 1}}
"""


def test_variants_are_trained_measured_and_compared(project: Project) -> None:
    path = project.folder / "ways.yaml"
    path.write_text(WAYS, encoding="utf-8")
    asked = ("--configfile", "tiny.yaml", "ways.yaml", "--config", "suite=ways")
    try:
        due = project.due(*asked)
        trained = {job for job in due if job.startswith(("train:", "train_ends:", "probe:"))}
        assert len(trained) == 4  # two variants with two seeds; the paper's networks are there
        assert all(job.startswith("train_ends:") for job in trained)
        assert not {job for job in due if job.startswith("extract") and "finetune" in job}
        project.snakemake(*asked)
        table = pd.read_csv(project.folder / "results/experiments/tiny/adapting.csv")
        accuracy = table[table["quantity"] == "accuracy"]
        ways = ["probe", "finetune", "scratch", "biases", "probe_first"]
        assert sorted(accuracy["variant"]) == sorted(ways)
        pairs = table.loc[table["quantity"] == "agreement", "variant"].unique()
        assert len(pairs) == 5 * 6 // 2 - 1
        for name in ("adapting", "pairs"):
            numbers = pd.read_csv(project.folder / f"results/figures/ways/{name}.csv")
            assert set(numbers["experiment"]) == {"tiny"}
        assert project.due(*asked) == set()
    finally:
        path.unlink()
