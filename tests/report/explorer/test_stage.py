"""The page that the workflow makes, against the suite's figures."""

import getpass
import json

import pandas as pd
import pytest

from tests.project import Project
from tests.report.explorer.results import data_of

TINY = "results/explorer/tiny/index.html"


def test_the_page_shows_the_numbers_of_the_figures(project: Project) -> None:
    data = data_of(project.folder / TINY, "experiment-0")
    figures = project.folder / "results/figures/tiny"
    strengths = pd.read_csv(figures / "fig2.csv")
    for row in strengths.itertuples():
        shown = data["orders"][int(str(row.order)) - 1][row.quantity]
        for column in ("strength", "low", "high", "permutation", "self"):
            assert shown[column] == pytest.approx(getattr(row, column), rel=1e-3)
    ratios = pd.read_csv(figures / "fig3.csv").set_index("quantity")
    for one in data["ratio"]:
        for column in ("number", "low", "high", "permutation", "self"):
            expected = ratios.loc[f"ratio {one['reading']}", column]
            assert one[column] == pytest.approx(expected, rel=1e-3)
    for one in data["accuracy"]:
        expected = ratios.loc[f"accuracy {one['variant']}", "number"]
        assert one["number"] == pytest.approx(expected, rel=1e-3)
    curves = pd.read_csv(figures / "fig4.csv")
    for variant, own in curves.groupby("variant"):
        shown = data["jaccard"][variant]
        for column in ("epoch", "jaccard", "low", "high", "permutation"):
            assert shown[column] == pytest.approx(own[column].tolist(), rel=1e-3)
    claims = pd.read_csv(project.folder / "results/tables/tiny/claims.csv")
    rows = [
        row for claim in data_of(project.folder / TINY, "suite")["claims"] for row in claim["rows"]
    ]
    assert [row["verdict"] for row in rows] == claims["verdict"].tolist()


def test_the_page_names_neither_the_machine_nor_its_user(project: Project) -> None:
    for name in ("suite", "experiment-0"):
        text = json.dumps(data_of(project.folder / TINY, name))
        assert str(project.folder) not in text
        assert f"/{getpass.getuser()}/" not in text
