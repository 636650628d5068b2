"""The page that the workflow makes, against the suite's figures."""

import getpass
import json
from typing import Any

import pandas as pd
import pytest

from tests.project import Project
from tests.report.explorer.results import data_of
from whypretrain.claims.verdicts import ANSWERS
from whypretrain.report.explorer.experiment import PARTS

TINY = "results/explorer/tiny/index.html"


def test_the_page_shows_the_numbers_of_the_figures(project: Project) -> None:
    data = data_of(project.folder / TINY, "experiment-0")
    figures = project.folder / "results/figures/tiny"
    columns = ("number", "low", "high", "chance", "second_run")

    def same(shown: dict[str, Any], row: Any) -> None:
        for column in columns:
            if column in row and not pd.isna(row[column]):
                assert shown[column] == pytest.approx(row[column], rel=1e-3)

    strengths = pd.read_csv(figures / "fig2.csv")
    for row in strengths[strengths["quantity"].isin(PARTS)].to_dict("records"):
        same(data["orders"][row["order"] - 1][row["quantity"]], row)
    numbers = pd.read_csv(figures / "fig3.csv").set_index("quantity")
    ratios = numbers.loc["ratio"].set_index("reading")
    for one in data["ratio"]:
        same(one, ratios.loc[one["reading"]])
    accuracies = numbers.loc["accuracy"].set_index("variant")
    for one in data["accuracy"]:
        same(one, accuracies.loc[one["variant"]])
    along = pd.read_csv(figures / "fig4.csv")
    for variant, own in along[along["quantity"] == "jaccard"].groupby("variant"):
        for shown, row in zip(data["jaccard"][variant], own.to_dict("records"), strict=True):
            same(shown, row)
    agreement = pd.read_csv(figures / "agreement.csv", dtype={"order": str})
    for row in agreement[agreement["quantity"] != "sign_agreement"].to_dict("records"):
        own = data["agreement"].get(row["variant"], data["transfer"])
        if not str(row["variant"]).startswith("preserved"):
            same(next(one for one in own if one["order"] == row["order"]), row)
    claims = pd.read_csv(project.folder / "results/tables/tiny/claims.csv")
    rows = [
        row for claim in data_of(project.folder / TINY, "suite")["claims"] for row in claim["rows"]
    ]
    for answer in ANSWERS:
        assert sorted(row[answer] for row in rows) == sorted(claims[answer])


def test_the_page_names_neither_the_machine_nor_its_user(project: Project) -> None:
    for name in ("suite", "experiment-0"):
        text = json.dumps(data_of(project.folder / TINY, name))
        assert str(project.folder) not in text
        assert f"/{getpass.getuser()}/" not in text
