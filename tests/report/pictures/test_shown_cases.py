"""A notebook shows hard cases with outlines and scores; what they are called is text, and never markup."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import htl_monai.report.page
from htl_monai.report.pictures.case_pictures import CasePictures, Slice, case_pictures
from htl_monai.report.pictures.shown_cases import COLOURS, COLOURS_OF_ARMS, ShownCases, drawn_on

PAGE = Path(htl_monai.report.page.__file__).parent
SQUARE = [[10.0, 10.0], [30.0, 10.0], [30.0, 20.0], [10.0, 20.0], [10.0, 10.0]]
HOLE = [[14.0, 13.0], [26.0, 13.0], [26.0, 17.0], [14.0, 17.0], [14.0, 13.0]]


def test_an_outline_is_drawn_by_its_colour_and_nothing_else_changes() -> None:
    grey = Image.new("L", (60, 40), 90)
    drawn = np.asarray(drawn_on(grey, {"dense": [SQUARE, HOLE]}, {"dense": "#5cc4ff"}))
    assert drawn.shape == (80, 120, 3)
    line = (drawn == (0x5C, 0xC4, 0xFF)).all(axis=2)
    assert (drawn[~line] == 90).all() and line[20, 21:59].all() and line[21:39, 20].all()
    assert not line[30, 32:48].any() and not line[22:24, 24:56].any() and line[21:28, 40].any()
    assert not line[:19].any() and not line[43:].any()


def test_colours_are_those_of_the_page() -> None:
    script = (PAGE / "script" / "outlines.js").read_text(encoding="utf-8")
    of_page = re.findall(r'color: "(#[0-9a-f]{6})"', script)
    assert of_page == [*COLOURS.values(), *COLOURS_OF_ARMS]


def test_cases_have_their_pictures_scores_and_a_legend(model_of: Any, drawn_of: Any, tmp_path: Path) -> None:
    pixels = np.zeros((48, 96), dtype=np.uint8)
    pixels[10:30, 20:60] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    networks = drawn_of(model_of())
    items = [{"id": "a", "image": str(tmp_path / "a.png")}, {"id": "b", "image": str(tmp_path / "b.png")}]
    table = pd.DataFrame({"id": ["a", "b"], "iou": [0.12345, np.nan]})
    shown = ShownCases(table, [case_pictures(item, networks) for item in items], networks)
    html = shown._repr_html_()
    (url,) = re.findall(r'src="data:image/webp;base64,([^"]+)"', html)
    assert Image.open(io.BytesIO(base64.b64decode(url))).size == (768, 384)
    assert "iou 0.123" in html and "iou –" in html and "The picture is gone: " in html
    assert "dense network" in html and "given label" not in html and repr(shown) == repr(table)


def test_names_are_text(drawn_of: Callable[..., Any], model_of: Callable[..., Any]) -> None:
    bad = '<script>alert("x")</script>'
    row = {"name": bad, "truth": 1, "dense": 0.5}
    slices = tuple(Slice(Image.new("RGB", (8, 8)), position, {}) for position in (3, 4))
    found = CasePictures(slices, 1, (row, {"name": "b", "truth": None, "dense": 0.25}), bad)
    html = ShownCases(pd.DataFrame({"id": [bad], bad: [bad]}), [found], drawn_of(model_of()))._repr_html_()
    assert "<script" not in html and html.count("&lt;script&gt;") == 6
    assert "slice 4" in html and " (given): dense 0.5" in html and "b (unknown): dense 0.25" in html
