"""The page in Firefox: that it draws, answers and stays within the screen there too."""

from pathlib import Path

import pytest

from tests.report.explorer.browser import Firefox
from tests.report.explorer.results import IMAGE_IDS, TITLES

VIEWS = ("#/", "#/pictures", f"#/pictures/{IMAGE_IDS[0]}")


def shown(firefox: Firefox, page: Path, view: str) -> None:
    """Open a view anew and wait until it has its charts."""
    firefox.open("about:blank")
    firefox.open(f"{page.as_uri()}{view}")
    firefox.wait("document.querySelectorAll('.plot svg').length >= 2")


def test_claims_and_charts_are_drawn(firefox: Firefox, page: Path) -> None:
    shown(firefox, page, VIEWS[0])
    assert firefox.run("document.querySelectorAll('table.claims').length") > 5
    shown(firefox, page, VIEWS[1])
    firefox.wait("document.querySelectorAll('.plot svg').length === 6")
    assert firefox.run("document.querySelector('h1').textContent") == TITLES[0]


def test_pointing_at_an_interaction_lights_its_players_up(firefox: Firefox, page: Path) -> None:
    shown(firefox, page, VIEWS[2])
    chosen = "document.querySelector('.interactions.preserve button')"
    coalition = firefox.run(f"Number({chosen}.dataset.set)")
    firefox.run(f"{chosen}.dispatchEvent(new PointerEvent('pointerenter'))")
    lit = firefox.run("document.querySelectorAll('svg.picture .player.lit').length")
    assert lit == coalition.bit_count()


@pytest.mark.parametrize("width", [1280, 800, 390])
def test_it_scrolls_one_way(firefox: Firefox, page: Path, width: int) -> None:
    firefox.size(width, 800)
    for view in VIEWS:
        shown(firefox, page, view)
        assert firefox.run("document.documentElement.scrollWidth - innerWidth") <= 0, view


def test_nothing_goes_wrong_and_nothing_is_asked_of_a_network(firefox: Firefox, page: Path) -> None:
    firefox.events.clear()
    for view in VIEWS:
        shown(firefox, page, view)
    told = [event["params"] for event in firefox.events]
    assert [one["text"] for one in told if one.get("level") in {"error", "warn"}] == []
    asked = [one["request"]["url"] for one in told if "request" in one]
    assert asked, "no request was seen"
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
