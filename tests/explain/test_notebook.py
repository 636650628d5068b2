"""The notebook in docs runs from top to bottom, on the tiny suite's results."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.project import ROOT, Project

NOTEBOOK = ROOT / "docs/notebook.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_runs(
    project: Project, notebook: nbformat.NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    for cell in notebook.cells:
        cell.source = cell.source.replace("experiments/vit-digits", "experiments/tiny")
        trained = ("vit_mini/digits_5to9", "tiny_resnet/tiny_downstream")
        cell.source = cell.source.replace(*trained).replace("digits_downstream-seed", "tiny-seed")
    kept = [output_kinds(cell) for cell in notebook.cells]
    where = {"metadata": {"path": str(project.folder)}}
    NotebookClient(notebook, timeout=120, resources=where).execute()
    for cell in notebook.cells:  # what the kernel warns of differs from machine to machine
        cell.outputs = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
    assert [output_kinds(cell) for cell in notebook.cells] == kept


def test_what_is_kept_shows_pictures_and_no_place(notebook: nbformat.NotebookNode) -> None:
    assert sum("image/png" in kind for cell in notebook.cells for kind in output_kinds(cell)) == 3
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert str(Path.home()) not in text
    assert "Traceback" not in text


def output_kinds(cell: nbformat.NotebookNode) -> list[list[str]]:
    """Of each output of a cell, what it is given as."""
    return [sorted(output.get("data", ["text"])) for output in cell.get("outputs", [])]
