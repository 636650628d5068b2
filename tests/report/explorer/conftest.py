from pathlib import Path

import pytest

from tests.report.explorer.results import write_page, write_results


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two small experiments with hostile names."""
    folder = tmp_path_factory.mktemp("results")
    write_results(folder)
    return folder


@pytest.fixture(scope="session")
def page(results: Path) -> Path:
    """Their page."""
    with pytest.MonkeyPatch.context() as patched:
        return write_page(results, results / "index.html", patched)
