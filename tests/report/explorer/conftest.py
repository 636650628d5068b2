import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.report.explorer.browser import Firefox, Page, open_chrome
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


@pytest.fixture(scope="session")
def and_or_page(results: Path) -> Path:
    """The page of the same results, where the experiments are about AND-OR interactions."""
    with pytest.MonkeyPatch.context() as patched:
        return write_page(results, results / "and_or/index.html", patched, kind="and_or")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    driver = open_chrome(tmp_path_factory.mktemp("browser"))
    if driver is None:
        pytest.skip("no Chromium with its driver: `make browser` installs them")
    yield driver
    driver.quit()


@pytest.fixture
def shown(driver: Chrome, page: Path) -> Iterator[Page]:
    """The page; afterwards nothing may have gone wrong in it or left it."""
    result = Page(driver, page)
    result.emulate(1280, 900, prefers_reduced_motion="reduce", prefers_color_scheme="light")
    driver.get_log("browser")
    driver.get_log("performance")
    yield result
    assert driver.get_log("browser") == []
    events = [json.loads(event["message"])["message"] for event in driver.get_log("performance")]
    asked = [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]
    assert asked, "the log of requests is empty"
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
    assert driver.execute_script("return window.hacked") is None
    driver.execute_script("localStorage.clear()")


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    if (command := Firefox.command()) is None:
        pytest.skip("no Firefox: `make browser` installs it")
    with Firefox(command, tmp_path_factory.mktemp("firefox")) as browser:
        yield browser
