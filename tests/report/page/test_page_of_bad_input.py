"""Tests of the page with what nobody wishes for: markup in names, nothing at all, one case, pictures that are gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

OpenReport = Callable[..., Any]
Content = dict[str, Any]
SECTIONS = {"hardest", "table", "groups", "slices", "curves", "rankings", "quadrants", "arms", "provenance"}
NASTY = (
    "</script><script>document.title = 'hit'</script>",
    "\"><img src=x onerror='document.title = 1'>",
    "javascript:document.title = 'hit'",
    "x" * 300,
    "مريض ٣ <b>bold</b>",
    "\u2028😀\ud83d'",
)
KINDS = {"kind", "role", "picture", "sprites", "x", "y"}  # what is not shown as text


def spoilt(value: Any, place: int = 0) -> Any:
    """The same content with markup behind every text and name that is shown."""
    if isinstance(value, dict):
        return {key: each if key in KINDS else spoilt(each, place + i) for i, (key, each) in enumerate(value.items())}
    if isinstance(value, list):
        return [spoilt(each, place + i) for i, each in enumerate(value)]
    return f"{value} {NASTY[place % len(NASTY)]}" if isinstance(value, str) else value


def test_text_of_users_is_never_markup(open_report: OpenReport, content: Content) -> None:
    values = content["cases"]["values"]
    bad = {name: spoilt(one) if name in ("id", "look", "sex", "site") else one for name, one in values.items()}
    columns = [
        column | {"label": column["label"] + NASTY[i % 3]} for i, column in enumerate(content["cases"]["columns"])
    ]
    cases = {"n": 240, "columns": columns, "values": bad}
    page = open_report(
        spoilt(content | {"cases": None, "quadrants": None}) | {"cases": cases, "quadrants": content["quadrants"]}
    )
    assert page.run("return document.title").startswith(content["title"])
    assert page.run("return document.scripts.length") == 3 and page.sections() == SECTIONS
    assert not page.all("img, [onerror], a[href^=javascript]") and "<b>bold</b>" in " ".join(page.texts(".cases td"))
    assert page.run("return document.documentElement.scrollWidth") <= 1280
    page.click(".card")
    assert page.run("return document.scripts.length") == 3
    assert page.texts("#viewer-title")[0].startswith(content["hardest"][0]["title"] + " ")


def test_a_page_does_without_any_part(open_report: OpenReport, drawn_content: Callable[..., Content]) -> None:
    content = drawn_content(n=12, n_hard=1)
    gone = {"cases": {"table", "quadrants"}, "comparison": set(), "groups": set(), "provenance": set()}
    for part in ("hardest", "curves", "slices", "rankings", "quadrants"):
        gone[part] = {part}
    for part in content:
        page = open_report({key: value for key, value in content.items() if key != part})
        assert page.sections() == SECTIONS - gone.get(part, set()), part
    for nothing in ({}, dict.fromkeys(content)):
        page = open_report(nothing)
        assert not page.sections() and page.texts("h1") == ["Report"]


def test_one_case_and_no_numbers(open_report: OpenReport) -> None:
    columns = [{"name": "id", "kind": "text"}, {"name": "iou", "kind": "number"}, {"name": "sex", "kind": "group"}]
    cases = {"n": 1, "columns": columns, "values": {"id": ["only"], "iou": [float("nan")], "sex": [None]}}
    curves = [{"name": "all", "y": "IoU", "points": [{"sparsity": 0.5, "mean": float("inf"), "low": None}]}]
    groups = [
        {"measure": "iou", "column": "sex", "group": "female", "n": 1, "mean": float("nan"), "note": "too few to say"}
    ]
    page = open_report({"cases": cases, "hardest": [{"case": 0}], "curves": curves, "groups": groups})
    assert page.sections() == {"hardest", "table", "groups"} and page.count() == "1 case"
    assert page.column("iou") == ["–"] and "too few to say" in page.texts(".forest td")
    page.click(".card")
    assert page.texts("#viewer-title") == ["only"]


def test_a_part_that_cannot_be_drawn_leaves_the_others(open_report: OpenReport, content: Content) -> None:
    page = open_report(content | {"groups": [None], "tiles": [None]})
    assert page.sections() == SECTIONS - {"groups"} | {"failed-groupsSection", "failed-summary"}
    assert page.texts("[id^=failed] h2") == ["A part of this report could not be drawn"] * 2
    assert len(page.chrome.get_log("browser")) == 2  # and now none is left


def test_a_group_of_thousands_of_values_is_searched(open_report: OpenReport) -> None:
    n = 5000
    columns = [{"name": "id", "kind": "text"}, {"name": "patient", "label": "Patient", "kind": "group"}]
    values = {"id": [f"case {i}" for i in range(n)], "patient": [f"P{i:04d}" for i in range(n)]}
    page = open_report({"cases": {"n": n, "columns": columns, "values": values}})
    assert not page.all("select[data-group]")
    page.choose('input[data-group="patient"]', "p012")
    assert page.count() == "10 of 5,000 cases" and page.column("id") == [f"case {i}" for i in range(120, 130)]
    assert len(page.all(".cases tbody[data-rows] tr")) == 10


def test_pictures_that_are_gone_or_from_elsewhere_are_said_to_be(open_report: OpenReport, content: Content) -> None:
    hardest = content["hardest"][:4]
    for one, picture in zip(
        hardest, ("pictures/gone.webp", "https://example.org/a.png", "pictures/../../a", None), strict=True
    ):
        one["slices"] = [{"picture": picture, "size": [10, 10], "position": 0, "outlines": {}}]
    hardest[0]["note"] = "The picture is gone: a.png"
    hardest[3] |= {"slices": [], "note": "The picture cannot be read: b.png"}
    content["thumbnails"] |= {"sprites": ["javascript:alert(1)", "//example.org/a.webp", "pictures/gone.webp"]}
    page = open_report(content | {"hardest": hardest})
    page.rest()
    assert page.texts(".card .no-picture") == [
        "The picture is gone: a.png",
        *["There is no picture of this case."] * 2,
        "The picture cannot be read: b.png",
    ]
