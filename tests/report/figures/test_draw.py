"""What figures share: they read tables by name, and an experiment's name stays a name."""

from pathlib import Path

import pandas as pd

from whypretrain.knowledge.reading import TABLES, read_tables
from whypretrain.report import style


def test_one_colour_is_one_thing() -> None:
    colours = [*style.COLOURS.values(), style.NULL]
    assert len({colour.upper() for colour in colours}) == len(colours)


def test_tables_of_one_name_are_one_table(tmp_path: Path) -> None:
    for experiment in ("a", "1"):
        folder = tmp_path / experiment
        folder.mkdir()
        for name in ("ratio", "history"):
            own = {"experiment": experiment, "sample": ["07", "null"], "ratio": [0.5, 1.0]}
            columns = {column: own.get(column, 0) for column in TABLES[name]}
            pd.DataFrame(columns, index=[0, 1]).to_csv(folder / f"{name}.csv", index=False)
    names = ("ratio", "history")
    tables = read_tables(
        [tmp_path / e / f"{name}.csv" for name in names for e in ("a", "1")], ["a", "1"]
    )
    assert tables.keys() == set(names)
    assert tables["ratio"]["experiment"].tolist() == ["a", "a", "1", "1"]
    assert tables["ratio"]["sample"].tolist() == ["07", "null"] * 2
    assert tables["ratio"].index.tolist() == [0, 1, 2, 3]
    assert tables["history"]["experiment"].tolist() == ["a", "a", "1", "1"]
