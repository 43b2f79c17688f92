"""Writes a figure as PNG and SVG, and the numbers that it shows as CSV beside them; the same bytes each time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from htl_monai.data.files import write_atomically, write_csv

DPI = 200
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so that every machine sets the same text
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "svg.fonttype": "none",  # text stays text: small files, and words that can be searched
    "svg.hashsalt": "htl-monai",  # matplotlib's ids would be random without it
}


def write_figure(
    stem: str | os.PathLike[str],
    numbers: pd.DataFrame,
    draw: Callable[[Figure, pd.DataFrame], None],
    size: tuple[float, float] = (6.4, 4.2),
) -> list[Path]:
    """Draw ``numbers`` and write ``stem`` with ``.png``, ``.svg`` and ``.csv``, each atomically.

    ``draw`` is given the numbers and nothing else, so that the CSV holds what is to be seen.

    Args:
        stem: the path without suffix.
        numbers: the table to draw.
        draw: fills an empty figure; called once.
        size: width and height in inches.

    Returns:
        The three paths.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        draw(figure, numbers)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once: both files look the same, and it takes longest
        # No date and no version in the file: the same numbers give the same bytes.
        png = write_atomically(
            f"{os.fspath(stem)}.png", lambda path: figure.savefig(path, format="png", metadata={"Software": None})
        )
        svg = write_atomically(
            f"{os.fspath(stem)}.svg",
            lambda path: figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None}),
        )
    return [png, svg, write_csv(f"{os.fspath(stem)}.csv", numbers)]
