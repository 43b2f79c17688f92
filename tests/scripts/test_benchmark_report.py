"""A smoke run of scripts/benchmark_report.py, in the browser of the tests."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from htl_monai.report.page import write_page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.browser
def test_a_drawn_report_is_opened_sorted_and_filtered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Chrome
) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    benchmark = importlib.import_module("benchmark_report")
    content = benchmark.drawn_content(tmp_path, 150, np.random.default_rng(0))
    page = write_page(content, tmp_path / "report.html")
    assert 0 < benchmark.opening(browser, page)["drawn"]
    for values in benchmark.answering(browser, content["cases"]["columns"]).values():
        assert min(values) > 0
    # The searches end with none, the groups with all of them; the slider's last step stands.
    kept = sum(score <= 0.2 for score in content["cases"]["values"]["score_0"])
    shown = browser.execute_script("return document.querySelector('.table-bar strong').textContent")
    assert shown == f"{kept} of 150 cases"
