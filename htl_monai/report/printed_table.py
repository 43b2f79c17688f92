"""Prints a table that fits the screen: numbers stay whole, and columns without room are named below it."""

from __future__ import annotations

import itertools
import sys
import textwrap
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table

WIDTH = 80
"""Characters a line where nobody watches."""
# A long word of text is broken to lines of so many characters.
_TEXT_WIDTH = 16
_GAP = 2
# What names a file or a patient is printed as it is written.
_VERBATIM = frozenset({"id", "image", "name", "mask", "overlay", "heat_map", "labels", "path"})


def print_table(title: str, table: pd.DataFrame) -> None:
    """Print a table with three significant digits; NaN is a dash.

    Args:
        title: a line above it.
        table: its first columns are the most important ones: those for which a line has no room are left out from the
            right and named below. A column ``note`` stands below, too: each note with the rows that it is of.
    """
    notes = table["note"] if "note" in table else pd.Series(dtype=object)
    table = table.drop(columns="note", errors="ignore")
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, markup=False, emoji=False)
    cells = {name: [_cell(value, name) for value in table[name]] for name in table.columns}
    widths = {name: _least_width(name, cells[name], _is_text(table[name])) for name in table.columns}
    fitting = _fitting(widths, console.width)
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for name in fitting:
        heading = "\n".join(textwrap.wrap(str(name).replace("_", " "), widths[name], break_long_words=False))
        text = _is_text(table[name])
        justify: JustifyMethod = "left" if text else "right"
        shown.add_column(heading, no_wrap=not text, overflow="fold", justify=justify, min_width=widths[name])
    for row in range(len(table)):
        shown.add_row(*(cells[name][row] for name in fitting))
    console.print(f"\n{title}\n")
    console.print(shown)
    left_out = [str(name) for name in table.columns if name not in fitting]
    if left_out:
        console.print(f"Also in the file: {', '.join(left_out)}")
    for note, rows in notes[notes.fillna("") != ""].groupby(notes, sort=False):
        console.print(f"{note}: {', '.join(_row_name(table.loc[row]) for row in rows.index)}")


def _row_name(row: pd.Series) -> str:
    """Return what a row begins with, up to its first number."""
    words = itertools.takewhile(lambda value: isinstance(value, str), row)
    return " ".join(word.replace("_", " ") for word in words)


def _fitting(widths: dict[str, int], width: int) -> list[str]:
    """Return the first columns whose least widths fit; one at least."""
    names: list[str] = []
    used = 0
    for name, least in widths.items():
        used += least + _GAP
        if names and used - _GAP > width:
            break
        names.append(name)
    return names


def _least_width(name: str, cells: list[str], is_text: bool) -> int:
    """Return how narrow a column can be: headings and text are broken between words, numbers never."""
    parts = [part for cell in cells for part in (cell.split() if is_text else [cell])]
    longest = max(map(len, parts), default=0)
    return max(*map(len, str(name).split("_")), min(longest, _TEXT_WIDTH) if is_text else longest, 1)


def _is_text(column: pd.Series) -> bool:
    return pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column)


def _cell(value: Any, name: str) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.1g}"
    return str(value) if name in _VERBATIM else str(value).replace("_", " ")
