"""The page of a run or an audit, with its pictures."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import htl_monai
from htl_monai.report.made_report import make_report
from htl_monai.report.verdict import verdict
from htl_monai.runs.audit import audit


def content_in(page: Path) -> dict[str, Any]:
    (text,) = re.findall(r'<script id="content" type="application/json">(.*?)</script>', page.read_text(), re.DOTALL)
    return dict(json.loads(text))


def test_a_run_ends_with_a_page_that_shows_what_each_network_outlines(finished_run: Path) -> None:
    content = content_in(finished_run / "report.html")
    assert [network["name"] for network in content["networks"]] == ["truth", "dense", "pruned", "htl", "random"]
    assert len(content["hardest"]) == 9
    for case in content["hardest"]:
        (drawn,) = case["slices"]
        assert drawn["outlines"]["truth"] and {*drawn["outlines"]} == {n["name"] for n in content["networks"]}
    assert None not in content["thumbnails"]["of"] and len(content["thumbnails"]["of"]) == content["cases"]["n"] == 13


def test_pictures_are_drawn_again_only_if_they_are_behind(tiny_run: Path, tmp_path: Path) -> None:
    pictures = tiny_run / "pictures" / "cases.json"
    before = pictures.stat().st_mtime_ns
    page = make_report(tiny_run, tmp_path / "elsewhere.html", hardest=2, by="label_quality")
    content = content_in(page)
    assert page == tmp_path / "elsewhere.html" and len(content["hardest"]) == 2
    assert pictures.stat().st_mtime_ns == before
    os.utime(tiny_run / "training" / "provenance.json")
    make_report(tiny_run, hardest=1)
    assert pictures.stat().st_mtime_ns > before and len(json.loads(pictures.read_text())["hardest"]) == 1


def test_a_run_whose_networks_are_gone_keeps_its_pictures(tiny_run: Path) -> None:
    (tiny_run / "training" / "dense.pt").unlink()
    os.utime(tiny_run / "training" / "provenance.json")
    assert content_in(make_report(tiny_run))["hardest"][0]["slices"]


def test_an_audit_makes_its_page_where_it_is_told(tiny_run: Path, tiny_phantom: Path, tmp_path: Path) -> None:
    found = audit(str(tiny_run), str(tiny_phantom), split="test", sparsities=[0.5])
    content = content_in(found.report(tmp_path / "audit", hardest=1))
    assert content["kind"] == "audit" and (tmp_path / "audit" / "ranking.csv").is_file()
    assert {*content["hardest"][0]["slices"][0]["outlines"]} == {"truth", "dense", "pruned"}
    shutil.rmtree(tmp_path / "audit" / "pictures")
    (case,) = content_in(htl_monai.make_report(tmp_path / "audit", hardest=1))["hardest"]
    assert "slices" not in case and case["note"].startswith("There is no picture of this case")


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="folder must be that of a run or an audit"):
        make_report(tmp_path)
    assert verdict({}) == ""


@pytest.mark.browser
def test_the_report_of_a_supervised_run_in_use(finished_run: Path, use_report: Callable[[Path], None]) -> None:
    use_report(finished_run)
