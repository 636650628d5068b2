"""The page in a real browser: pointer, keyboard, addresses, themes, small screens, no network."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from tests.report.explorer.browser import Page, open_chrome
from tests.report.explorer.results import (
    CLASSES,
    HOSTILE,
    IMAGE_IDS,
    TEXT_IDS,
    TITLES,
    WORDS,
    data_of,
)
from whypretrain.claims.verdicts import ANSWERS

PAIRS = (
    *("probe-finetune", "probe-scratch", "finetune-finetune", "scratch-scratch"),
    *("finetune-scratch", "probe-untrained"),
)
ORDERS = ("1", "2", "3", "1-2", "3-4", "all")


def digits(value: float) -> str:
    """Three of them, as the page prints numbers."""
    return f"{value:#.3g}".rstrip(".").replace("-", "−")


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


def test_claims_come_first(shown: Page) -> None:
    shown.open()
    transfer = [cell.text for cell in shown.all("table.transfer tbody tr:first-child td")]
    for row, text in zip(shown.suite["experiments"][0]["transfer"], transfer, strict=True):
        assert text.startswith(f"{row['number']:.3g}"[:4])
    first = shown.one("table.claims")
    assert "share more with the pre-trained one" in shown.text("section.claim:not(#transfer) h2")
    heads = [cell.text for cell in first.find_elements(By.CSS_SELECTOR, "thead th")]
    assert heads == ["experiment", "number", *ANSWERS.values()]
    claim = shown.suite["claims"][0]
    rows = [row for row in claim["rows"] if row["reading"] == claim["rows"][0]["reading"]]
    answers = [cell.text for cell in first.find_elements(By.CSS_SELECTOR, ".answer")]
    assert claim["retraining"] is None
    signs = {"yes": "✓ yes", "no": "✗ no", "open": "? open", "–": "not asked"}
    assert answers == [signs[row[name]] for row in rows for name in ANSWERS]
    said = [cell.text for cell in shown.all("#claim-discard tbody td:nth-child(5) .answer")]
    assert "not judged" in said  # asked, without an answer
    assert "not asked" not in said
    cell = first.find_element(By.CSS_SELECTOR, "tbody td:nth-child(2)").text
    assert cell.startswith(f"{rows[0]['number']:.3g}"[:4])
    least, most = (digits(rows[0][name]) for name in ("least", "most"))
    assert f"4 samples, 3 seeds: {least} to {most}" in cell
    agreement = f"{digits(rows[0]['agreement'])} [{digits(rows[0]['agreement_low'])},"
    assert agreement in first.find_element(By.CSS_SELECTOR, "tbody td:nth-child(4)").text
    notices = [notice.text for notice in shown.all(".notice")]
    assert notices == [f"Not judged for {TITLES[1]}: there are too few snapshots or seeds."]
    assert "made" in shown.text("#footer")
    assert "4 samples, 3 seeds (0, 1, 2)" in shown.text(".experiments")


def test_the_top_shows_agreement_by_order_of_the_experiment_that_is_chosen(shown: Page) -> None:
    shown.open()
    drawn = (
        "return document.querySelector('#transfer .plot')?.data"
        "?.filter((one) => one.along).map((one) => one.y) ?? []"
    )
    for place, title in enumerate(TITLES):
        Select(shown.one("#agreeing")).select_by_visible_text(title)
        pairs = data_of(shown.path, f"experiment-{place}")["agreement"]
        numbers = [
            [{row["order"]: row["number"] for row in pairs[pair]}[order] for order in ORDERS]
            for pair in PAIRS
            if pair in pairs
        ]
        shown.wait(drawn, numbers)
    assert "two fine-tuned" not in shown.text("#transfer .legend")  # one seed
    assert "1 as alike as their strengths allow" in shown.text("#transfer .prose")


def test_readings_unfold_and_say_their_names(shown: Page) -> None:
    shown.open()
    claim = shown.one("#claim-ratio")
    assert len(claim.find_elements(By.CSS_SELECTOR, "table")) == 4
    assert [one for one in shown.all("#claim-ratio details table") if one.is_displayed()] == []
    claim.find_element(By.CSS_SELECTOR, "summary").click()
    names = [head.text for head in claim.find_elements(By.CSS_SELECTOR, "details h3")]
    assert names == [shown.suite["readings"][one] for one in ("positive", "salient", "weighted")]
    shown.emulate(390, 740)  # cards, whose parts stand below each other
    chip, number = (
        claim.find_element(By.CSS_SELECTOR, f"tbody td:nth-child(4) {tag}").rect
        for tag in (".answer", "small")
    )
    assert chip["y"] + chip["height"] <= number["y"]


def test_single_samples_are_of_the_first_seed_and_say_so(shown: Page) -> None:
    shown.open("words")
    assert "networks of the first seed, 3" in shown.text("[aria-labelledby=samples]")
    shown.open("words", TEXT_IDS[0])
    assert "those of the first seed, 3" in shown.text("main")


def test_links_lead_down_and_the_back_button_up_again(shown: Page) -> None:
    shown.open()
    shown.one("table.claims tbody a").click()
    shown.settle("pictures")
    assert shown.text("h1") == TITLES[0]
    shown.all(".gallery a")[1].click()
    shown.settle("pictures", IMAGE_IDS[1])
    assert shown.text("h1") == f"Sample {IMAGE_IDS[1]}"
    shown.one("a[rel=next]").click()
    shown.settle("pictures", IMAGE_IDS[2])
    for names in (("pictures", IMAGE_IDS[1]), ("pictures",)):
        shown.driver.back()
        shown.settle(*names)
    shown.driver.back()
    WebDriverWait(shown.driver, 10).until(lambda _: shown.all("table.claims"))
    Select(shown.one("select")).select_by_value("words")
    shown.settle("words")
    assert shown.text("h1") == TITLES[1]


def test_a_link_to_an_interaction_opens_it(shown: Page) -> None:
    item = shown.pictures["samples"][2]
    chosen = item["lists"]["new"]["items"][3]
    shown.open("pictures", IMAGE_IDS[2], tail=f"?at=0.5&list=new&set={chosen['set']}")
    pressed = shown.one("button[aria-pressed=true][data-set]")
    assert pressed.get_attribute("data-set") == str(chosen["set"])
    assert shown.one("#snapshot").get_property("value") == "1"
    strength = shown.text(".new li:nth-child(4) .strength").lstrip("+−")
    assert strength.startswith(f"{chosen['strength'][1]:.2g}"[:3])


def test_views_that_do_not_exist_say_so(shown: Page) -> None:
    for names in (("nothing",), ("pictures", "no-such-sample"), ("pictures", "%E0%A4%A")):
        shown.open(*names)
        assert "Not on this page" in shown.text("h1")
    shown.driver.get(shown.address + "#/%E0%A4%A")
    WebDriverWait(shown.driver, 10).until(lambda _: "%E0" in shown.text("main"))


def test_hovering_lights_players_up(shown: Page) -> None:
    shown.open("pictures", IMAGE_IDS[0])
    data = shown.pictures["samples"][0]
    chosen = data["lists"]["preserve"]["items"][1]["set"]
    shown.hover(shown.one(".interactions.preserve li:nth-child(2) button"))
    inside = [str(player) for player in range(4) if chosen >> player & 1]
    numbers = shown.all("svg.picture .number:not(.dimmed)")
    assert [number.get_property("textContent") for number in numbers] == inside
    assert len(shown.all("svg.picture .player.lit")) == len(inside)
    dim = shown.one("svg.picture .dim")
    holes = "".join(data["players"][int(player)]["path"] for player in inside)
    assert dim.get_attribute("d") == f"M0 0h8v8h-8z{holes}"
    assert f"I({{{', '.join(inside)}}})" in shown.text(".values h2")
    values = [cell.text.replace("−", "-") for cell in shown.all(".values dd")]
    own = data["values"][str(chosen)]
    assert [float(value) for value in values] == pytest.approx(
        [own[name][-1] for name in ("probe", "finetune", "scratch")], rel=6e-3
    )
    shown.hover(shown.one("h1"))
    assert dim.get_attribute("d") == ""
    assert shown.all("svg.picture .dimmed, svg.picture .lit") == []


def test_sets_are_filtered_by_order_sign_and_player(shown: Page) -> None:
    shown.open("pictures", IMAGE_IDS[0])
    data = shown.pictures["samples"][0]
    listed = {
        (part, item["set"])
        for part in ("preserve", "discard", "new")
        for item in data["lists"][part]["items"]
    }

    def left() -> set[int]:
        buttons = shown.all(".interactions li:not([hidden]) button")
        return {int(button.get_attribute("data-set") or "") for button in buttons}

    assert left() == {coalition for _, coalition in listed}
    Select(shown.one("#of-order")).select_by_value("2")
    assert left() == {one for _, one in listed if one.bit_count() == 2}
    Select(shown.one("#of-order")).select_by_value("")
    shown.run(
        "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))",
        shown.all("svg.picture .player")[1],
    )
    assert shown.one("#of-player").get_property("value") == "1"
    assert left() == {one for _, one in listed if one & 2}
    Select(shown.one("#of-player")).select_by_value("")
    Select(shown.one("#of-sign")).select_by_value("1")
    positive = {
        one
        for part, one in listed
        if (
            data["values"][str(one)]["probe"][0]
            if part == "discard"
            else data["values"][str(one)]["finetune"][-1]
        )
        > 0
    }
    assert left() == positive


def test_words_light_up_too(shown: Page) -> None:
    shown.open("words", TEXT_IDS[1])
    assert shown.text("h1") == f"Sample {TEXT_IDS[1]}"
    chosen = shown.one(".interactions.new li:first-child button")
    shown.hover(chosen)
    coalition = int(chosen.get_attribute("data-set") or "")
    n_lit = len(shown.all(".word.lit"))
    assert n_lit == coalition.bit_count()
    assert len(shown.all(".word.dimmed")) == len(WORDS) - n_lit
    for player, word in enumerate(WORDS[:4]):
        assert (word in shown.text(".values h2")) == bool(coalition >> player & 1)


def test_the_keyboard_reaches_everything(shown: Page) -> None:
    shown.open("pictures", IMAGE_IDS[0])
    first = shown.one(".interactions.preserve button")
    for _ in range(40):
        shown.press(Keys.TAB)
        if shown.driver.switch_to.active_element == first:
            break
    else:
        pytest.fail("the tab key does not reach the lists")
    focused = shown.driver.switch_to.active_element
    assert focused.value_of_css_property("outline-style") == "solid"
    assert len(shown.all("svg.picture .player.lit")) > 0
    shown.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert shown.driver.switch_to.active_element == shown.one(
        ".interactions.discard li:nth-child(3) button"
    )
    shown.press(Keys.ENTER)
    assert "list=discard" in shown.hash()
    assert shown.driver.switch_to.active_element.get_attribute("aria-pressed") == "true"
    shown.press(Keys.HOME, Keys.ESCAPE)
    assert "list=" not in shown.hash()
    shown.press(Keys.TAB)  # one stop a list
    assert shown.driver.switch_to.active_element == shown.one(".interactions.new button")


def test_the_skip_link_leads_to_the_content_and_stays_in_the_view(shown: Page) -> None:
    shown.open("pictures")
    shown.press(Keys.TAB, Keys.ENTER)
    assert shown.driver.switch_to.active_element == shown.one("main")
    assert shown.text("h1") == TITLES[0]


def test_the_slider_moves_the_curves_marker_and_the_samples_values(shown: Page) -> None:
    shown.open("pictures")
    WebDriverWait(shown.driver, 20).until(lambda _: len(shown.all(".plot svg")) == 5)
    marker = "return document.querySelectorAll('.plot')[2].data.at(-1).{}"
    assert shown.run(marker.format("x")) == [10, 10]
    shown.one("#snapshot").send_keys(Keys.ARROW_LEFT)
    WebDriverWait(shown.driver, 10).until(lambda _: shown.run(marker.format("x")) == [5, 5])
    jaccard = shown.pictures["jaccard"]
    assert shown.run(marker.format("y")) == [
        jaccard[v][1]["number"] for v in ("finetune", "scratch")
    ]
    assert shown.one("#snapshot").get_attribute("aria-valuetext") == "epoch 5 · 50\xa0% of training"
    assert shown.hash().endswith("?at=0.5")
    shown.all(".gallery a")[0].click()
    shown.settle("pictures", IMAGE_IDS[0])
    assert shown.one("#snapshot").get_property("value") == "1"  # it stays where it was
    sample = shown.pictures["samples"][0]
    for place in (0, 2):
        shown.slide(place)
        said = sample["models"]["finetune"]
        row = shown.all("table.cards tbody tr")[1].text
        assert f"{said['n_salient'][place]} of 15" in row
        assert ("✓ right" if said["right"][place] else "✗ wrong") in row
        strength = sample["lists"]["new"]["items"][0]["strength"][place]
        own = sample["values"][str(sample["lists"]["new"]["items"][0]["set"])]["finetune"][place]
        assert float(shown.text(".new .strength").replace("−", "-")) == pytest.approx(
            strength if own > 0 else -strength, rel=6e-3
        )


def test_charts_have_their_numbers_as_tables(shown: Page) -> None:
    shown.open("words")
    WebDriverWait(shown.driver, 20).until(lambda _: len(shown.all(".plot svg")) == 5)
    assert len(shown.all(".plot[role=img][aria-label]")) == 5
    for figure in shown.all("figure"):
        figure.find_element(By.CSS_SELECTOR, "summary").click()
        table = figure.find_element(By.CSS_SELECTOR, "table")
        assert table.find_elements(By.CSS_SELECTOR, "caption")
        assert table.find_elements(By.CSS_SELECTOR, "thead th[scope=col]")
        assert len(table.find_elements(By.CSS_SELECTOR, "tbody th[scope=row]")) >= 3
    notes = shown.text(".figures")
    assert "No second fine-tuned network was trained, so there is no ceiling" in notes


def test_samples_are_found_by_id_class_and_disagreement(shown: Page) -> None:
    shown.open("pictures")

    def left() -> list[str]:
        return [card.text for card in shown.all(".gallery li:not([hidden]) .id")]

    assert left() == IMAGE_IDS
    shown.one("#search").send_keys(IMAGE_IDS[2].upper())
    assert left() == [IMAGE_IDS[2]]
    assert shown.text(".filter output") == "1 of 4"
    shown.one("#search").clear()
    shown.one("#search").send_keys(" ")
    shown.one("#differing").click()
    said = [
        {sample["models"][v]["prediction"][-1] for v in ("probe", "finetune", "scratch")}
        for sample in shown.pictures["samples"]
    ]
    assert left() == [name for name, own in zip(IMAGE_IDS, said, strict=True) if len(own) > 1]


def test_charts_are_kept_as_files(shown: Page) -> None:
    shown.open("pictures")
    WebDriverWait(shown.driver, 20).until(lambda _: len(shown.all(".plot svg")) == 5)
    shown.run(
        "window.kept = []; URL.createObjectURL = (file) => {"
        " file.text().then((text) => window.kept.push(text)); return '#/pictures'; }"
    )
    shown.one("figure summary").click()
    for button in shown.all("figure:first-of-type .files button"):
        button.click()
    WebDriverWait(shown.driver, 10).until(lambda _: len(shown.run("return kept")) == 2)  # type: ignore[arg-type]
    drawn, table = map(str, shown.run("return kept"))  # type: ignore[call-overload]
    found = ElementTree.fromstring(drawn)  # noqa: S314  (our own)
    paths = found.findall(".//{http://www.w3.org/2000/svg}path")
    assert len(paths) > 10
    assert all("var(" not in (path.get("stroke") or "") for path in paths)
    lines = table.splitlines()
    assert lines[0].startswith('"orders","probe and fine-tuned"')
    assert {line.count('","') for line in lines} == {len(PAIRS)}


def test_names_from_data_stay_text(shown: Page) -> None:
    shown.open("words", TEXT_IDS[0])
    words = shown.run(
        "return [...document.querySelectorAll('.word')].map((e) => e.lastChild.textContent)"
    )
    assert words == WORDS
    assert CLASSES[0] in shown.text("main")
    shown.open("pictures")
    ids = [element.text for element in shown.all(".gallery .id")]
    assert ids == IMAGE_IDS
    assert HOSTILE in shown.text(".gallery")
    assert shown.all("main script, main b i, .gallery b") == []
    assert shown.driver.title == f"{TITLES[0]} · made"


def test_themes(shown: Page) -> None:
    shown.open("pictures")
    ground = "return getComputedStyle(document.body).backgroundColor"
    assert shown.run(ground) == "rgb(255, 255, 255)"
    shown.one("#theme").click()
    assert shown.run(ground) == "rgb(20, 23, 26)"
    assert shown.one("#theme").get_attribute("aria-pressed") == "true"
    WebDriverWait(shown.driver, 20).until(lambda _: shown.all(".plot .x.tick"))
    assert shown.one(".plot .x.tick").value_of_css_property("fill") == "rgb(232, 234, 237)"
    shown.driver.refresh()
    shown.settle("pictures")
    assert shown.run(ground) == "rgb(20, 23, 26)"  # the choice lasts
    shown.run("localStorage.clear()")
    shown.emulate(1280, 900, prefers_color_scheme="dark")
    shown.open()
    assert shown.run(ground) == "rgb(20, 23, 26)"
    shown.one("#theme").click()
    assert shown.run(ground) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [360, 390, 700])
def test_small_screens_scroll_one_way(shown: Page, width: int) -> None:
    shown.emulate(width, 740)
    for names in ((), ("pictures",), ("pictures", IMAGE_IDS[3]), ("words", TEXT_IDS[1])):
        shown.open(*names)
        assert shown.sideways() <= 0, names
        for figure in shown.all("details > summary"):
            figure.click()
        assert shown.sideways() <= 0, names


def test_what_is_pointed_at_does_not_move_away(shown: Page) -> None:
    for width in (1280, 800, 390):
        shown.emulate(width, 900)
        for names in (("pictures", IMAGE_IDS[0]), ("words", TEXT_IDS[1])):
            shown.open(*names)
            button = shown.one(".interactions.discard li:nth-child(2) button")
            shown.run("arguments[0].scrollIntoView({block: 'center'})", button)
            before = button.location
            shown.hover(button)
            assert "lit" in (button.get_attribute("class") or ""), (width, names)
            assert button.location == before, (width, names)


def test_motion_is_only_for_those_who_want_it(shown: Page) -> None:
    shown.open("pictures", IMAGE_IDS[0])
    bar = shown.one(".bar")
    assert bar.value_of_css_property("transition-duration") == "0s"
    shown.emulate(1280, 900, prefers_reduced_motion="no-preference")
    assert bar.value_of_css_property("transition-duration") == "0.15s"


def test_in_print_it_is_light_and_without_controls(shown: Page) -> None:
    shown.emulate(1280, 900, prefers_color_scheme="dark")
    shown.open("pictures", IMAGE_IDS[0])
    shown.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert shown.run("return getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    assert not shown.one("#theme").is_displayed()
    shown.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
