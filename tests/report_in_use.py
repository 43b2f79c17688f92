"""What a person does with any report: sort, search, filter by group, slide, export; look at cases by keys."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PAGE = runpy.run_path(str(Path(__file__).with_name("report") / "page" / "conftest.py"))["Page"]


def use_report(chrome: Chrome) -> None:
    page = PAGE(chrome)
    cases = page.run("return JSON.parse(document.querySelector('#content').textContent)")["cases"]
    n, values, shown = cases["n"], cases["values"], [one for one in cases["columns"] if one["show"]]
    assert page.texts("h1")[0] and page.texts(".verdict")[0] and page.count() == f"{n} cases"
    assert page.sections() >= {"hardest", "table"} and page.all(".card")
    number = next(one for one in shown if one["kind"] == "number" and len({*values[one["name"]]} - {None}) > 1)
    sort_and_slide(page, number["name"], values[number["name"]])
    found = str(values["id"][n // 2]).lower()
    texts = [one["name"] for one in cases["columns"] if one["kind"] != "number"]
    wanted = sum(found in "\n".join(str(values[name][i] or "") for name in texts).lower() for i in range(n))
    page.choose('.filters input[type="search"]', found)
    assert page.count() in (f"{wanted} of {n} cases", f"{n} cases") and wanted
    page.click(".clear")
    group = next(name for name in texts if page.all(f'select[data-group="{name}"]'))
    choice = page.all(f'select[data-group="{group}"] option')[1].get_attribute("value")
    wanted = values[group].count(json.loads(choice)["is"])
    page.choose(f'select[data-group="{group}"]', choice)
    assert page.count() == f"{wanted} of {n} cases"
    page.click("button.export", 1)
    assert len(json.loads(page.saved("cases.json"))) == wanted
    page.click(".clear")
    look_by_keys(page)


def sort_and_slide(page: Any, name: str, values: list[float | None]) -> None:
    known = sorted(value for value in values if value is not None)
    page.click(f'[data-column="{name}"] button')
    assert page.one(f'[data-column="{name}"]').get_attribute("aria-sort") == "ascending"
    page.choose(".filters select:not([data-group])", name)
    page.choose("input.threshold", str(known[len(known) // 2]))
    left = int(page.count().split()[0])
    assert 0 < left <= len(values)
    page.click(".clear")


def look_by_keys(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    page.one(".card").send_keys(Keys.ENTER)
    title = page.texts("#viewer-title")
    assert title[0] and page.all(".large img, .large image, .side table, .side dl")
    page.keys().send_keys(Keys.ARROW_RIGHT).perform()
    assert len(page.all(".card")) == 1 or page.texts("#viewer-title") != title
    page.keys().send_keys(Keys.ESCAPE).perform()
    assert not page.all("dialog[open]")
