"""One sample in a real browser: pointer, keyboard, slider, filters, two networks side by side."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from tests.report.explorer.browser import Page, digits
from tests.report.explorer.results import IMAGE_IDS, TEXT_IDS, WORDS, data_of


def test_a_link_to_an_interaction_opens_it(shown: Page) -> None:
    item = shown.pictures["samples"][2]
    chosen = item["lists"]["new"]["items"][3]
    shown.open("pictures", IMAGE_IDS[2], tail=f"?at=0.5&list=new&set={chosen['set']}")
    pressed = shown.one("button[aria-pressed=true][data-set]")
    assert pressed.get_attribute("data-set") == str(chosen["set"])
    assert shown.one("#snapshot").get_property("value") == "1"
    strength = shown.text(".new li:nth-child(4) .strength").lstrip("+−")
    assert strength.startswith(f"{chosen['strength'][1]:.2g}"[:3])


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


def test_the_slider_moves_the_curves_marker_and_the_samples_values(shown: Page) -> None:
    shown.open("pictures")
    WebDriverWait(shown.driver, 20).until(lambda _: len(shown.all(".plot svg")) == 6)
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


def test_list_headings_follow_the_slider(shown: Page) -> None:
    shown.open("pictures", IMAGE_IDS[0])
    found = shown.pictures["samples"][0]["lists"]["new"]
    assert len(set(found["share"])) > 1
    for place, when in ((2, "the end of training"), (1, "the chosen snapshot")):
        shown.slide(place)
        share = f"{digits(100 * found['share'][place])}\xa0% of what is new at {when}"
        assert f"{share}, in {found['n'][place]} sets" in shown.text(".interactions.new .muted")


# What the two charts of a sample show: where each bar begins and ends, from the top.
BARS = """return [...document.querySelectorAll('.pair .plot')].map(({ data }) =>
    data.flatMap(({ bars, x, y }) => x.map((end, at) => [y[at], bars.base[at], end]))
        .sort((one, other) => other[0] - one[0]).map(([, from, to]) => [from, to]))"""


def waterfall(sample: dict[str, Any], variant: str, at: int) -> list[list[float]]:
    said = sample["models"][variant]
    values = [sample["values"][str(one)][variant][at] for one in sample["strongest"][variant]]
    ends = [said["empty"][at]]
    for value in sorted(values, key=abs, reverse=True):
        ends.append(ends[-1] + value)
    steps = [[0, ends[0]], *map(list, pairwise(ends))]
    return [*steps, [ends[-1], said["v"][at]], [0, said["v"][at]]]


def test_two_networks_stand_beside_each_other_and_add_up_to_their_outputs(shown: Page) -> None:
    shown.open("pictures", IMAGE_IDS[0])
    sample = shown.pictures["samples"][0]

    def drawn() -> list[Any]:
        WebDriverWait(shown.driver, 20).until(lambda _: len(shown.all(".pair svg")) == 2)
        found = shown.run(BARS)
        assert isinstance(found, list)
        return found

    def expect(*networks: tuple[str, int]) -> None:
        for own, (variant, at) in zip(drawn(), networks, strict=True):
            expected = np.array(waterfall(sample, variant, at))
            np.testing.assert_allclose(np.array(own), expected, atol=1e-9)

    expect(("finetune", 2), ("probe", 0))
    shown.slide(1)
    expect(("finetune", 1), ("probe", 0))
    Select(shown.one("#there")).select_by_value("finetune")
    expect(("finetune", 1), ("finetune", 2))
    Select(shown.one("#there-at")).select_by_value("0")
    Select(shown.one("#here")).select_by_value("scratch")
    expect(("scratch", 1), ("finetune", 0))
    inside = len(shown.all(".pair figure:first-child circle.in"))
    assert inside == sum(one.bit_count() for one in sample["strongest"]["scratch"])
    both = set(sample["strongest"]["scratch"]) & set(sample["strongest"]["finetune"])
    assert f"{len(both)} of these" in shown.text("[aria-labelledby=beside]")
    Select(shown.one("#there-of")).select_by_value("words")
    assert "does not show this sample" in shown.text("[aria-labelledby=beside]")


def test_and_or_sets_are_told_apart(shown: Page, and_or_page: Path) -> None:
    shown.address = and_or_page.as_uri()
    shown.open("pictures", IMAGE_IDS[0])
    (data, *_) = data_of(and_or_page, "experiment-0")["samples"]
    listed = {one["set"] for own in data["lists"].values() for one in own["items"]}
    chosen = min(listed)  # an OR interaction
    assert chosen < 0
    inside = [str(player) for player in range(4) if -chosen >> player & 1]
    shown.hover(shown.one(f".interactions button[data-set='{chosen}']"))
    assert f"I({{{' ∨ '.join(inside)}}})" in shown.text(".values h2")
    lit = shown.all("svg.picture .number:not(.dimmed)")
    assert [number.get_property("textContent") for number in lit] == inside
    assert "of 26" in shown.text(".models")
    for kind, of in (
        ("or", {one for one in listed if one < 0}),
        ("and", {one for one in listed if one > 0}),
    ):
        Select(shown.one("#of-kind")).select_by_value(kind)
        left = shown.all(".interactions li:not([hidden]) button")
        assert {int(button.get_attribute("data-set") or "") for button in left} == of
    strongest = [*data["strongest"]["finetune"], *data["strongest"]["probe"]]
    WebDriverWait(shown.driver, 10).until(lambda _: shown.all(".plot .joined"))
    signs = [sign.get_property("textContent") for sign in shown.all(".plot .sign")]
    assert signs == ["∨" if one < 0 else "" for one in strongest]
    part = next(
        name for name, own in data["lists"].items() if chosen in [i["set"] for i in own["items"]]
    )
    shown.open("pictures", IMAGE_IDS[0], tail=f"?list={part}&set={chosen}")
    assert shown.one("button[aria-pressed=true][data-set]").get_attribute("data-set") == str(chosen)


def test_harsanyi_sets_have_no_kind_to_choose(shown: Page) -> None:
    shown.open("pictures", IMAGE_IDS[0])
    assert shown.all("#of-kind") == []
