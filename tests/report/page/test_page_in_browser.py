"""Tests of the page as a person uses it, in Chromium; its fixture also looks at the console and the requests."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from htl_monai.data.formulas import escaped

pytest.importorskip("selenium", reason="needs selenium, of the extra dev")

from selenium.webdriver.common.keys import Keys  # noqa: E402

pytestmark = pytest.mark.browser

OpenReport = Callable[..., Any]
Content = dict[str, Any]
VENDOR = Path(__file__).resolve().parents[2] / "vendor"
N = 240


def test_a_heading_sorts_and_sorts_back(open_report: OpenReport, drawn_page: Path, content: Content) -> None:
    page = open_report(drawn_page)
    ages = [age for age in content["cases"]["values"]["age"] if age is not None]
    assert page.column("id")[:2] == ["ISIC_0000000", "ISIC_0000001"]
    page.click('[data-column="age"] button')
    assert page.column("Age")[:12] == [str(age) for age in sorted(ages)[:12]]
    page.click('[data-column="age"] button')
    assert page.column("Age")[:12] == [str(age) for age in sorted(ages, reverse=True)[:12]]
    assert page.one('[data-column="age"]').get_attribute("aria-sort") == "descending"
    assert page.one('[data-column="id"]').get_attribute("aria-sort") == "none"
    page.run("document.querySelector('.window').scrollTop = 1e6")
    page.rest()
    assert set(page.column("Age")[-5:]) == {"–"}


def test_filters_narrow_the_table_together(open_report: OpenReport, drawn_page: Path, content: Content) -> None:
    page, values = open_report(drawn_page), content["cases"]["values"]
    page.choose('.filters input[type="search"]', "ISIC_00001")
    assert page.count() == "100 of 240 cases"
    page.choose('select[data-group="sex"]', '{"is":"female"}')
    wanted = [i for i in range(100, 200) if values["sex"][i] == "female"]
    assert page.count() == f"{len(wanted)} of 240 cases"
    page.choose("input.threshold", "0.6")
    wanted = [i for i in wanted if values["iou"][i] <= 0.6]
    assert page.count() == f"{len(wanted)} of 240 cases"
    assert page.column("id")[:9] == [values["id"][i] for i in wanted][:9]
    assert page.texts(".chip") == ["“ISIC_00001”✕", "Sex = female✕", "IoU, dense ≤ 0.60✕"]
    page.click(".chip", 0)
    wanted = [i for i in range(N) if values["sex"][i] == "female" and values["iou"][i] <= 0.6]
    assert page.count() == f"{len(wanted)} of 240 cases"
    page.click(".clear")
    assert page.count() == "240 cases" and not page.texts(".chip")


def test_the_selection_is_saved_as_it_is_shown(open_report: OpenReport, content: Content) -> None:
    ids = ["=1+1", "-3", "a,b", 'say "x"', "two\nlines", "@x", "'=x", "é"]
    content["cases"]["values"]["id"][:8] = ids
    page = open_report(content)
    page.click("button.export", 0)
    rows = [*csv.DictReader(page.saved("cases.csv").splitlines(keepends=True))]
    assert len(rows) == N and [row["id"] for row in rows[:8]] == [escaped(one) for one in ids]
    assert [float(row["iou"]) for row in rows] == content["cases"]["values"]["iou"]
    page.click('.cases tbody[data-rows] input[type="checkbox"]', 3)
    page.click('.cases tbody[data-rows] input[type="checkbox"]', 0)
    page.click("button.export", 1)
    records = json.loads(page.saved("cases.json"))
    assert [record["id"] for record in records] == ["=1+1", 'say "x"']
    assert records[0]["entropy"] == content["cases"]["values"]["entropy"][0]
    page.choose('select[data-group="sex"]', '{"is":"male"}')
    page.click('.cases thead input[type="checkbox"]')
    page.click("button.export", 1)
    males = content["cases"]["values"]["sex"].count("male")
    assert len(json.loads(page.saved("cases.json"))) in (males, males + 1, males + 2)


def test_a_case_opens_large_and_obeys_keys(open_report: OpenReport, drawn_page: Path, content: Content) -> None:
    page = open_report(drawn_page)
    titles = [one["title"] for one in content["hardest"]]
    page.one(".card").send_keys(Keys.ENTER)

    def press(key: str) -> str:
        page.chrome.switch_to.active_element.send_keys(key)
        return page.texts("#viewer-title")[0]

    assert page.texts("#viewer-title") == [titles[0]]
    assert press(Keys.ARROW_RIGHT) == titles[1]
    assert page.texts(".slices output") == ["Slice 7 of 12 (position 26), largest error"]
    press(Keys.ARROW_DOWN)
    assert page.texts(".slices output") == ["Slice 8 of 12 (position 27)"]
    assert len(page.all(".large .outline:not(.off)")) == 4
    press("3")
    pressed = [key.get_attribute("aria-pressed") for key in page.all(".side .key")]
    assert pressed == ["true", "true", "false", "true"]
    assert len(page.all(".large .outline:not(.off)")) == 3
    press("o")
    assert not page.all(".outline:not(.off)")
    press("o")
    assert not page.all(".outline.off")
    assert press(Keys.ARROW_LEFT) == titles[0]
    press(Keys.ESCAPE)
    assert not page.all("dialog[open]")
    assert page.chrome.switch_to.active_element.get_attribute("class") == "card"


def test_the_table_is_used_by_the_keyboard_alone(open_report: OpenReport, drawn_page: Path) -> None:
    page = open_report(drawn_page)

    def tab_to(selector: str) -> None:
        for _ in range(80):
            page.keys().send_keys(Keys.TAB).perform()
            if page.run("return document.activeElement.matches(arguments[0])", selector):
                return
        raise AssertionError(f"{selector} is not reached by Tab")

    tab_to(".skip")
    tab_to('[data-column="iou"] button')
    page.keys().send_keys(Keys.ENTER).perform()
    assert page.one('[data-column="iou"]').get_attribute("aria-sort") == "ascending"
    tab_to(".cases tbody input")
    page.keys().send_keys(Keys.ARROW_DOWN * 2, Keys.SPACE).perform()
    assert page.texts(".exports > span") == ["1 case selected:"]
    page.keys().send_keys(Keys.END, Keys.TAB, Keys.ENTER).perform()
    assert page.texts(".viewer-head .quiet") == ["240 of 240"]
    page.keys().send_keys(Keys.ESCAPE).perform()
    assert page.run("return document.activeElement.closest('tr').getAttribute('aria-rowindex')") == "241"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_barrier(open_report: OpenReport, drawn_page: Path, dark: bool) -> None:
    page = open_report(drawn_page, dark=dark)
    theme = "return document.documentElement.dataset.theme"
    assert page.run(theme) == ("dark" if dark else "light")
    page.run("for (const one of document.querySelectorAll('details')) one.open = true")
    page.chrome.execute_cdp_cmd("Runtime.evaluate", {"expression": (VENDOR / "axe.min.js").read_text()})
    for opens in (None, ".card:not(:first-child)"):
        if opens:
            page.click(".card", 1)
        found = page.chrome.execute_async_script(
            "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
        )
        assert not [
            (one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    page.one("dialog").send_keys(Keys.ESCAPE)
    page.click(".theme")
    assert page.run(theme) == ("light" if dark else "dark")
    page.run("localStorage.clear()")


def test_a_picture_is_enlarged_and_an_empty_outline_is_said(open_report: OpenReport, content: Content) -> None:
    content["hardest"][0]["slices"][0]["outlines"]["pruned"] = []
    page = open_report(content)
    page.click(".card")

    def box() -> list[float]:
        corners = page.run("return document.querySelector('.large svg').getAttribute('viewBox')")
        return [float(x) for x in corners.split()]

    assert page.texts(".side > p.quiet")[0] == "Nothing outlined here by: pruned, 70 %" and box() == [0, 0, 256, 192]
    page.keys().send_keys("+").perform()
    assert box() == [48, 36, 160, 120]
    page.keys().send_keys("-").perform()
    page.keys().move_to_element_with_offset(page.one(".large"), -200, -100).click().perform()
    assert box()[2:] == pytest.approx([100, 75]) and box()[0] < 64
    page.keys().send_keys(Keys.ARROW_RIGHT).perform()
    assert box() == [0, 0, 256, 192] and not page.one(".side > p.quiet").is_displayed()


def test_only_what_is_worse_stands_out_as_worse(open_report: OpenReport, content: Content) -> None:
    for row in content["groups"]:
        row["p_holm"] = 0.001
    page = open_report(content)
    gaps = {row["group"]: row["gap_whole"] for row in content["groups"] if row["measure"] == "iou"}
    assert set(page.texts("#groups > .blocks .strong th")) == set(gaps)
    assert set(page.texts("#groups > .blocks .worse th")) == {name for name, gap in gaps.items() if gap < 0}
    page.choose("#groups .field select", "forgetting")
    gaps = {row["group"]: row["gap_whole"] for row in content["groups"] if row["measure"] == "forgetting"}
    assert set(page.texts("#groups > .blocks .worse th")) == {name for name, gap in gaps.items() if gap > 0}


def test_a_click_on_a_point_opens_its_case(open_report: OpenReport, drawn_page: Path, content: Content) -> None:
    page, values = open_report(drawn_page), content["cases"]["values"]
    hard = [i for i in range(N) if values["forgetting"][i] >= 0.4 and values["label_quality"][i] < 0.75]
    page.run(
        "document.documentElement.style.scrollBehavior = 'auto'; document.querySelector('#quadrants').scrollIntoView()"
    )
    page.rest()
    x, y = page.run(
        "const svg = document.querySelector('#quadrants .chart svg'), box = svg.getBoundingClientRect();"
        "const [x, y] = svg.querySelector('.points.hard').getAttribute('d').slice(1).match(/[0-9.]+/g).map(Number);"
        "return [x - box.width / 2, y - box.height / 2]"
    )
    page.keys().move_to_element_with_offset(page.one("#quadrants .chart svg"), round(x), round(y)).click().perform()
    assert page.texts("#viewer-title")[0] in [values["id"][i] for i in hard]
    assert page.texts(".viewer-head .quiet")[0].endswith(f" of {len(hard)}")


def test_columns_are_chosen_and_paper_gets_few_rows(open_report: OpenReport, content: Content) -> None:
    content["cases"]["columns"][-1]["show"] = False
    page = open_report(content)
    assert "Site" not in page.texts(".cases thead th")
    page.click(".chooser input", -1)
    page.click(".chooser input", 0)
    assert page.texts(".cases thead th")[2:4] == ["id", "IoU, pruned"]
    assert page.column("Site")[:5] == content["cases"]["values"]["site"][:5]
    page.run("dispatchEvent(new Event('beforeprint'))")
    page.rest()
    assert 10 < len(page.all(".cases tbody[data-rows] tr")) <= 40
    page.run("document.querySelector('.window').style.cssText = 'height: auto; max-height: none; contain: none'")
    page.rest()
    assert len(page.all(".cases tbody[data-rows] tr")) <= 40


def test_a_narrow_screen_has_nothing_that_sticks_out(open_report: OpenReport, drawn_page: Path) -> None:
    page = open_report(drawn_page, width=375)
    assert page.run("return document.documentElement.scrollWidth") <= 375


def test_what_is_found_is_shown_in_the_table(open_report: OpenReport, drawn_page: Path, content: Content) -> None:
    page, values = open_report(drawn_page), content["cases"]["values"]
    page.click("#groups .forest button")
    assert page.count() == f"{values['look'].count('hair')} of 240 cases"
    page.click("#slices .forest button")
    both = sum(kind == "hair" and x >= 0.5 for kind, x in zip(values["look"], values["forgetting"], strict=True))
    assert page.count() == f"{both} of 240 cases"
    page.click(".quadrant.hard button")
    hard = sum(x >= 0.4 and y < 0.75 for x, y in zip(values["forgetting"], values["label_quality"], strict=True))
    assert page.count() == f"{hard} of 240 cases" and page.texts(".quadrant.hard h3") == [
        f"Hard to learn: {hard} cases"
    ]
