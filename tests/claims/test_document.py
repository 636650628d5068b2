"""The Markdown table of claims."""

import pandas as pd
import pytest

from tests.knowledge.records import QUICK, summary
from whypretrain.claims.catalogue import CLAIMS
from whypretrain.claims.document import COLUMNS, document
from whypretrain.claims.verdicts import judge
from whypretrain.settings.report import ClaimsSettings, Figures


@pytest.fixture(scope="module")
def claims() -> pd.DataFrame:
    names = ("one", "two")
    return pd.concat([judge(summary(n), "zero").assign(experiment=n) for n in names])


def settings_of(*titles: str) -> ClaimsSettings:
    return ClaimsSettings.model_validate(
        {
            "experiments": ["one", "two"],
            "titles": list(titles),
            "kinds": ["cnn", "transformer"],
            "figures": Figures(),
            "statistics": QUICK,
        }
    )


def test_every_verdict_has_a_line(claims: pd.DataFrame) -> None:
    text = document(claims, settings_of("One", "Two"))
    assert text.startswith("# Claims of the paper\n\n18 verdicts: ")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        claim.statement for claim in CLAIMS
    ]
    lines = [line for line in text.splitlines() if line.startswith(("| One", "| Two"))]
    assert len(lines) == len(claims)
    assert {line.count("|") for line in lines} == {len(COLUMNS) + 1}


def test_a_number_is_as_in_the_table(claims: pd.DataFrame) -> None:
    row = claims.iloc[0].to_dict() | {"number": 1.2345, "low": 1.0, "high": 2.0, "n": 7}
    row |= {"null": float("nan"), "second_run": float("nan"), "verdict": "holds"}
    text = document(pd.DataFrame([row]), settings_of("One", "Two"))
    (line,) = (line for line in text.splitlines() if line.startswith("| One"))
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells[1:3] == ["1.23 [1, 2]", "–"]
    assert cells[COLUMNS.index("n")] == "7"
    assert cells[-1] == "holds"
    assert text.count("## ") == 1


def test_a_title_is_text_and_no_markup(claims: pd.DataFrame) -> None:
    text = document(claims, settings_of("a|b", "<i>[c]"))
    assert "| a\\|b |" in text
    assert "| \\<i\\>\\[c\\] |" in text
