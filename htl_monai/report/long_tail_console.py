"""Prints of the tables of a chest X-ray run what a person asks first; the files hold the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from htl_monai.data.files import read_table
from htl_monai.report.console import print_skipped
from htl_monai.report.long_tail_run import MAIN
from htl_monai.report.printed_table import print_table
from htl_monai.report.verdict import verdict_on_arms
from htl_monai.runs import layout

__all__ = ["TABLES", "print_long_tail", "print_long_tail_run"]

# Of the sweep that the paper makes, every fourth sparsity fits a screen.
_EVERY = 4
_PIES = 10


def _overall(table: pd.DataFrame) -> pd.DataFrame:
    rows = _of_main(table)
    return rows.iloc[::_EVERY] if len(rows) > 2 * _EVERY else rows


def _of_main(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["compression"] == MAIN].drop(columns="compression")


def _correlations(table: pd.DataFrame) -> pd.DataFrame:
    return _of_main(table)[["x", "y", "method", "estimate", "low", "high", "p_holm", "n_classes"]]


def _by_spearman(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["definition"] == "spearman", ["group", "n", "n_pie", "ratio", "low", "high", "p_holm"]]


def _first_pies(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["is_pie"], ["id", "labels", "spearman", "taxicab", "label_quality"]].head(_PIES)


def _mean_of_classes(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["class"] == "mean"]
    return rows[["arm", "reference", "n_seeds", "ap_reference", "ap", "difference", "low", "high", "p_holm"]]


TABLES: Mapping[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "overall": ("What magnitude pruning costs: mean average precision (AP) of the classes", _overall),
    "first_drop": ("Which classes are forgotten first: sparsity at which a fifth of the AP is lost", _of_main),
    "correlations": ("What forgetting goes with (95 % intervals, p after Holm)", _correlations),
    "pies": (f"The images that pruning changes most (PIEs): the first {_PIES}, all in pies.csv", _first_pies),
    "pie_ratios": ("Whom the forgotten images (PIEs) show: share among them / share among the others", _by_spearman),
    "planted": ("How well the planted images are found", lambda table: table),
    "arms": (
        "Hard or noisy? Test AP of each arm against the reference (95 % intervals over seeds and images)",
        _mean_of_classes,
    ),
}
"""The tables that are printed, in order: title, and what is shown of each."""


def print_long_tail(tables: Mapping[str, pd.DataFrame]) -> None:
    """Print the tables that :data:`TABLES` names and that are there, then the notes on what could not be said.

    Args:
        tables: as :func:`~htl_monai.report.long_tail_summary.write_long_tail_summary` returns them, or some of them.
    """
    for name, (title, shown) in TABLES.items():
        if name in tables:
            print_table(title, shown(tables[name]))
    for name in ("notes", "pie_notes"):
        for note in tables[name]["note"] if name in tables else ():
            print(f"note: {note}")


def print_long_tail_run(folder: Path) -> None:
    """Print the closing tables of a run, the images that were left out, where the rest is, and the verdict."""
    names = [name for name in (*TABLES, "notes", "pie_notes") if (folder / layout.REPORTING / f"{name}.csv").is_file()]
    tables = {name: read_table(folder / layout.REPORTING / f"{name}.csv") for name in names}
    print_long_tail(tables)
    print_skipped(folder)
    print(f"\nTables in {folder / 'reporting'}, figures in {folder / 'reporting' / 'figures'}")
    if "arms" in tables:
        print(f"\n{verdict_on_arms(tables['arms'])}")
