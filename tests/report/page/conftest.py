"""The drawn report that the tests of the page look at."""

from __future__ import annotations

import copy
import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from htl_monai.report.page import write_page

if TYPE_CHECKING:
    from selenium.webdriver import ActionChains, Chrome
    from selenium.webdriver.remote.webelement import WebElement


@pytest.fixture(scope="session")
def drawn_content() -> Callable[..., dict[str, Any]]:
    """Return the function that draws the content of a report."""
    return runpy.run_path(str(Path(__file__).with_name("drawn_content.py")))["drawn_content"]


@pytest.fixture(scope="session")
def drawn_once(drawn_content: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return drawn_content()


@pytest.fixture
def content(drawn_once: dict[str, Any]) -> dict[str, Any]:
    """The content of a whole report of 240 cases, to be changed at will."""
    return copy.deepcopy(drawn_once)


@pytest.fixture(scope="session")
def drawn_page(drawn_once: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(drawn_once, tmp_path_factory.mktemp("page") / "report.html")


class Page:
    """An open report, and what a person does with it."""

    def __init__(self, chrome: Chrome) -> None:
        self.chrome = chrome
        self.run = chrome.execute_script

    def one(self, selector: str) -> WebElement:
        return self.chrome.find_element("css selector", selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.chrome.find_elements("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.toWellFormed())", selector
        )

    def column(self, name: str) -> list[str]:
        """What stands in a column of the rows that are drawn, from the top."""
        place = self.texts(".cases thead th").index(name) + 1
        return self.texts(f".cases tbody[data-rows] tr > :nth-child({place})")

    def count(self) -> str:
        return self.texts(".table-bar strong")[0]

    def sections(self) -> set[str]:
        return {*self.run("return [...document.querySelectorAll('main > section[id]')].map(e => e.id)")}

    def click(self, selector: str, place: int = 0) -> None:
        self.run("arguments[0].click()", self.all(selector)[place])

    def choose(self, selector: str, value: str) -> None:
        """Do what a person does with a field, a select or a slider."""
        self.run(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change'));",
            *(selector, value),
        )

    def keys(self) -> ActionChains:
        from selenium.webdriver import ActionChains

        return ActionChains(self.chrome, duration=0)

    def rest(self) -> None:
        """Let two frames go by, in which the page draws what it has put off."""
        self.chrome.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        )

    def saved(self, name: str) -> str:
        """Return what the page saved under a name, and delete it."""
        path = self.chrome.downloads / name
        for _ in range(200):
            if path.is_file():
                text = path.read_bytes().decode()
                path.unlink()
                return text
            time.sleep(0.02)
        raise AssertionError(f"{name} was not saved")


@pytest.fixture
def open_report(open_page: Callable[..., Chrome], tmp_path: Path) -> Callable[..., Page]:
    """Return a function that opens a page, or writes and opens that of a content."""

    def opened(report: Path | dict[str, Any], **look: Any) -> Page:
        path = report if isinstance(report, Path) else write_page(report, tmp_path / "report.html")
        return Page(open_page(path, **look))

    return opened
