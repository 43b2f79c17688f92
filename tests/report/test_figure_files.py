"""Figures as files: three of each, and the same bytes each time."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure
from PIL import Image

from htl_monai.report.figure_files import DPI, write_figure

NUMBERS = pd.DataFrame({"x": [0.0, 0.5, 1.0], "y": [0.1, 1 / 3, 0.2]})


def draw(figure: Figure, numbers: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(numbers["x"], numbers["y"], label="a curve")
    axes.legend()
    axes.set_xlabel("weights removed")


def test_three_files_of_one_figure(tmp_path: Path) -> None:
    paths = write_figure(tmp_path / "figures" / "v1.2", NUMBERS, draw, size=(4, 3))
    assert [path.name for path in paths] == ["v1.2.png", "v1.2.svg", "v1.2.csv"]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(path.name for path in paths)
    with Image.open(paths[0]) as image:
        assert image.size == (4 * DPI, 3 * DPI)
    assert "weights removed" in paths[1].read_text(encoding="utf-8")  # as text, not as outlines
    pd.testing.assert_frame_equal(pd.read_csv(paths[2]), NUMBERS, check_exact=True)


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_figure(tmp_path / name, NUMBERS, draw) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_nothing_global_changes(tmp_path: Path) -> None:
    before = dict(rcParams)
    write_figure(tmp_path / "a", NUMBERS, draw)
    assert dict(rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_figure_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(figure: Figure, numbers: pd.DataFrame) -> None:
        raise ValueError("no such column")

    with pytest.raises(ValueError, match="no such column"):
        write_figure(tmp_path / "a", NUMBERS, fail)
    assert not list(tmp_path.iterdir())
