"""The page in a real browser: claims, charts, addresses, themes, small screens, no network."""

from typing import Any
from xml.etree import ElementTree

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from tests.report.explorer.browser import Page, digits
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


def test_one_chart_has_what_every_claim_rests_on(shown: Page) -> None:
    shown.open()
    asked: dict[str, list[dict[str, Any]]] = {}
    judged = [claim for claim in shown.suite["claims"] if claim["on_agreement"]]
    # The first claim of each question, but one that is compared with a second run if there is one.
    for claim in sorted(judged, key=lambda one: one["retraining"] is None):
        own = [row for row in claim["rows"] if row["reading"] == claim["rows"][0]["reading"]]
        rows = [row for row in own if row["agreement"] is not None]
        if rows:
            asked.setdefault(claim["chance"], rows)
    questions = {one["chance"]: None for one in judged if one["chance"] in asked}
    asked = {words: asked[words] for words in questions}
    expected = [
        [row[key] for rows in asked.values() for row in rows if row[key] is not None]
        for key in ("agreement", "retraining")
    ]
    drawn = "document.querySelector('.figures .plot')?.data?.slice(0, 2).map((one) => one.x) ?? []"
    shown.wait(f"return {drawn}", expected)
    headings = [one.text for one in shown.all(".figures .plot .heading")]
    assert " ".join(headings) == " ".join(asked)
    assert shown.sideways() <= 0


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


def test_views_that_do_not_exist_say_so(shown: Page) -> None:
    for names in (("nothing",), ("pictures", "no-such-sample"), ("pictures", "%E0%A4%A")):
        shown.open(*names)
        assert "Not on this page" in shown.text("h1")
    shown.driver.get(shown.address + "#/%E0%A4%A")
    WebDriverWait(shown.driver, 10).until(lambda _: "%E0" in shown.text("main"))


def test_the_skip_link_leads_to_the_content_and_stays_in_the_view(shown: Page) -> None:
    shown.open("pictures")
    shown.press(Keys.TAB, Keys.ENTER)
    assert shown.driver.switch_to.active_element == shown.one("main")
    assert shown.text("h1") == TITLES[0]


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
    WebDriverWait(shown.driver, 20).until(lambda _: len(shown.all(".plot svg")) == 6)
    shown.run(
        "window.kept = []; URL.createObjectURL = (file) => {"
        " file.text().then((text) => window.kept.push(text)); return '#/pictures'; }"
    )
    shown.one("figure summary").click()
    for button in shown.all("figure:first-of-type .files button"):
        button.click()
    shown.wait("return kept.length", 2)
    drawn, table = (str(shown.run("return kept[arguments[0]]", place)) for place in range(2))
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


def test_in_print_it_is_light_and_without_controls(shown: Page) -> None:
    shown.emulate(1280, 900, prefers_color_scheme="dark")
    shown.open("pictures", IMAGE_IDS[0])
    shown.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert shown.run("return getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    assert not shown.one("#theme").is_displayed()
    shown.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_ways_of_adapting_stand_side_by_side(shown: Page) -> None:
    shown.open("pictures")
    WebDriverWait(shown.driver, 20).until(lambda _: len(shown.all(".plot svg")) == 6)
    ways = shown.pictures["ways"]
    assert [one["way"] for one in ways] == ["finetune", "scratch", "lora"]
    drawn = "return document.querySelectorAll('.plot')[5].data.map((one) => [one.x[0], one.y[0]])"
    expected = [[one["probe"]["number"], one["accuracy"]["number"]] for one in ways]
    assert shown.run(drawn) == expected
    assert "lora, titled" in shown.text("figure:last-of-type table")
    shown.open("words")
    WebDriverWait(shown.driver, 20).until(lambda _: len(shown.all(".plot svg")) == 5)
