"""Files of annotated players: read back, or one message that names file, sample and player."""

import json
from pathlib import Path

import pytest

from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.sampling import read_annotations


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "players.json"


def test_reads_what_was_drawn(path: Path) -> None:
    drawn = {"5_0017": [[[3, 4], [3, 5]], [[9, 9]]], "é": [[[0, 0]]]}
    path.write_text(json.dumps(drawn, ensure_ascii=False), encoding="utf-8")
    assert read_annotations(path) == drawn


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"players\.json: no JSON file of annotations"),
        ("{", r"players\.json: no JSON file of annotations"),
        ("[[1, 2]]", r"must map the ids of samples to their players, not \[\[1, 2\]\]"),
        ('{"a": [[[0, 0]]], "a": [[[0, 1]]]}', "'a' stands twice"),
        ('{"a": []}', r"players\.json: sample 'a': must be a list .*, not \[\]"),
        ('{"a": "x"}', "sample 'a': must be a list .*, not \"x\""),
        ('{"a": [[[0, 0]], []]}', "sample 'a', player 1: must be a list of pixels .*, not \\[\\]"),
        ('{"a": [[[0, 0]], null]}', "sample 'a', player 1: .* not null"),
        ('{"a": [[1, 2]]}', "sample 'a', player 0, pixel 0: .*, two whole numbers, not 1"),
        ('{"a": [[[0, 0.5]]]}', r"sample 'a', player 0, pixel 0: .*, not 0\.5"),
        ('{"a": [[[0, true]]]}', r"sample 'a', player 0, pixel 0: .*, not true"),
        ('{"a": [[[0, 0, 0]]]}', r"must be \[row, column\], two whole numbers, not \[0, 0, 0\]"),
    ],
)
def test_a_mistake_is_named(path: Path, text: str, message: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ArtifactError, match=message):
        read_annotations(path)


def test_a_missing_file_and_one_that_is_no_text(path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"players\.json: cannot read .*No such file"):
        read_annotations(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArtifactError, match=r"players\.json: no JSON file of annotations"):
        read_annotations(path)
