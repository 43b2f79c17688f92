"""Prints the tables of a run and the paths of what was written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

__all__ = ["is_terminal", "print_files", "print_run", "print_table", "print_written"]

TITLES = {
    "scores": "Test images: mean scores",
    "comparison": "Did it help? Paired differences on the test images, 95 % bootstrap interval",
    "impact": "What pruning costs (training images)",
    "groups": "Whom it hits (share of the foreground IoU that is lost)",
    "detection": "How well mining found the planted hard images, beside the dense network's plain error",
}
COLUMNS = {
    "comparison": "model reference score mean_reference mean difference low high p_value",
    "impact": "sparsity foreground_iou_pruned foreground_drop_percent background_drop_percent foreground_forgotten "
    "background_forgotten",
}
# What a person opens; checkpoints and notes of the workflow are not among it.
_SHOWN, _HIDDEN, _HIDDEN_FOLDERS = (".csv", ".json", ".pt"), ("started.json", "checkpoint.pt"), ("phantom",)


def is_terminal(stream: Any = None) -> bool:
    """Tell whether a person watches ``stream``, by default standard error, where progress bars are drawn."""
    return (stream or sys.stderr).isatty()


def print_run(folder: Path) -> None:
    """Print the closing tables of ``htl run``, the images that were left out, and the files."""
    print_files(folder / "reporting", ("scores", "comparison", "impact", "groups", "detection"))
    skipped = pd.read_csv(folder / "preparing" / "skipped.csv", dtype=str)
    for row in skipped.itertuples():
        print(f"left out: {row.split} {row.id}: {row.reason}")
    print_written(folder)


def print_files(folder: Path, names: tuple[str, ...]) -> None:
    """Print those of the tables ``<name>.csv`` in ``folder`` that are there."""
    for name in names:
        path = folder / f"{name}.csv"
        if path.is_file():
            table = pd.read_csv(path)
            print_table(TITLES[name], table[COLUMNS[name].split()] if name in COLUMNS else table)


def print_table(title: str, table: pd.DataFrame) -> None:
    """Print a table with four significant digits; NaN is a dash."""
    shown = Table(title=title, title_justify="left")
    for column in table.columns:
        shown.add_column(str(column).replace("_", " "))
    for row in table.itertuples(index=False):
        shown.add_row(*(_cell(value) for value in row))
    Console(width=None if is_terminal(sys.stdout) else 160).print(shown)


def print_written(folder: Path) -> None:
    """Print the paths of the results below ``folder``."""
    print(f"\nWritten to {folder}:")
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        hidden = path.name in _HIDDEN or any(part in _HIDDEN_FOLDERS for part in place.parts)
        if path.suffix in _SHOWN and not hidden:
            print(f"  {place}")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    return str(value)
