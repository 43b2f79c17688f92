"""Measures how fast a report opens, sorts and filters: ``python scripts/benchmark_report.py --out FILE``."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from benchmark_table import Row, circumstances, closing_table
from chromium import show_as, start_chromium
from PIL import Image
from rich.console import Console

from htl_monai.data.files import write_json
from htl_monai.report.page import write_page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

GROUPS = {"sex": 2, "site": 12, "device": 40, "diagnosis": 9, "patient": 5000}
N_NUMBERS = 14
TILE, PER_ROW, PER_SPRITE = (64, 48), 20, 100
OPENED_S, ANSWERED_MS = 2.0, 100.0
# From a change to the frame that shows it.
TIMED = """
const [change, done] = arguments;
const start = performance.now();
(0, Function)(change)();
requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => done(performance.now() - start); port2.postMessage(0); });
"""
# The page is made by its scripts at once: its first paint is that of the whole screen.
OPENING = """
const done = arguments[0];
new PerformanceObserver((seen) => {
  const drawn = seen.getEntriesByName("first-contentful-paint")[0];
  if (drawn) done({ drawn: drawn.startTime, loaded: performance.getEntriesByType("navigation")[0].loadEventEnd });
}).observe({ type: "paint", buffered: true });
"""
SORTED = "document.querySelector('[data-column={}] button').click()"
SET = "const e = document.querySelector({!r}); e[{!r}] = {!r}; e.dispatchEvent(new Event({!r}))"


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw a large report, open it anew and again, sort and filter it, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = drawn_content(folder, options.cases, np.random.default_rng(0))
        start = time.perf_counter()
        page = write_page(content, folder / "report.html")
        written = time.perf_counter() - start
        chrome = start_chromium(folder)
        try:
            show_as(chrome)
            opened = [opening(chrome, page) for _ in range(options.repeats)]
            answers = answering(chrome, content["cases"]["columns"])
        finally:
            chrome.quit()
        size = page.stat().st_size
    rows = [
        Row("writing the page, s", [written]),
        Row("the page, MiB", [size / 2**20]),
        Row("opening, until it is drawn, s", [each["drawn"] / 1e3 for each in opened], OPENED_S, at_most=True),
        Row("opening, until all is loaded, s", [each["loaded"] / 1e3 for each in opened], OPENED_S, at_most=True),
        *(Row(f"{what}, ms", values, ANSWERED_MS, at_most=True) for what, values in answers.items()),
    ]
    Console().print(closing_table(rows, f"A report of {options.cases} cases, {1 + len(GROUPS) + N_NUMBERS} columns"))
    if options.out:
        content = {"rows": [row.record() for row in rows], "cases": options.cases}
        browser = {"chromium": chrome.capabilities["browserVersion"], "load": [round(x, 1) for x in os.getloadavg()]}
        write_json(options.out, content | browser | circumstances(torch.device("cpu")))


def drawn_content(folder: Path, n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return a content of ``n`` cases, with sprites of noise beside the page."""
    values: dict[str, list[Any]] = {"id": [f"ISIC_{i:07d}" for i in range(n)]}
    values |= {name: [f"{name} {k}" for k in rng.integers(0, count, n)] for name, count in GROUPS.items()}
    values |= {f"score_{k}": rng.beta(2, 5, n).tolist() for k in range(N_NUMBERS)}
    kinds = {"id": "text"} | dict.fromkeys(GROUPS, "group")
    columns = [{"name": name, "label": name, "kind": kinds.get(name, "number"), "digits": 3} for name in values]
    (folder / "pictures").mkdir()
    height = TILE[1] * PER_SPRITE // PER_ROW
    sprites = [f"pictures/sprite_{k}.webp" for k in range(-(-n // PER_SPRITE))]
    for name in sprites:
        noise = rng.integers(0, 255, (height // 8, TILE[0] * PER_ROW // 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((TILE[0] * PER_ROW, height)).save(folder / name, quality=70)
    pictures = {"tile": TILE, "per_row": PER_ROW, "per_sprite": PER_SPRITE, "sprites": sprites, "of": [*range(n)]}
    quadrants = {"x": "score_0", "y": "score_1", "x_cut": 0.5, "y_cut": 0.5}
    cases = {"n": n, "columns": columns, "values": values}
    return {"title": "A large report", "cases": cases, "thumbnails": pictures, "quadrants": quadrants}


def opening(chrome: Chrome, page: Path) -> dict[str, float]:
    """Open the page anew and return when it was drawn and when all was loaded, in milliseconds from the start."""
    chrome.get("about:blank")
    chrome.get(page.as_uri())
    return chrome.execute_async_script(OPENING)


def answering(chrome: Chrome, columns: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Return how long sorting and filtering take, each from the change to the frame that shows it."""

    def timed(change: str) -> float:
        return chrome.execute_async_script(TIMED, change)

    search, group, slider = ".filters [type=search]", "[data-group={}]", ".threshold"
    return {
        "sorting by each column": [timed(SORTED.format(column["name"])) for column in columns],
        "sorting it back": [timed(SORTED.format(columns[-1]["name"])) for _ in range(5)],
        "searching": [timed(SET.format(search, "value", text, "input")) for text in ("i", "isic_00", "isic_0001", "")],
        "filtering by a group": [
            timed(SET.format(group.format(name), "selectedIndex", index, "change"))
            for name in ("sex", "site", "device", "diagnosis")
            for index in (1, 0)
        ],
        "moving the slider": [timed(SET.format(slider, "value", x, "input")) for x in (0.6, 0.5, 0.4, 0.3, 0.2)],
    }


if __name__ == "__main__":
    main()
