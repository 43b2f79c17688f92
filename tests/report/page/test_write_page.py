"""Tests of what a page holds, without a browser: escaping, hashes, size, vendored files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from htl_monai.report.page import write_page
from htl_monai.report.page.write_page import SCRIPTS, embedded

PAGE = Path(__file__).resolve().parents[3] / "htl_monai" / "report" / "page"
TESTS = Path(__file__).resolve().parents[2]
NASTY = "</script><script>alert(1)</script><!-- \u2028\u2029 & ' \" \ud800 😀"


def content_of(page: str) -> str:
    (found,) = re.findall(r'<script id="content" type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    return found


def test_text_cannot_end_the_script_that_holds_it(tmp_path: Path) -> None:
    page = write_page({"title": NASTY, NASTY: [NASTY]}, tmp_path / "report.html").read_text(encoding="utf-8")
    held = content_of(page)
    assert held.isascii() and "<" not in held
    assert json.loads(held) == {"title": NASTY, NASTY: [NASTY]}
    assert page.count("</script>") == 3


def test_what_is_no_number_becomes_null() -> None:
    numbers = {
        "a": [float("nan"), float("inf"), np.float32("nan"), 0.5],
        "b": (np.int64(3), np.bool_(True)),
        4: np.eye(1),
    }
    assert json.loads(embedded(numbers)) == {"a": [None, None, None, 0.5], "b": [3, True], "4": [[1.0]]}


def test_what_json_lacks_is_refused_and_leaves_the_page_as_it_was(tmp_path: Path) -> None:
    path = write_page({"title": "first"}, tmp_path / "report.html")
    before = path.read_bytes()
    with pytest.raises(TypeError, match="Path"):
        write_page({"title": path}, path)
    assert path.read_bytes() == before and [*tmp_path.iterdir()] == [path]


def test_the_policy_names_exactly_what_the_page_runs(tmp_path: Path) -> None:
    page = write_page({}, tmp_path / "report.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in styles + scripts]
    assert len(hashes) == 3
    assert policy == (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: 'self' file:; "
        f"style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}' 'sha256-{hashes[2]}'"
    )


def test_the_page_is_small_and_names_nobody(tmp_path: Path) -> None:
    page = write_page({}, tmp_path / "report.html")
    assert page.stat().st_size < 1.2e6
    own = "".join(path.read_text() for path in [*PAGE.glob("script/*.js"), PAGE / "page.css", PAGE / "page.html"])
    assert set(re.findall(r"https?://[^\"'\s]+", own)) == {"http://www.w3.org/2000/svg"}
    assert "innerHTML" not in own and "eval(" not in own


def test_each_script_is_in_the_page_and_short() -> None:
    assert sorted(SCRIPTS) == sorted(path.stem for path in PAGE.glob("script/*.js"))
    assert max(len(path.read_text().splitlines()) for path in PAGE.glob("script/*.js")) < 300


@pytest.mark.parametrize("folder", [PAGE / "vendor", TESTS / "vendor"], ids=["page", "tests"])
def test_vendored_files_are_those_that_are_listed_with_their_licences(folder: Path) -> None:
    listed = dict(
        re.findall(r"^\| `(\S+)` .*`([0-9a-f]{64})` \|$", (folder / "README.md").read_text(), flags=re.MULTILINE)
    )
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")}
    assert listed == files and files
    assert {name.split(".")[0] for name in files} == {path.stem for path in folder.glob("*.LICENSE")}
